// A receiver that misbehaves as told, on loopback, in the test's own loop. And certificates to present.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace pgvigil::testing_net {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

struct Certificate {
  std::string cert_pem, key_pem;
};
// Self-signed, for this DNS name and 127.0.0.1 (unless the name is another one), valid from..to seconds from now.
Certificate make_certificate(const std::string& dns_name, long from = -3600, long to = 3600);
// A file in the test's temporary folder that holds `text`.
std::string write_temp(const std::string& name, const std::string& text);

struct Hit {
  Clock::time_point at;
  std::string request;  // head and body
  std::string body;
};

class FaultServer {
 public:
  // Each connection takes the next script, the last one for ever: a raw HTTP answer, or "hang", "endless", "drip",
  // "close", "garbage".
  FaultServer(asio::io_context& io, std::vector<std::string> scripts, const Certificate* certificate = nullptr);
  ~FaultServer() { *alive_ = false; }
  std::string url(const std::string& host = "127.0.0.1") const;
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  std::vector<Hit> hits;

 private:
  asio::awaitable<void> accept(std::shared_ptr<bool> alive);
  template <class Stream>
  asio::awaitable<void> serve(Stream stream, std::shared_ptr<bool> alive);

  asio::io_context& io_;
  asio::ip::tcp::acceptor acceptor_;
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  bool use_tls_;
  std::vector<std::string> scripts_;
  std::size_t connections_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::string answer(const std::string& status, const std::string& headers = "", const std::string& body = "ok");

}  // namespace pgvigil::testing_net
