#include "tests/unit/fault_server.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>

namespace pgvigil::testing_net {
namespace {

template <class Write>
std::string pem(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

Certificate make_certificate(const std::string& dns_name, long from, long to) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), from);
  X509_gmtime_adj(X509_getm_notAfter(cert), to);
  X509_set_pubkey(cert, key);
  X509_NAME* name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(dns_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(cert, name);
  const std::string names = "DNS:" + dns_name + (dns_name == "localhost" ? ",IP:127.0.0.1" : "");
  X509_EXTENSION* san = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(cert, san, -1);
  X509_EXTENSION_free(san);
  X509_sign(cert, key, EVP_sha256());
  Certificate made{pem([&](BIO* b) { PEM_write_bio_X509(b, cert); }),
                   pem([&](BIO* b) { PEM_write_bio_PrivateKey(b, key, nullptr, nullptr, 0, nullptr, nullptr); })};
  X509_free(cert);
  EVP_PKEY_free(key);
  return made;
}

std::string write_temp(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "pgvigil_" + std::to_string(::getpid()) + "_" + name;
  std::ofstream(path) << text;
  return path;
}

std::string answer(const std::string& status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

FaultServer::FaultServer(asio::io_context& io, std::vector<std::string> scripts, const Certificate* certificate)
    : io_(io),
      acceptor_(io, {asio::ip::address_v4::loopback(), 0}),
      use_tls_(certificate != nullptr),
      scripts_(std::move(scripts)) {
  if (use_tls_) {
    tls_.use_certificate(asio::buffer(certificate->cert_pem), asio::ssl::context::pem);
    tls_.use_private_key(asio::buffer(certificate->key_pem), asio::ssl::context::pem);
  }
  asio::co_spawn(io_, accept(alive_), asio::detached);
}

std::string FaultServer::url(const std::string& host) const {
  return std::string(use_tls_ ? "https://" : "http://") + host + ":" + std::to_string(port()) +
         "/services/CANARY-SECRET?token=CANARY";
}

asio::awaitable<void> FaultServer::accept(std::shared_ptr<bool> alive) {
  while (*alive) {
    boost::system::error_code ec;
    asio::ip::tcp::socket socket(io_);
    co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
    if (ec || !*alive) co_return;
    if (!use_tls_) {
      asio::co_spawn(io_, serve(std::move(socket), alive), asio::detached);
      continue;
    }
    asio::co_spawn(
        io_,
        [](FaultServer* self, asio::ip::tcp::socket s, std::shared_ptr<bool> still) -> asio::awaitable<void> {
          asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(s), self->tls_);
          boost::system::error_code bad;
          co_await stream.async_handshake(asio::ssl::stream_base::server,
                                          asio::redirect_error(asio::use_awaitable, bad));
          if (!bad && *still) co_await self->serve(std::move(stream), still);
        }(this, std::move(socket), alive),
        asio::detached);
  }
}

template <class Stream>
asio::awaitable<void> FaultServer::serve(Stream stream, std::shared_ptr<bool> alive) {
  boost::system::error_code ec;
  const auto token = [&ec] { return asio::redirect_error(asio::use_awaitable, ec); };
  std::string request;
  std::size_t head = 0, length = 0;
  while (head == 0 || request.size() < head + length) {
    char buffer[4096];
    const std::size_t n = co_await stream.async_read_some(asio::buffer(buffer), token());
    if (ec || !*alive) co_return;
    request.append(buffer, n);
    if (const auto end = request.find("\r\n\r\n"); head == 0 && end != std::string::npos) {
      head = end + 4;
      if (const auto at = request.find("Content-Length: "); at < end) length = std::stoul(request.substr(at + 16));
    }
  }
  hits.push_back({Clock::now(), request, request.substr(head)});
  const std::string script = scripts_[std::min(connections_++, scripts_.size() - 1)];
  asio::steady_timer timer(io_);
  if (script == "close") co_return;
  if (script == "hang") {
    timer.expires_after(std::chrono::seconds(3));
    co_await timer.async_wait(token());
  } else if (script == "endless" || script == "drip") {
    const bool drip = script == "drip";
    const std::string begin = drip ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 200 OK\r\n\r\n";
    co_await asio::async_write(stream, asio::buffer(begin), token());
    const std::string more(drip ? 1 : 65536, 'x');
    for (int i = 0; i < 1000 && !ec; ++i) {
      if (drip) {
        timer.expires_after(std::chrono::milliseconds(20));
        co_await timer.async_wait(token());
      }
      co_await asio::async_write(stream, asio::buffer(more), token());
    }
  } else {
    const std::string bytes = script == "garbage" ? "SSH-2.0-OpenSSH_9.2\r\n\r\n" : script;
    co_await asio::async_write(stream, asio::buffer(bytes), token());
  }
}

}  // namespace pgvigil::testing_net
