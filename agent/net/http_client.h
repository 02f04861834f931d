// One HTTP POST to somewhere else: over TLS with the certificate and the name verified, under one deadline for all of
// it, reading little. No redirects, no proxy from the environment, no connection kept. Errors name the host only.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/net/url.h"

namespace pgvigil::net {

struct ClientOptions {
  std::string ca_file = {};    // PEM; trusted beside the system's authorities
  bool allow_private = false;  // RFC 1918 and the like; this machine is always allowed, link-local never
};

struct Response {
  int status = 0;          // 0 when there was no answer; then `error` says why
  std::string error = {};  // one lower-case line; no path, no body
  std::string body = {};   // the first 4 KiB at most; for a person, the status alone decides
  std::string retry_after = {};
  bool ok() const { return status >= 200 && status < 300; }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

class HttpClient {
 public:
  // A bad ca_file does not throw: every POST over TLS then fails and says so.
  explicit HttpClient(ClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Never throws for what the network does. Cancelled with its coroutine. To be run on one thread at a time.
  boost::asio::awaitable<Response> post(Url url, Headers headers, std::string body,
                                        std::chrono::milliseconds deadline) const;

 private:
  struct Tls;
  ClientOptions options_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace pgvigil::net
