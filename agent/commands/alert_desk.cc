#include "agent/commands/alert_desk.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>

#include "agent/core/recording.h"
#include "agent/pg/now.h"

namespace pgvigil {
namespace asio = boost::asio;

namespace {

constexpr Milliseconds disk_patience{2000};  // then an alert goes out from memory
constexpr double saved_every = 60;           // seconds, without an edge
// Seconds. An agent that is alive a cycle and this much after we saw something has told of it; what was there when we
// came, it told of long ago.
constexpr double to_tell = 3, newcomer = 30;
constexpr double hangs_unseen = 60;     // seconds: so long a hung agent seems to be alive
constexpr double surely_an_agent = 30;  // seconds: a diagnose does not last so long
constexpr std::size_t most_withheld = 200, most_own = 1000;

Report nothing_known(const std::string& target, Time at) {
  Report r;
  r.target = target;
  r.at = at;
  r.reachable = false;
  return r;
}

}  // namespace

// On its way to the disk; what comes later waits behind it, so that the order stays.
struct AlertDesk::Sending {
  explicit Sending(const asio::any_io_executor& executor) : timer(executor) {}
  std::vector<Delivery> deliveries;
  bool safe = false;  // or as safe as it gets
  asio::steady_timer timer;
};

AlertDesk::AlertDesk(asio::any_io_executor executor, Settings settings, Keep* past, Pace pace)
    : executor_(std::move(executor)), settings_(std::move(settings)), past_(past), pace_(pace) {}

void AlertDesk::open(const std::string& directory) {
  alerts_ = std::make_shared<Alerts>(
      executor_, receivers_of(settings_),
      AlertsOptions{.pace = pace_,
                    .settled =
                        [desk = weak_from_this()](const std::string& receiver, const std::string& id, bool) {
                          if (const auto self = desk.lock(); self && self->keeper_)
                            self->keeper_->settled(receiver, id);
                        },
                    .log = [](const std::string& line) { spdlog::warn("{}", line); }});
  open_heartbeat();
  if (directory.empty()) return;
  const auto on_loop = [executor = executor_, desk = weak_from_this()](auto then) {
    asio::post(executor, [desk, then = std::move(then)]() mutable {
      if (const auto self = desk.lock()) then(*self);
    });
  };
  struct First {
    std::mutex mutex;
    std::condition_variable there;
    bool waits = true;
    std::optional<Recovered> recovered;
  };
  const auto first = std::make_shared<First>();
  keeper_ = std::make_unique<AlertsKeeper>(AlertsKeeperOptions{
      .directory = directory,
      .now = utc_now,
      .say =
          [](bool degraded, const std::string& what) {
            spdlog::log(degraded ? spdlog::level::warn : spdlog::level::info, "{}", what);
          },
      .silences =
          [on_loop](std::vector<Silence> all) {
            on_loop([all = std::move(all)](AlertDesk& self) mutable { self.silences_ = std::move(all); });
          },
      .recovered =
          [on_loop, first](Recovered recovered) {
            const std::lock_guard lock(first->mutex);
            if (first->waits) {
              first->recovered = std::move(recovered);
              first->there.notify_all();
              return;
            }
            on_loop(
                [recovered = std::move(recovered)](AlertDesk& self) mutable { self.take_up(std::move(recovered)); });
          }});
  std::unique_lock lock(first->mutex);
  if (!first->there.wait_for(lock, disk_patience, [&] { return first->recovered.has_value(); }))
    spdlog::warn("{}: what was not delivered yet, and what fires, is not known yet: the disk does not answer",
                 directory);
  first->waits = false;
  lock.unlock();
  if (first->recovered) take_up(std::move(*first->recovered));
}

// Also long after the start, where the disk came late.
void AlertDesk::take_up(Recovered recovered) {
  silences_ = std::move(recovered.silences);
  const auto stats = alerts_->stats();
  const std::size_t strangers = std::erase_if(recovered.waiting, [&](const Delivery& d) {
    if (std::any_of(stats.begin(), stats.end(), [&](const ReceiverStats& s) { return s.name == d.receiver; }))
      return false;
    keeper_->settled(d.receiver, d.id);
    return true;
  });
  if (strangers > 0)
    spdlog::warn("{} undelivered alerts were for receivers that are no longer configured: dropped", strangers);
  if (!recovered.waiting.empty())
    spdlog::info("{} alerts of the process before were not delivered yet", recovered.waiting.size());
  alerts_->send(std::move(recovered.waiting));
  for (const auto& [target, text] : recovered.states) try {
      Watched& w = targets_[target];
      const auto fired = [](const OpenIncident& o) { return o.fired.has_value(); };
      if (std::none_of(w.state.alerts.open.begin(), w.state.alerts.open.end(), fired)) w.state = load_alerts(text);
    } catch (const BadRecording& e) {
      spdlog::warn("{}: {}; what fires there may be told again", target, e.what());
    }
  std::vector<std::string> gone;
  for (const auto& [target, w] : targets_)
    if (std::none_of(settings_.targets.begin(), settings_.targets.end(),
                     [&](const TargetSettings& t) { return t.name == target; }))
      gone.push_back(target);
  for (const std::string& target : gone) retire(target);
}

void AlertDesk::open_heartbeat() {
  heartbeat_.reset();
  if (!settings_.heartbeat.url.empty())
    heartbeat_ = Heartbeat::start(
        executor_, {.url = settings_.heartbeat.url,
                    .interval = Milliseconds(static_cast<std::int64_t>(1000 * settings_.heartbeat.interval)),
                    .allow_private = settings_.heartbeat.allow_private,
                    .ca_file = settings_.heartbeat.ca_file,
                    .log = [](const std::string& line) { spdlog::warn("{}", line); }});
}

void AlertDesk::reported(const std::string& target, const Report& report, const History& history) {
  Watched& w = targets_[target];
  if (!w.first_report) w.first_report = report.at;
  take_over(target, w, history, report.reachable, report.at);
  std::vector<Told> told;
  const MessageOptions words = message_options(settings_);
  const auto take = [&](std::vector<Notice> notices) {
    for (Notice& n : notices) {
      spdlog::info("{}: {} {}{}: {}", target, to_string(n.edge), n.key, w.silent ? " (another agent tells)" : "",
                   n.incident.lead().sentence);
      const Finding& lead = n.incident.lead();
      if (past_ != nullptr && n.edge != Notice::Edge::note)
        past_->happened(target, {n.at, std::string(to_string(n.edge)), n.key, lead.check, n.incident.severity,
                                 lead.object, lead.sentence, n.started});
      Message message = render(n, report, words);
      told.push_back({std::move(n), std::move(message)});
    }
  };
  take(step(w.state.alerts, report, alert_settings(settings_), report.at, silences_));
  take(take_notes(w.state.notes, report, w.state.alerts.open, {}, report.at, silences_));
  if (!told.empty()) {
    tell(target, w, std::move(told));
  } else if (!w.saved_at || seconds_between(*w.saved_at, report.at) >= saved_every || *w.saved_at > report.at) {
    w.saved_at = report.at;
    keep(target, w, {});
  }
  if (!alerts_->wants_standing()) return;
  std::vector<std::pair<Notice, Message>> firing;
  if (!w.silent)
    for (const OpenIncident& open : w.state.alerts.open)
      if (open.fired) {
        Notice n = ended(open, target, "", report.at);
        n.edge = Notice::Edge::firing;
        Message message = render(n, report, words);
        firing.emplace_back(std::move(n), std::move(message));
      }
  alerts_->standing(target, firing);
}

// Do we speak for this target? When the agent that did is gone, what it may not have sent is ours to send.
void AlertDesk::take_over(const std::string& target, Watched& w, const History& history, bool reachable, Time now) {
  const auto rows = agents_seen(history);
  if (!rows && reachable) return;  // nothing new is known; a server that does not answer at all has each agent send
  if (own_sessions_.size() > most_own) own_sessions_.clear();  // the old ones are long gone
  if (rows)
    for (const AgentSession& a : *rows)
      if (a.self && a.started) own_sessions_.insert({a.pid, *a.started});
  const AgentSession* other = rows && reachable ? elder(*rows, own_sessions_) : nullptr;
  // Alone, we answer for all that fires; beside others, for what we told.
  if (reachable && is_alone(*rows, own_sessions_))
    for (OpenIncident& open : w.state.alerts.open) open.ours |= open.fired.has_value();
  const bool was_silent = std::exchange(w.silent, other != nullptr);
  if (other != nullptr) {
    if (!was_silent)
      spdlog::info("{}: another agent was here first (process {}): it sends, this one stands by", target, other->pid);
    if (other->age >= surely_an_agent) w.elder_alive = now;
    return;
  }
  if (!was_silent) return;
  const bool hung = rows && std::any_of(rows->begin(), rows->end(), [](const auto& a) { return !a.alive; });
  spdlog::info("{}: {}: this one sends", target,
               !reachable ? "the server does not answer, so each agent sends"
               : hung     ? "the other agent hangs"
                          : "the other agent is gone");
  // What was gone before it was sure to be an agent was a person's look: it has sent nothing.
  const auto alive = std::exchange(w.elder_alive, std::nullopt);
  const double within = settings_.schedule.cycle + to_tell + (hung ? hangs_unseen : 0);
  std::vector<Told> unsent;
  for (Told& t : w.withheld)
    if (!alive ||
        (t.notice.at > after(*alive, -within) && seconds_between(*w.first_report, t.notice.started) > newcomer))
      unsent.push_back(std::move(t));
  w.withheld.clear();
  if (!unsent.empty()) tell(target, w, std::move(unsent));
}

// Beside an elder we tell only of the end of what we told ourselves.
bool AlertDesk::has_a_say(const Told& told, const Watched& w) const {
  return !w.silent || (told.notice.edge == Notice::Edge::resolved && told.notice.ours);
}

void AlertDesk::tell(const std::string& target, Watched& w, std::vector<Told> told) {
  std::vector<Delivery> deliveries;
  for (Told& t : told) {
    if (!has_a_say(t, w)) {
      w.withheld.push_back(std::move(t));
      if (w.withheld.size() > most_withheld) w.withheld.pop_front();
      continue;
    }
    for (OpenIncident& open : w.state.alerts.open) open.ours |= open.key == t.notice.key;
    for (Delivery& d : alerts_->address(t.notice, t.message)) deliveries.push_back(std::move(d));
  }
  w.saved_at = told.empty() ? w.saved_at : utc_now();
  keep(target, w, std::move(deliveries));
}

// On the disk first, with what the alerts remember; then to the receivers. A disk that does not answer in time is not
// waited for.
void AlertDesk::keep(const std::string& target, const Watched& w, std::vector<Delivery> deliveries) {
  if (!keeper_) {
    alerts_->send(std::move(deliveries));
    return;
  }
  auto sending = std::make_shared<Sending>(executor_);
  sending->deliveries = deliveries;
  sending_.push_back(sending);
  keeper_->keep(target, w.retired ? "" : save_alerts(w.state), std::move(deliveries),
                [executor = executor_, desk = weak_from_this(), sending] {
                  asio::post(executor, [desk, sending] {
                    if (const auto self = desk.lock()) self->release(sending);
                  });
                });
  sending->timer.expires_after(disk_patience);
  sending->timer.async_wait([desk = weak_from_this(), sending](boost::system::error_code error) {
    const auto self = desk.lock();
    if (error || !self) return;
    if (!sending->deliveries.empty())
      spdlog::warn("the state directory did not answer for {} s: an alert is sent from memory",
                   disk_patience.count() / 1000);
    self->release(sending);
  });
}

void AlertDesk::release(const std::shared_ptr<Sending>& sending) {
  sending->safe = true;
  sending->timer.cancel();
  while (!sending_.empty() && sending_.front()->safe) {
    alerts_->send(std::move(sending_.front()->deliveries));
    sending_.pop_front();
  }
}

void AlertDesk::retire(const std::string& target) {
  const auto it = targets_.find(target);
  if (it == targets_.end()) return;
  Watched& w = it->second;
  std::vector<Told> told;
  const Time now = utc_now();
  for (const OpenIncident& open : w.state.alerts.open) {
    if (!open.fired) continue;
    Notice n = ended(open, target, "the target is no longer watched", now);
    Message message = render(n, nothing_known(target, now), message_options(settings_));
    told.push_back({std::move(n), std::move(message)});
  }
  w.retired = true;
  alerts_->standing(target, {});
  tell(target, w, std::move(told));
  targets_.erase(it);
}

void AlertDesk::configure(const Settings& settings) {
  settings_ = settings;
  alerts_->configure(receivers_of(settings_));
  open_heartbeat();
}

asio::awaitable<void> AlertDesk::stop(std::chrono::milliseconds patience) {
  if (heartbeat_) heartbeat_->stop();
  const auto until = std::chrono::steady_clock::now() + patience;
  asio::steady_timer tick(co_await asio::this_coro::executor);
  while (!sending_.empty() && std::chrono::steady_clock::now() < until) {
    tick.expires_after(std::chrono::milliseconds(10));
    co_await tick.async_wait(asio::use_awaitable);
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  co_await alerts_->drain(std::max(left, std::chrono::milliseconds(10)));
  if (keeper_ && !keeper_->stop(std::chrono::milliseconds(1500)))
    spdlog::warn("the state directory does not answer: the last alerts are not marked as sent");
}

std::vector<ReceiverStats> AlertDesk::stats() const { return alerts_->stats(); }

std::set<std::string, std::less<>> AlertDesk::firing(const std::string& target) const {
  std::set<std::string, std::less<>> checks;
  if (const auto it = targets_.find(target); it != targets_.end())
    for (const OpenIncident& open : it->second.state.alerts.open)
      if (open.fired) checks.insert(open.checks.begin(), open.checks.end());
  return checks;
}

const std::vector<OpenIncident>& AlertDesk::open_incidents(const std::string& target) const {
  static const std::vector<OpenIncident> none;
  const auto it = targets_.find(target);
  return it == targets_.end() ? none : it->second.state.alerts.open;
}

bool AlertDesk::sends(const std::string& target) const {
  const auto it = targets_.find(target);
  return it == targets_.end() || !it->second.silent;
}

}  // namespace pgvigil
