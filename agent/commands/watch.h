// One target, watched: asks on schedule, keeps the window, evaluates, and hands each report on. Never overlaps
// itself: a slow server stretches the cycle. Two coroutines, one for each connection: samples and cycles on the
// first, sweeps and plans on the second.
#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "agent/core/evaluate.h"
#include "agent/core/keep.h"
#include "agent/pg/now.h"
#include "agent/pg/target.h"
#include "agent/settings/settings.h"

namespace pgvigil {

class Watch : public std::enable_shared_from_this<Watch> {
 public:
  using Publish = std::function<void(const Report&, const History&, const Context&)>;

  Watch(boost::asio::any_io_executor executor, const TargetSettings& target, const Settings& settings,
        Conninfo conninfo, Publish publish, Keep* past = nullptr);
  void start();
  // What an earlier process saw of this target. It joins the window when it turns out to be of the same server.
  void recall(std::vector<Observation> earlier);
  void stop();  // the coroutines end at their next step, and the connections close
  bool closed() const { return closed_; }
  bool stopping() const { return stopping_; }
  // The checks whose findings alert now: their levels are cleared lower than they were raised.
  void firing(std::set<std::string, std::less<>> checks) { context_.firing = std::move(checks); }
  void configure(const TargetSettings& target, const Settings& settings);  // thresholds, schedule; not the connection

  // When the slower of the two loops last ended a turn, whatever came of it: the watchdog's food.
  std::chrono::steady_clock::time_point progress() const { return std::min(progress_, sweep_progress_); }
  const TargetSettings& settings() const { return target_settings_; }

 private:
  boost::asio::awaitable<void> forever(boost::asio::awaitable<void> (Watch::*loop)());
  boost::asio::awaitable<void> cycles();
  boost::asio::awaitable<void> sweeps();
  boost::asio::awaitable<bool> connected();
  boost::asio::awaitable<void> pause(boost::asio::steady_timer& timer, std::chrono::steady_clock::time_point until);
  bool due(Scope scope, Cadence cadence, std::chrono::steady_clock::time_point now);
  std::vector<const AnyProbe*> flight(bool cycle);
  void demote_slow(const Observation& observation);
  void keep(Observation observation);
  void join_recalled();
  void look_now(std::chrono::steady_clock::time_point now);  // a cycle and a sweep at once
  void publish();

  boost::asio::any_io_executor executor_;
  TargetSettings target_settings_;
  ScheduleSettings schedule_;
  AllCheckSettings checks_;
  Context context_;
  Target target_;
  Publish publish_;
  History history_;
  Keep* past_;
  std::vector<Observation> recalled_;
  std::vector<Incident> incidents_ = {};  // of the report before
  boost::asio::steady_timer cycle_timer_, sweep_timer_;
  std::chrono::steady_clock::time_point next_cycle_{}, next_sweep_{}, last_jump_{}, next_move_{},
      progress_ = std::chrono::steady_clock::now(), sweep_progress_ = progress_;
  std::chrono::steady_clock::time_point started_{};
  std::map<std::pair<Scope, Cadence>, std::chrono::steady_clock::time_point> next_due_;
  std::map<const AnyProbe*, std::chrono::steady_clock::time_point> alone_until_;
  std::vector<const AnyProbe*> gap_;  // to be asked alone
  std::mt19937 random_{std::random_device{}()};
  std::uniform_real_distribution<> chance_{0, 0.12};  // of a beat
  bool stopping_ = false, refused_ = false, closed_ = false, in_trouble_ = false, asked_now_ = false;
};

}  // namespace pgvigil
