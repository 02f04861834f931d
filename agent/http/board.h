// What HTTP serves: finished texts in memory, put there by the loop. Serving never asks a database.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "checks/finding.h"

namespace pgvigil {

using Text = std::shared_ptr<const std::string>;  // shared by all its readers, never copied
using Steady = std::chrono::steady_clock::time_point;

struct Published {
  std::uint64_t id = 0;  // grows with every publish, over all targets; the id of the live event
  std::string target;
  Severity verdict = Severity::ok;
  bool reachable = true;
  std::string headline;
  Text report;  // JSON in one line
};

// Safe to use from several threads; nothing waits in it for long.
class Board {
 public:
  // report: as render_json makes it. Line breaks between its tokens become spaces (a live event is one line).
  void publish(std::string target, Severity verdict, bool reachable, std::string headline, Text report);
  void retire(std::string_view target);  // no longer watched
  void metrics(Text page);

  // Health: the loop finished a cycle attempt at this time; the configuration is loaded and a first cycle was tried.
  void progress(Steady at);
  void ready(bool yes);

  std::uint64_t last_id() const;
  std::vector<Published> all() const;                                                  // by target name
  std::vector<Published> since(std::uint64_t id, std::string_view target = {}) const;  // newest ones, by id
  Text metrics() const;
  Steady progress() const;
  bool ready() const;

  // Called after every publish, on the publisher's thread. One listener: the server.
  void on_publish(std::function<void()> listener);

 private:
  mutable std::mutex mutex_;
  // Goes on where an earlier process of this agent stopped, so that a reader who resumes misses nothing.
  std::uint64_t last_id_ =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1));
  std::map<std::string, Published, std::less<>> published_;
  Text metrics_ = std::make_shared<const std::string>();
  Steady progress_ = std::chrono::steady_clock::now();
  bool ready_ = false;
  std::function<void()> listener_;
};

}  // namespace pgvigil
