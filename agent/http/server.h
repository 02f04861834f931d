// The HTTP server: plain GET and HEAD from memory, live events, and limits that hold whoever calls.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/http/board.h"
#include "agent/http/routes.h"

namespace pgvigil {

struct HttpOptions {
  std::string address = "127.0.0.1";  // an IP address; "localhost" is 127.0.0.1
  std::uint16_t port = 9717;          // 0: any free one
  std::string token;                  // "" on loopback: none is needed
  bool insecure = false;              // another address than loopback without a token
  std::vector<std::string> hosts;     // names in a Host header that are ours too (of external_url)
  double interval_seconds = 10;       // how often reports come
  int max_connections = 320;
  int max_streams = 256;  // of them: live events
  AskPast past = {};      // the history on the disk; none: what is in memory is all there is
  std::chrono::milliseconds header_deadline{5'000}, idle_deadline{30'000}, write_deadline{10'000};
  std::chrono::milliseconds heartbeat{15'000}, stuck_after{60'000}, past_deadline{10'000};
};

// Why the server did not start, as two parts of a message: "cannot listen on ...", and how to mend it.
struct HttpError {
  std::string message, hint;
};

class HttpServer {
 public:
  // executor: of one thread, or a strand. The board outlives the server.
  HttpServer(boost::asio::any_io_executor executor, HttpOptions options, Board& board);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::optional<HttpError> start();  // nullopt: it listens
  std::uint16_t port() const;        // after start
  std::size_t connections() const;   // open now
  void stop();                       // closes everything; what is under way ends in the next turns of the loop

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pgvigil
