// One receiver at work: its queue, its pace and its coroutine. Only for receivers.cc.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <random>

#include "agent/alerts/queue.h"
#include "agent/alerts/receivers.h"

namespace pgvigil {

class Receiver {
 public:
  using Clock = std::chrono::steady_clock;
  using Standing = std::vector<std::string>;  // payloads

  Receiver(const boost::asio::any_io_executor& executor, ReceiverOptions options, const AlertsOptions& shared);
  // Until it is stopped, or has left. Holds itself: it may still be in a POST when the Alerts are gone.
  static boost::asio::awaitable<void> serve(std::shared_ptr<Receiver> self);

  void configure(ReceiverOptions options);  // between two POSTs, and during one: that goes on as it was begun
  void push(Delivery delivery);
  void stands(const std::string& target, Standing all);  // told again and again
  void leave();                                          // no longer configured: what waits has ten minutes
  bool left() const { return leave_by_ && (queue_.empty() || Clock::now() >= *leave_by_); }
  void stop();

  const ReceiverOptions& options() const { return options_; }
  std::size_t queued() const { return queue_.size(); }
  ReceiverStats stats() const;
  void say(std::string_view what) const;
  void lost() { ++stats_.dropped; }  // one that could not even be written down

 private:
  void give_up(const std::vector<Delivery>& all, std::string_view why, std::string_view hint = "");
  void settle(const Delivery& delivery, bool delivered);
  void push_out(const Delivery& delivery);
  bool due_again() const { return !standing_.empty() && Clock::now() >= next_standing_; }
  std::string body();
  std::optional<std::string> whole_body();
  milliseconds judge(const std::vector<DeliveryQueue::Waiting>& sent, const net::Response& response);
  std::vector<Delivery> flown();
  boost::asio::awaitable<void> sleep(Clock::time_point until);

  ReceiverOptions options_;
  net::Url url_;
  Pace pace_;
  std::function<void(const std::string&, const std::string&, bool)> settled_;
  std::function<void(const std::string&)> log_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<const net::HttpClient> client_;
  DeliveryQueue queue_;
  std::size_t unsaid_ = 0;                    // pushed out of the queue since the last digest
  std::size_t singly_ = 0;                    // of those that wait first, since a body of many was refused
  bool digested_ = false;                     // what is in flight
  std::map<std::string, Standing> standing_;  // by target; not empty for any
  Clock::time_point next_standing_ = Clock::time_point::min();
  ReceiverStats stats_;
  std::mt19937 random_{std::random_device{}()};
  unsigned tries_ = 0;    // since it last took something
  unsigned refused_ = 0;  // reposts
  std::optional<Clock::time_point> leave_by_;
  bool idle_ = false, stopped_ = false;
  Clock::time_point next_post_ = Clock::time_point::min();
};

net::Url url_of(const ReceiverOptions& options);  // of options that check_receiver passed
net::Headers json_headers();
double lifetime(const Pace& pace);  // seconds that Alertmanager may believe an alert which is not told again
Time wall_now();

}  // namespace pgvigil
