#include "agent/commands/look.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/commands/see_host.h"
#include "agent/core/schedule.h"
#include "agent/pg/now.h"
#include "checks/load.h"
#include "checks/probes/activity.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/schema_state.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

namespace {

constexpr auto sample_beat = std::chrono::milliseconds(100);
constexpr auto slowest_beat = std::chrono::milliseconds(500);
constexpr auto for_judging = std::chrono::milliseconds(100);       // of the time given, where no core is contended
constexpr auto for_last_reading = std::chrono::milliseconds(400);  // before that

// Asked on the second connection: what may take long, and what needs a database that has its extension.
bool second(const AnyProbe& p) { return p.about().slow || !p.about().requires_extension.empty(); }
Steady::duration duration(double s) {
  return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(s));
}

// Half of a short time is left for asking when a log-in hangs and another database must do. No sample waits for its
// second here: a server without CPU to spare is given longer before the connection, and all that was asked, is lost.
TargetOptions bounded(TargetOptions o, double timeout) {
  o.flight_deadline = std::max(o.flight_deadline, std::chrono::duration_cast<Milliseconds>(duration(timeout / 4)));
  o.connect_deadline = std::min(o.connect_deadline, std::chrono::duration_cast<Milliseconds>(duration(timeout / 2)));
  return o;
}

}  // namespace

Look::Look(asio::io_context& io, TargetOptions options, Context context, double seconds, double timeout)
    : io_(io),
      target_(io.get_executor(), bounded(std::move(options), timeout)),
      timer_(io),
      recording_{{}, std::move(context), {}},
      seconds_(seconds),
      timeout_(timeout) {}

std::optional<ConnectError> Look::run() {
  enough_ = Steady::now() + duration(seconds_);
  latest_ = Steady::now() + duration(timeout_) - for_judging;
  target_.until(latest_);
  samples_ = 0;
  begun_ = planned_ = false;
  error_.reset();
  // The coroutines own the look: one that is abandoned at the deadline still finds its connections when it ends.
  io_.restart();
  spawn(&Look::first_connection);
  io_.run_until(latest_ + for_judging);  // every call ends by itself before; a name look-up cannot be stopped
  if (failed_) std::rethrow_exception(failed_);
  if (!begun_ && !error_)
    error_ = pg::connect_error(ConnectError::Kind::timeout, target_.options().conninfo, "no answer in time");
  recording_.at = utc_now();
  if (!error_) note_lost_contact();
  if (error_) {
    Observation o{recording_.at, {}};
    o.answers[std::string(server.id())] = Answer{o.at, nullptr, {failure_of(*error_)}, 0};
    keep(std::move(o));
  }
  keep(unanswered(asked_, recording_.history, recording_.at));
  recording_.cost = target_.cost();
  return error_;
}

void Look::spawn(asio::awaitable<void> (Look::*part)()) {
  asio::co_spawn(
      io_, [self = shared_from_this(), part] { return (self.get()->*part)(); },
      [self = shared_from_this()](std::exception_ptr e) {
        if (!e) return;
        self->failed_ = e;
        self->io_.stop();
      });
}

asio::awaitable<void> Look::first_connection() {
  error_ = co_await target_.connect();
  if (error_) {
    io_.stop();
    co_return;
  }
  begun_ = true;
  std::vector<const AnyProbe*> probes;
  for (const AnyProbe* p : probes_of(Scope::server, {Cadence::sample, Cadence::cycle, Cadence::sweep, Cadence::slow}))
    if (!second(*p)) probes.push_back(p);
  asked_ = probes;
  co_await observe(probes);
  leave_time_to_judge();
  // The one of the look before may still be under way: a server that slow is not asked twice at once.
  if (!second_under_way_) spawn(&Look::second_connection);
  const std::vector<const AnyProbe*> sample{&activity}, with_locks{&activity, &relation_locks};
  const auto last_reading = latest_ - for_last_reading;
  bool read_again = false;
  const auto read = [&]() -> asio::awaitable<void> {
    read_again = true;
    co_await observe(second_reading(probes, recording_.history, recording_.context, utc_now()).probes);
  };
  while (Steady::now() < last_reading && (Steady::now() < enough_ || !planned_)) {
    // Not at the very end: a server without CPU to spare would leave no time for it.
    if (Steady::now() >= enough_ && !read_again) co_await read();
    const auto begun = Steady::now();
    keep(co_await target_.ask(++samples_ % 5 == 0 ? with_locks : sample));
    // At most a tenth of the time is spent asking: a server without CPU to spare is asked less often.
    const auto beat = std::clamp<Steady::duration>(10 * (Steady::now() - begun), sample_beat, slowest_beat);
    co_await pause(timer_, std::min(begun + beat, last_reading));
  }
  if (!read_again && Steady::now() < latest_) co_await read();
  while (!planned_ && Steady::now() < latest_) co_await pause(timer_, latest_);
  io_.stop();
}

asio::awaitable<void> Look::second_connection() {
  second_under_way_ = true;
  auto tables_probes = probes_of(Scope::database, {Cadence::cycle, Cadence::sweep, Cadence::slow});
  for (const AnyProbe* p : probes_of(Scope::server, {Cadence::cycle, Cadence::sweep, Cadence::slow}))
    if (second(*p)) tables_probes.push_back(p);
  std::erase(tables_probes, &schema_state);  // one look compares nothing: it is seen, and empty
  Observation not_compared{utc_now(), {}};
  not_compared.answers[std::string(schema_state.id())] = Answer{not_compared.at, schema_state.rows({}), {}, 0};
  keep(std::move(not_compared));
  asked_.insert(asked_.end(), tables_probes.begin(), tables_probes.end());
  Observation refusals;
  tables_probes = askable(tables_probes, recording_.history, recording_.context, utc_now(), refusals);
  keep(std::move(refusals));
  keep(co_await target_.sweep(tables_probes));
  asio::steady_timer wait(io_);
  while (samples_ < 5 && Steady::now() < latest_)  // what is hot shows after a few samples
    co_await pause(wait, Steady::now() + sample_beat);
  const std::vector<const AnyProbe*> growth{&statements};  // what has grown since tells which that finish are hot
  keep(co_await target_.sweep(growth));
  for (int wave = 2; wave <= last_wave(); ++wave)
    if (Wave asked = plan_wave(wave, recording_.history, recording_.context, utc_now()); !asked.empty())
      keep(co_await target_.wave(std::move(asked)));
  auto again = second_reading(tables_probes, recording_.history, recording_.context, utc_now());
  if (!again.probes.empty()) keep_if_whole(co_await target_.sweep(std::move(again.probes)));
  if (!again.tables.empty()) keep_if_whole(co_await target_.wave(std::move(again.tables)));
  planned_ = true;
  second_under_way_ = false;
  timer_.cancel();
}

void Look::leave_time_to_judge() {
  static const CheckSettings none;
  const Input in(recording_.history, recording_.context, none, utc_now());
  const auto cores = recording_.context.local ? vcpus(in) : std::nullopt;
  if (!cores || *cores <= 0) return;
  const auto sessions = in.now(activity);
  const auto active = std::count_if(sessions.begin(), sessions.end(), is_active);
  const double longer = std::max(1.0, static_cast<double>(active) / *cores);
  latest_ -= std::min(duration(timeout_ / 4), duration(longer * std::chrono::duration<double>(for_judging).count())) -
             for_judging;
  target_.until(latest_);
}

void Look::note_lost_contact() {
  constexpr double silent = 3.0;  // seconds: the last answers may be missing for lack of time, ours or the server's
  const Answer* last = recording_.history.latest(activity);
  if (target_.connected() || last == nullptr || last->rows || last->failures.empty()) return;
  for (const Answer& a : recording_.history.series(activity))
    if (a.rows && seconds_between(a.at, recording_.at) < silent) return;
  Observation o{recording_.at, {}};
  o.answers[std::string(server.id())] = Answer{o.at, nullptr, {last->failures.front()}, 0};
  keep(std::move(o));
}

asio::awaitable<void> Look::pause(asio::steady_timer& timer, Steady::time_point until) {
  boost::system::error_code woken;
  timer.expires_at(until);
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

asio::awaitable<void> Look::observe(const std::vector<const AnyProbe*>& probes) {
  Observation o = co_await target_.ask(probes);
  const Time asked = o.at;
  keep(std::move(o));
  keep(see_host(recording_.history, target_.options().conninfo, asked));
}

void Look::keep_if_whole(Observation o) {
  std::erase_if(o.answers, [](const auto& a) { return !a.second.failures.empty(); });
  keep(std::move(o));
}

}  // namespace pgvigil
