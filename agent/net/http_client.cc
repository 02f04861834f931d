#include "agent/net/http_client.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "agent/net/reach.h"
#include "agent/net/resolve.h"

namespace pgvigil::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Request = http::request<http::string_body>;

constexpr std::size_t most_header = 8 * 1024, most_body = 4 * 1024;
constexpr auto body_patience = std::chrono::seconds(2);  // the status decides; the body is only for people

std::string in_words(const error_code& ec) {
  if (ec == beast::error::timeout) return "no answer in time";
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return "the answer's header is too large";
  if (ec == http::error::end_of_stream || ec == http::error::partial_message || ec == asio::error::eof ||
      ec == asio::ssl::error::stream_truncated)
    return "the connection was closed before an answer";
  if (ec.category() == http::make_error_code(http::error::bad_method).category()) return "the answer is not HTTP";
  return ec.message();
}

Request request_for(const Url& url, const Headers& headers, std::string body) {
  Request r{http::verb::post, url.target, 11};
  r.set(http::field::host, url.host_header());
  r.set(http::field::user_agent, "pgvigil");
  r.set(http::field::connection, "close");
  for (const auto& [name, value] : headers) r.set(name, value);
  r.body() = std::move(body);
  r.prepare_payload();
  return r;
}

// Tries the addresses in turn, each with its share of the time that is left.
asio::awaitable<std::string> connect(beast::tcp_stream& stream, Url url, bool allow_private,
                                     Clock::time_point deadline) {
  Resolved resolved = co_await resolve(url.host, deadline);
  if (!resolved.error.empty()) co_return resolved.error;
  std::string why;
  std::vector<asio::ip::address> allowed;
  for (const auto& address : resolved.addresses) {
    std::string no = refused(address, url.tls, allow_private);
    if (no.empty())
      allowed.push_back(address);
    else
      why = std::move(no);
  }
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) co_return "no answer in time";
    stream.expires_after(left / static_cast<int>(allowed.size() - i));
    error_code ec;
    co_await stream.async_connect(asio::ip::tcp::endpoint(allowed[i], url.port),
                                  asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) co_return "";
    why = ec == beast::error::timeout ? "no connection in time" : "cannot connect: " + ec.message();
    stream.close();
  }
  co_return why;
}

template <class Stream>
asio::awaitable<Response> exchange(Stream& stream, Request& request, Clock::time_point deadline) {
  Response response;
  error_code ec;
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_at(deadline);
  co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, ec));
  const error_code wrote = ec;  // a server may answer and close before it read everything
  beast::flat_buffer buffer(most_header + most_body);
  http::response_parser<http::string_body> parser;
  parser.header_limit(most_header);
  parser.body_limit(most_body);
  ec = {};
  co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, ec));
  if (!parser.is_header_done()) {
    response.error = in_words(wrote ? wrote : ec);
    co_return response;
  }
  response.status = static_cast<int>(parser.get().result_int());
  response.retry_after = std::string(parser.get()[http::field::retry_after]);
  lowest.expires_at(std::min(deadline, Clock::now() + body_patience));
  if (!ec) co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, ec));
  response.body = parser.get().body().substr(0, most_body);
  co_return response;
}

}  // namespace

struct HttpClient::Tls {
  asio::ssl::context context{asio::ssl::context::tls_client};
  std::string error;
};

HttpClient::HttpClient(ClientOptions options) : options_(std::move(options)), tls_(std::make_unique<Tls>()) {
  SSL_CTX_set_min_proto_version(tls_->context.native_handle(), TLS1_2_VERSION);
  tls_->context.set_verify_mode(asio::ssl::verify_peer);
  error_code ec;
  tls_->context.set_default_verify_paths(ec);
  if (!options_.ca_file.empty() && tls_->context.load_verify_file(options_.ca_file, ec))
    tls_->error = "cannot read certificates from ca_file: " + ec.message();
}
HttpClient::~HttpClient() = default;

asio::awaitable<Response> HttpClient::post(Url url, Headers headers, std::string body,
                                           std::chrono::milliseconds deadline) const {
  const Clock::time_point until = Clock::now() + deadline;
  Response response;
  Request request = request_for(url, headers, std::move(body));
  const auto executor = co_await asio::this_coro::executor;
  if (!url.tls) {
    beast::tcp_stream stream(executor);
    response.error = co_await connect(stream, url, options_.allow_private, until);
    if (response.error.empty()) response = co_await exchange(stream, request, until);
    co_return response;
  }
  if (!tls_->error.empty()) {
    response.error = tls_->error;
    co_return response;
  }
  beast::ssl_stream<beast::tcp_stream> stream(executor, tls_->context);
  response.error = co_await connect(beast::get_lowest_layer(stream), url, options_.allow_private, until);
  if (!response.error.empty()) co_return response;
  error_code ec;
  asio::ip::make_address(url.host, ec);
  if (ec && SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str()) != 1) {
    response.error = "the host name cannot be sent in TLS";
    co_return response;
  }
  stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
  beast::get_lowest_layer(stream).expires_at(until);
  ec = {};
  co_await stream.async_handshake(asio::ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) {
    const long verdict = SSL_get_verify_result(stream.native_handle());
    response.error = ec == beast::error::timeout ? "no TLS handshake in time"
                     : verdict != X509_V_OK
                         ? std::string("certificate refused: ") + X509_verify_cert_error_string(verdict)
                         : "TLS failed: " + ec.message();
    co_return response;
  }
  response = co_await exchange(stream, request, until);
  co_return response;
}

}  // namespace pgvigil::net
