// A dead man's switch: somebody outside is told again and again that the agent makes progress, and raises the alarm
// when that stops. A beat is a POST that nobody retries: the next one follows.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace pgvigil {

struct HeartbeatOptions {
  std::string url;  // a secret
  std::chrono::milliseconds interval{60'000};
  bool allow_private = false;
  std::string ca_file = {};
  std::function<void(const std::string& line)> log = {};
};

class Heartbeat {
 public:
  // Throws std::invalid_argument for a URL that cannot be used.
  static std::shared_ptr<Heartbeat> start(boost::asio::any_io_executor executor, HeartbeatOptions options);
  ~Heartbeat();
  void alive();  // there was progress; without it since the last beat there is no next one
  void stop();

 private:
  struct Impl;
  explicit Heartbeat(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace pgvigil
