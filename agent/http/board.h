// What HTTP serves: finished texts in memory, put there by the loop. Serving never asks a database.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/load_log.h"
#include "checks/finding.h"

namespace pgvigil {

using Text = std::shared_ptr<const std::string>;  // shared by all its readers, never copied
using Steady = std::chrono::steady_clock::time_point;

// What one report of one target puts there.
struct Published {
  std::uint64_t id = 0;  // grows with every publish, over all targets; the id of the live event
  std::string target;
  Severity verdict = Severity::ok;
  bool reachable = true;
  Text report = nullptr;                                 // the JSON of render_json
  Text line = nullptr;                                   // of `targets[]`
  Text findings = nullptr;                               // elements of `findings[]`
  std::map<std::string, Text, std::less<>> others = {};  // documents of docs/api.md by the last word of their path
};
using PublishedPtr = std::shared_ptr<const Published>;

// A load sample of one target: the newest.
struct LoadSample {
  std::uint64_t number = 0;  // grows with each
  Text document;
};

// Safe to use from several threads; nothing waits in it for long.
class Board {
 public:
  // Its id is given here. Line breaks between the tokens of its texts become spaces: a live event is one line.
  void publish(Published published);
  void sampled(const std::string& target, std::optional<double> vcpus, double interval, const Observation& observation);
  void recalled(const std::string& target, const std::vector<Observation>& earlier);  // samples of an earlier process
  void retire(std::string_view target);                                               // no longer watched
  void metrics(Text page);
  void agent(Text own);  // of ourselves, for `targets`

  // Health: the loop finished a cycle attempt at this time; the configuration is loaded and a first cycle was tried.
  void progress(Steady at);
  void ready(bool yes);

  std::uint64_t last_id() const;
  std::vector<PublishedPtr> all() const;                                                  // by target name
  std::vector<PublishedPtr> since(std::uint64_t id, std::string_view target = {}) const;  // newest ones, by id
  std::optional<LoadSample> sample_since(std::uint64_t number, std::string_view target) const;
  // The load in memory within these times; without points before the first sample.
  Text load(std::string_view target, Time from, Time until) const;
  std::optional<Time> load_since(std::string_view target) const;  // the oldest that is in memory
  Text metrics() const;
  Text agent() const;
  Steady progress() const;
  bool ready() const;

  // Called after every publish and sample, on the publisher's thread. One listener: the server.
  void on_news(std::function<void()> listener);

 private:
  struct Live {
    LoadLog log;
    std::optional<double> vcpus = {};
    double interval = 1;
    std::uint64_t number = 0;
    Text newest = nullptr;  // made when somebody asks
  };
  void tell();

  mutable std::mutex mutex_;
  // Goes on where an earlier process of this agent stopped, so that a reader who resumes misses nothing.
  std::uint64_t last_id_ =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1));
  std::uint64_t last_sample_ = 0;  // over all targets: one that comes back is news to a stream that stayed
  std::map<std::string, PublishedPtr, std::less<>> published_;
  mutable std::map<std::string, Live, std::less<>> live_;
  Text metrics_ = std::make_shared<const std::string>(), agent_ = std::make_shared<const std::string>("{}");
  Steady progress_ = std::chrono::steady_clock::now();
  bool ready_ = false;
  std::function<void()> listener_;
};

}  // namespace pgvigil
