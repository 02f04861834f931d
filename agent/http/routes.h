// What is answered to which request: from the board and the built-in files, without a socket.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/http/access.h"
#include "agent/http/board.h"

namespace pgvigil {

// A request, as far as we look at it. Headers that are absent are "".
struct Ask {
  std::string_view method, target;  // target: path and query
  std::string_view host, authorization, cookie, accept, accept_encoding, if_none_match, last_event_id;
  std::string_view body;  // of a login
  bool old = false;       // HTTP/1.0: may come without a Host
};

// What is only in the history on the disk. Times as far as they were given: else the earliest and the latest there are.
struct PastAsk {
  std::string path;  // of docs/api.md: "load" or "events"
  std::string target;
  Time from = Time::min(), until = Time::max();
};
inline constexpr double usual_load = 15 * 60;  // seconds of load before `until`, where no `from` is given
// Answers with the document, or null when it is not to be had; on any thread, at once or later.
using AskPast = std::function<void(const PastAsk&, std::function<void(Text)> answer)>;

struct Reply {
  unsigned status = 200;
  std::vector<std::pair<std::string_view, std::string>> headers;
  Text text;              // keeps the body alive; null for a built-in file
  std::string_view body;  // a view of *text, or of a built-in file
  bool live = false;      // go on with server-sent events
  std::uint64_t after = 0;
  std::string only_target;
  bool slow_down = false;            // a wrong token: answer it late
  std::optional<PastAsk> past = {};  // ask the history for the text
};

struct RoutesOptions {
  std::string address = "127.0.0.1";
  std::vector<std::string> hosts = {};            // more names we go by
  std::chrono::milliseconds stuck_after{60'000};  // /healthz fails when no cycle attempt ended for so long
  double interval_seconds = 10;                   // how often reports come; the page calls itself stale after three
  bool has_past = false;                          // there is a history to ask
};

class Routes {
 public:
  Routes(const Board& board, const Access& access, RoutesOptions options)
      : board_(board), access_(access), options_(std::move(options)) {}
  Reply answer(const Ask& ask, Steady now) const;
  static Reply document(Text text);                             // from the history; null: 503
  static Reply refuse(unsigned status, std::string_view what);  // what never became a request

 private:
  Reply api(const Ask& ask, std::string_view path, std::string_view query) const;
  Reply of_target(std::string_view path, const std::string& target, std::string_view query) const;
  Reply load(const std::string& target, std::string_view query) const;
  Reply events(const Published& published, std::string_view query) const;
  Reply login(const Ask& ask) const;

  const Board& board_;
  const Access& access_;
  RoutesOptions options_;
};

}  // namespace pgvigil
