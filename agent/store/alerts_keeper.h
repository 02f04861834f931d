// The alerts' disk: one thread of its own, so that a slow or full one never reaches the loop. What cannot be written is
// sent all the same, and is written as soon as it can be.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/core/delivery.h"
#include "agent/core/silence.h"

namespace pgvigil {

struct Recovered {
  std::vector<Delivery> waiting;              // oldest first
  std::map<std::string, std::string> states;  // by target
  std::vector<Silence> silences;
};

struct AlertsKeeperOptions {
  std::string directory;
  Milliseconds beat{2'000};   // a disk that failed is tried again, and silences are looked at
  std::function<Time()> now;  // UTC
  // All are called on the keeper's thread.
  std::function<void(bool degraded, const std::string& what)> say = {};  // once at each change
  std::function<void(std::vector<Silence>)> silences = {};               // whenever they changed
  // What an earlier process left: once, as soon as it can be read, and before anything is written.
  std::function<void(Recovered)> recovered = {};
};

class AlertsKeeper {
 public:
  explicit AlertsKeeper(AlertsKeeperOptions options);
  ~AlertsKeeper();  // stop(2 s)
  AlertsKeeper(const AlertsKeeper&) = delete;
  AlertsKeeper& operator=(const AlertsKeeper&) = delete;

  // `done` is called on the keeper's thread when it is on the disk, or cannot be brought there now; in order.
  void keep(std::string target, std::string state, std::vector<Delivery> deliveries, std::function<void()> done);
  void settled(std::string receiver, std::string id);
  bool degraded() const;
  // Writes what is left and ends; false when the disk took longer than that: the thread is then left behind.
  bool stop(Milliseconds patience);

 private:
  class Writer;
  std::shared_ptr<Writer> writer_;
  bool stopped_ = false;
};

}  // namespace pgvigil
