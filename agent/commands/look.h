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
  // Samples for `seconds`, longer while the plans are still under way, but ends after `timeout` with what there is.
  Look(boost::asio::io_context& io, TargetOptions options, Context context, double seconds, double timeout);
  // The connection's error, or nothing. The recording holds whatever was seen by then. May be called again.
  std::optional<ConnectError> run();
  const Recording& recording() const { return recording_; }

 private:
  void spawn(boost::asio::awaitable<void> (Look::*part)());
  boost::asio::awaitable<void> first_connection();
  boost::asio::awaitable<void> second_connection();
  boost::asio::awaitable<void> observe(const std::vector<const AnyProbe*>& probes);
  boost::asio::awaitable<void> pause(boost::asio::steady_timer& timer, std::chrono::steady_clock::time_point until);
  // On the server's own machine, each of our steps waits for a core as its sessions do.
  void leave_time_to_judge();
  // A server that answered, and hangs or is gone since: what it said before is no verdict on now.
  void note_lost_contact();
  void keep(Observation o) { recording_.history.add(std::move(o)); }
  // A second reading that was cut short must not hide the first.
  void keep_if_whole(Observation o);

  boost::asio::io_context& io_;
  Target target_;
  boost::asio::steady_timer timer_;
  Recording recording_;
  std::vector<const AnyProbe*> asked_;  // an answer is expected of each
  std::optional<ConnectError> error_;
  std::exception_ptr failed_;
  double seconds_, timeout_;
  std::chrono::steady_clock::time_point enough_{}, latest_{};
  int samples_ = 0;
  bool begun_ = false, planned_ = false, second_under_way_ = false;
};

}  // namespace pgvigil
