#include "agent/commands/watch.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/commands/see_host.h"
#include "agent/core/onset.h"
#include "agent/core/remember.h"
#include "agent/core/schedule.h"
#include "checks/probes/activity.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;
using std::chrono::duration_cast;

namespace {

constexpr double slow_answer = 0.2;  // seconds; more of it in one flight would cost the next sample its second
constexpr auto alone_for = std::chrono::minutes(10);
constexpr Milliseconds refused_for{30'000};
constexpr auto between_jumps = std::chrono::seconds(10);  // an extra cycle and sweep at most this often

Steady::duration seconds(double s) { return duration_cast<Steady::duration>(std::chrono::duration<double>(s)); }

TargetOptions options_of(const TargetSettings& s, Conninfo conninfo) {
  TargetOptions o{.name = s.name, .conninfo = std::move(conninfo)};
  o.databases = s.databases;
  o.allow_superuser = s.allow_superuser;
  return o;
}

}  // namespace

Watch::Watch(asio::any_io_executor executor, const TargetSettings& target, const Settings& settings, Conninfo conninfo,
             Publish publish, Keep* past)
    : executor_(executor),
      target_(executor, options_of(target, std::move(conninfo))),
      publish_(std::move(publish)),
      past_(past),
      cycle_timer_(executor),
      sweep_timer_(executor) {
  context_.local = is_local(target_.options().conninfo);
  configure(target, settings);
}

void Watch::configure(const TargetSettings& target, const Settings& settings) {
  target_settings_ = target;
  schedule_ = settings.schedule;
  checks_ = settings.checks;
  context_.target = target.name;
  context_.vcpus = target.vcpus;
  context_.hot_queries = target.hot_queries;
  context_.migrations = migrations_in(target.migrations, target_.options().conninfo.dbname());
  context_.intervals = {schedule_.sample, schedule_.cycle, schedule_.sweep, schedule_.slow};
}

void Watch::start() {
  started_ = progress_ = Steady::now();
  sweep_progress_ = started_;
  for (const auto loop : {&Watch::cycles, &Watch::sweeps})
    asio::co_spawn(
        executor_, [self = shared_from_this(), loop] { return self->forever(loop); }, asio::detached);
}

void Watch::stop() {
  stopping_ = true;
  cycle_timer_.cancel();
  sweep_timer_.cancel();
  asio::co_spawn(
      executor_, [self = shared_from_this()] { return self->target_.close(); },
      [self = shared_from_this()](const std::exception_ptr&) { self->closed_ = true; });
}

asio::awaitable<void> Watch::pause(asio::steady_timer& timer, Steady::time_point until) {
  if (stopping_) co_return;
  boost::system::error_code woken;
  timer.expires_at(until);
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

// An error of ours costs one turn, is said, and the loop goes on: a watcher that died silently would be worse.
asio::awaitable<void> Watch::forever(asio::awaitable<void> (Watch::*loop)()) {
  asio::steady_timer breath(executor_);
  while (!stopping_) {
    std::string problem = "ended";
    try {
      co_await (this->*loop)();
    } catch (const std::exception& e) {
      problem = e.what();
    }
    if (stopping_) break;
    spdlog::error("{}: an error in the agent: {}; it goes on in a second", target_settings_.name, problem);
    co_await pause(breath, Steady::now() + std::chrono::seconds(1));
  }
}

void Watch::keep(Observation observation) {
  if (past_ != nullptr) past_->observed(context_, observation);
  history_.add(std::move(observation));
  if (!recalled_.empty()) join_recalled();
}

void Watch::recall(std::vector<Observation> earlier) {
  recalled_ = std::move(earlier);
  join_recalled();
}

// Counters of another server under the same name would make nonsense of every rate.
void Watch::join_recalled() {
  const auto identity = [](const Answer& a) -> std::string {
    return a.rows && a.rows->size() > 0 ? static_cast<const RowsOf<Server>&>(*a.rows).rows.front().system_identifier
                                        : "";
  };
  std::string ours, theirs;
  for (const Answer& a : history_.series(server))
    if (a.rows) ours = identity(a);
  for (const Observation& o : recalled_)
    if (const auto it = o.answers.find(server.id()); it != o.answers.end() && it->second.rows)
      theirs = identity(it->second);
  if (ours.empty() && history_.latest(server) == nullptr) return;  // not seen yet
  if (ours.empty() && !history_.latest(server)->rows) return;      // not to be reached: wait
  if (ours == theirs)
    for (Observation& o : recalled_) history_.add(std::move(o));
  recalled_.clear();
}

void Watch::publish() {
  if (stopping_) return;
  const Time at = utc_now();
  Report report = rank(evaluate_all(history_, context_, checks_, at), history_, context_, at);
  report.cost = target_.cost();
  report.cost.seconds = std::chrono::duration<double>(Steady::now() - started_).count();
  carry_onsets(incidents_, report.incidents);
  incidents_ = report.incidents;
  in_trouble_ = report.verdict != Severity::ok;
  publish_(report, history_, context_);
}

// False when there is no connection; the failure is then in the history, and the wait before the next try is done.
asio::awaitable<bool> Watch::connected() {
  std::optional<ConnectError> error;
  if (!target_.connected()) error = co_await target_.connect();
  if (stopping_) co_return false;
  refused_ = false;
  if (!error && target_.superuser() && !target_settings_.allow_superuser) {  // nothing is asked
    error = ConnectError{
        .kind = ConnectError::Kind::auth,
        .sqlstate = "28000",
        .message = "the role is a superuser, which the agent refuses",
        .hint = "connect as the role that `pgvigil grants` prints, or set allow_superuser: true, and reload"};
    refused_ = true;
  }
  if (!error) co_return true;
  Observation o{utc_now(), {}};
  o.answers[std::string(server.id())] = Answer{o.at, nullptr, {failure_of(*error)}, 0};
  keep(std::move(o));
  publish();
  progress_ = Steady::now();
  co_await pause(cycle_timer_, Steady::now() + (refused_ ? refused_for : target_.next_attempt_delay()));
  co_return false;
}

// A probe that took long, or ran into its limit, leaves the flight for a while: it is then asked alone, in the gap
// behind a sample, so that the samples keep their second.
void Watch::demote_slow(const Observation& observation) {
  for (const auto& [id, answer] : observation.answers) {
    const bool limit = std::any_of(answer.failures.begin(), answer.failures.end(),
                                   [](const Failure& f) { return f.sqlstate == "57014" || f.sqlstate == "PGV01"; });
    const AnyProbe* probe = find_probe(id);
    if (probe != nullptr && probe->about().cadence != Cadence::sample && (limit || answer.seconds > slow_answer))
      alone_until_[probe] = Steady::now() + alone_for;
  }
}

bool Watch::due(Scope scope, Cadence cadence, Steady::time_point now) {
  const double every = cadence == Cadence::sample  ? schedule_.sample
                       : cadence == Cadence::cycle ? schedule_.cycle
                       : cadence == Cadence::sweep ? schedule_.sweep
                                                   : schedule_.slow;
  auto& next = next_due_[{scope, cadence}];
  if (now < next) return false;
  next = now + seconds(every) - seconds(schedule_.sample / 2);  // what is due with this cycle is not left for the next
  return true;
}

// What goes out with this beat. A slow probe, or one that lately was, waits for a gap of its own.
std::vector<const AnyProbe*> Watch::flight(bool cycle) {
  std::vector<const AnyProbe*> probes = probes_of(Scope::server, {Cadence::sample});
  if (!cycle) return probes;
  const auto now = Steady::now();
  Observation refusals;
  for (const Cadence c : {Cadence::cycle, Cadence::sweep, Cadence::slow})
    if (c == Cadence::cycle || due(Scope::server, c, now))
      for (const AnyProbe* p : askable(probes_of(Scope::server, {c}), history_, context_, utc_now(), refusals)) {
        const auto it = alone_until_.find(p);
        if (!p->about().requires_extension.empty()) continue;  // a sweep asks it, where its extension is
        const bool alone = p->about().slow || (it != alone_until_.end() && it->second > now);
        if (!alone)
          probes.push_back(p);
        else if (std::find(gap_.begin(), gap_.end(), p) == gap_.end())
          gap_.push_back(p);
      }
  keep(std::move(refusals));
  return probes;
}

void Watch::look_now(Steady::time_point now) {
  last_jump_ = next_cycle_ = next_sweep_ = now;
  asked_now_ = true;
  sweep_timer_.cancel();
}

asio::awaitable<void> Watch::cycles() {
  auto next = Steady::now();
  while (!stopping_) {
    if (!co_await connected()) {
      next = next_cycle_ = Steady::now();
      continue;
    }
    const auto begun = Steady::now();
    const bool cycle = begun >= next_cycle_;
    Observation o = co_await target_.ask(flight(cycle));
    if (stopping_) break;
    demote_slow(o);
    const Time asked = o.at;
    keep(std::move(o));
    if (cycle) keep(see_host(history_, target_.options().conninfo, asked));
    if (cycle) {
      next_cycle_ = begun + seconds(schedule_.cycle);
      publish();
      progress_ = Steady::now();
    } else if (begun - last_jump_ >= between_jumps && load_jumped(history_, context_, utc_now())) {
      look_now(begun);
    }
    // A limit that was set a moment ago may be why queries end now.
    if (cycle && begun - last_jump_ >= between_jumps && settings_moved(history_, context_, utc_now())) {
      next_due_.erase({Scope::server, Cadence::sweep});
      look_now(begun);
    }
    // A hot query that nobody has explained yet is not left for the next sweep either.
    if (cycle && begun - last_jump_ >= between_jumps &&
        !plan_wave(plans.about().wave, history_, context_, utc_now()).empty())
      look_now(begun);
    if (!gap_.empty()) {
      std::vector<const AnyProbe*> alone{gap_.back()};
      gap_.pop_back();
      keep(co_await target_.ask(std::move(alone)));
    }
    // A slow server stretches the beat; it is never made up for by a burst. A load that keeps our time would be met at
    // the same few ages again and again: the moment within the beat is left to chance.
    next = std::max(next + seconds(schedule_.sample), Steady::now());
    co_await pause(cycle_timer_, next + seconds(chance_(random_) * schedule_.sample));
  }
}

asio::awaitable<void> Watch::sweeps() {
  while (!stopping_) {
    sweep_progress_ = Steady::now();
    if (Steady::now() < next_sweep_ || !target_.connected() || refused_ || history_.latest(server) == nullptr) {
      // When it is due and cannot be, not connected or refused, it is tried again after a beat.
      const auto now = Steady::now(), soonest = now + seconds(0.2);
      co_await pause(sweep_timer_, std::max(soonest, std::min(next_sweep_, now + seconds(schedule_.sample))));
      continue;
    }
    const auto begun = sweep_progress_ = Steady::now();
    asked_now_ = false;
    std::vector<const AnyProbe*> probes = probes_of(Scope::database, {Cadence::cycle, Cadence::sweep});
    for (const AnyProbe* p : probes_of(Scope::server, {Cadence::sweep}))
      if (!p->about().requires_extension.empty()) probes.push_back(p);
    if (due(Scope::database, Cadence::slow, begun))
      for (const AnyProbe* p : probes_of(Scope::database, {Cadence::slow})) probes.push_back(p);
    Observation refusals;
    probes = askable(probes, history_, context_, utc_now(), refusals);
    keep(std::move(refusals));
    keep(co_await target_.sweep(probes));
    for (int wave = 2; wave <= last_wave() && !stopping_; ++wave)
      if (Wave asked = plan_wave(wave, history_, context_, utc_now()); !asked.empty()) {
        sweep_progress_ = Steady::now();  // on a server that is slow each of them may take its deadline
        keep(co_await target_.wave(std::move(asked)));
      }
    if (stopping_) break;
    keep(remember(history_, context_, checks_, utc_now()));
    publish();
    // The connection that is kept lives where the load is: there it can explain when no second one can be had.
    const std::string busiest = busiest_database(history_, context_, target_.home(), utc_now());
    if (!busiest.empty() && Steady::now() >= next_move_) {
      next_move_ = Steady::now() + alone_for;
      co_await target_.rehome(busiest);
    }
    // While something hurts, the tables and plans are looked at more often, so that the end is seen soon.
    sweep_progress_ = Steady::now();
    if (asked_now_) continue;
    next_sweep_ =
        Steady::now() + seconds(in_trouble_ ? std::min(schedule_.sweep, 2 * schedule_.cycle) : schedule_.sweep);
  }
}

}  // namespace pgvigil
