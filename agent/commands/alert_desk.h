// From reports to receivers: what each target's alerts remember, who is told, and that it is on the disk before.
// Where several agents watch one server, only the eldest sends; the others remember, and take over when it is gone.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/alerts/heartbeat.h"
#include "agent/alerts/receivers.h"
#include "agent/commands/alert_options.h"
#include "agent/core/alert_state.h"
#include "agent/core/keep.h"
#include "agent/settings/settings.h"
#include "agent/store/alerts_keeper.h"
#include "checks/probes/agents.h"

namespace pgvigil {

class AlertDesk : public std::enable_shared_from_this<AlertDesk> {
 public:
  AlertDesk(boost::asio::any_io_executor executor, Settings settings, Keep* past, Pace pace = {});

  // Takes up what an earlier process left in this directory; "": nothing is kept.
  void open(const std::string& directory);
  void reported(const std::string& target, const Report& report, const History& history);
  // Whoever was told of an incident is told that nobody looks any more.
  void retire(const std::string& target);
  void configure(const Settings& settings);  // the targets that are gone were retired; the receivers are in order
  boost::asio::awaitable<void> stop(std::chrono::milliseconds patience);

  std::vector<ReceiverStats> stats() const;
  bool degraded() const { return keeper_ && keeper_->degraded(); }
  std::set<std::string, std::less<>> firing(const std::string& target) const;  // checks
  const std::vector<OpenIncident>& open_incidents(const std::string& target) const;
  bool sends(const std::string& target) const;  // false: another agent does
  std::size_t silences() const { return silences_.size(); }
  bool keeps() const { return !sending_.empty(); }  // something is on its way to the disk
  void alive() {                                    // the agent makes progress
    if (heartbeat_) heartbeat_->alive();
  }

 private:
  struct Told {
    Notice notice;
    Message message;
  };
  struct Watched {
    TargetAlerts state;
    bool silent = false;  // another agent sends
    std::optional<Time> first_report = {}, elder_alive = {};
    std::deque<Told> withheld = {};  // what it may not have sent any more
    std::optional<Time> saved_at = {};
    bool retired = false;
  };
  struct Sending;  // on its way to the disk

  bool has_a_say(const Told& told, const Watched& w) const;
  void take_over(const std::string& target, Watched& w, const History& history, bool reachable, Time now);
  void tell(const std::string& target, Watched& w, std::vector<Told> told);
  void keep(const std::string& target, const Watched& w, std::vector<Delivery> deliveries);
  void release(const std::shared_ptr<Sending>& sending);
  void open_heartbeat();
  void take_up(Recovered recovered);

  boost::asio::any_io_executor executor_;
  Settings settings_;
  Keep* past_;
  Pace pace_;
  std::unique_ptr<AlertsKeeper> keeper_;
  std::shared_ptr<Alerts> alerts_;
  std::shared_ptr<Heartbeat> heartbeat_;
  std::vector<Silence> silences_;
  OwnSessions own_sessions_;
  std::map<std::string, Watched> targets_;
  std::deque<std::shared_ptr<Sending>> sending_;  // in order
};

}  // namespace pgvigil
