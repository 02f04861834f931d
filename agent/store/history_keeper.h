// Keeps the past on the disk: one thread of its own writes what the loop hands over, every few seconds. A disk that is
// full or read-only or does not answer, a directory that is gone or a damaged file never reach the loop: what is new
// stays in memory for a quarter of an hour, as far as there is room, and is written as soon as it can be.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/core/keep.h"
#include "agent/store/history_file.h"

namespace pgvigil {

struct KeeperOptions {
  std::string directory;
  HistoryLimits limits = {};
  Milliseconds beat{10'000};
  std::function<Time()> now;  // UTC
  // A change to tell a person, once: the state is degraded (or well again), and why. Called on the writer's thread,
  // or, where that hangs, by whoever hands something over.
  std::function<void(bool degraded, const std::string& what)> say = {};
};

class HistoryKeeper final : public Keep {
 public:
  explicit HistoryKeeper(KeeperOptions options);
  ~HistoryKeeper() override;  // stop(2 s)
  HistoryKeeper(const HistoryKeeper&) = delete;
  HistoryKeeper& operator=(const HistoryKeeper&) = delete;

  void observed(const Context& context, const Observation& observation) override;
  void judged(const Report& report) override;
  void happened(const std::string& target, const Moment& moment) override;

  // What was observed of it since then, by an earlier process; `done` is called on the writer's thread, unless there is
  // nothing.
  void recall(const std::string& target, Time since, Time until, std::function<void(std::vector<Observation>)> done);
  // Runs on the writer's thread with a reader of what is kept, and the target's id; without one when nothing is.
  void ask(const std::string& target, std::function<void(HistoryReader*, std::int64_t target)> task);
  bool degraded() const;
  // Writes what is left and ends; false when the disk took longer than that: the thread is then left behind.
  bool stop(Milliseconds patience);

 private:
  class Writer;
  std::shared_ptr<Writer> writer_;
  bool stopped_ = false;
};

}  // namespace pgvigil
