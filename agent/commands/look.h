// One look at a target, and the next ones: two observations, samples between them, the second waves as soon as the load
// is known. The connections stay open from look to look.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "agent/core/recording.h"
#include "agent/pg/target.h"

namespace pgvigil {

class Look : public std::enable_shared_from_this<Look> {
 public:
  // Samples for `seconds`, longer while the plans are still under way, but gives up waiting after `timeout`.
  Look(boost::asio::io_context& io, TargetOptions options, Context context, double seconds, double timeout);
  // The connection's error, or nothing: then the recording is complete. May be called again.
  std::optional<ConnectError> run();
  const Recording& recording() const { return recording_; }

 private:
  void spawn(boost::asio::awaitable<void> (Look::*part)());
  boost::asio::awaitable<void> first_connection();
  boost::asio::awaitable<void> second_connection();
  boost::asio::awaitable<void> observe(const std::vector<const AnyProbe*>& probes);
  void keep(Observation o) { recording_.history.add(std::move(o)); }

  boost::asio::io_context& io_;
  Target target_;
  boost::asio::steady_timer timer_;
  Recording recording_;
  std::optional<ConnectError> error_;
  std::exception_ptr failed_;
  double seconds_, timeout_;
  std::chrono::steady_clock::time_point enough_{}, latest_{};
  int samples_ = 0;
  bool planned_ = false, second_under_way_ = false;
};

}  // namespace pgvigil
