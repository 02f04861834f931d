#include "agent/commands/look.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/commands/see_host.h"
#include "agent/core/schedule.h"
#include "agent/pg/now.h"
#include "checks/probes/activity.h"
#include "checks/probes/relation_locks.h"

namespace pgvigil {
namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

namespace {

constexpr Steady::duration sample_beat = std::chrono::milliseconds(100);
constexpr int rest = 4;  // a server that answers slowly is asked less: so many times as long as an answer takes

// Asked on the second connection: what may take long, and what needs a database that has its extension.
bool second(const AnyProbe& p) { return p.about().slow || !p.about().requires_extension.empty(); }
// What moves within seconds is asked a second time, for its rate; facts are not.
bool moves(const AnyProbe& p) {
  const auto& metrics = p.about().metrics;
  return p.about().cadence == Cadence::sample || p.about().cadence == Cadence::cycle ||
         std::any_of(metrics.begin(), metrics.end(), [](const Metric& m) { return m.kind == MetricKind::counter; });
}
std::vector<const AnyProbe*> those_that_move(std::vector<const AnyProbe*> probes) {
  std::erase_if(probes, [](const AnyProbe* p) { return !moves(*p); });
  return probes;
}
Steady::duration duration(double s) {
  return std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(s));
}

}  // namespace

Look::Look(asio::io_context& io, TargetOptions options, Context context, double seconds, double timeout)
    : io_(io),
      target_(io.get_executor(), std::move(options)),
      timer_(io),
      recording_{{}, std::move(context), {}},
      seconds_(seconds),
      timeout_(timeout) {}

std::optional<ConnectError> Look::run() {
  enough_ = Steady::now() + duration(seconds_);
  latest_ = Steady::now() + duration(timeout_);
  samples_ = 0;
  planned_ = false;
  // The coroutines own the look: one that is abandoned at the deadline still finds its connections when it ends.
  io_.restart();
  spawn(&Look::first_connection);
  io_.run();
  if (failed_) std::rethrow_exception(failed_);
  recording_.at = utc_now();
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
  std::vector<const AnyProbe*> probes;
  for (const AnyProbe* p : probes_of(Scope::server, {Cadence::sample, Cadence::cycle, Cadence::sweep, Cadence::slow}))
    if (!second(*p)) probes.push_back(p);
  co_await observe(probes);
  // The one of the look before may still be under way: a server that slow is not asked twice at once.
  if (!second_under_way_) spawn(&Look::second_connection);
  const std::vector<const AnyProbe*> sample{&activity}, with_locks{&activity, &relation_locks};
  while (Steady::now() < latest_ && (Steady::now() < enough_ || !planned_)) {
    const auto begun = Steady::now();
    keep(co_await target_.ask(++samples_ % 5 == 0 ? with_locks : sample));
    timer_.expires_at(begun + std::max(sample_beat, rest * (Steady::now() - begun)));
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_await observe(those_that_move(probes));
  io_.stop();  // whatever the second connection still waits for is a blind spot
}

asio::awaitable<void> Look::second_connection() {
  second_under_way_ = true;
  auto tables_probes = probes_of(Scope::database, {Cadence::cycle, Cadence::sweep, Cadence::slow});
  for (const AnyProbe* p : probes_of(Scope::server, {Cadence::cycle, Cadence::sweep, Cadence::slow}))
    if (second(*p)) tables_probes.push_back(p);
  Observation refusals;
  tables_probes = askable(tables_probes, recording_.history, recording_.context, utc_now(), refusals);
  keep(std::move(refusals));
  keep(co_await target_.sweep(tables_probes));
  asio::steady_timer wait(io_);
  boost::system::error_code ignored;
  while (samples_ < 5) {  // what is hot shows after a few samples
    wait.expires_after(sample_beat);
    co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  for (int wave = 2; wave <= last_wave(); ++wave)
    if (Wave asked = plan_wave(wave, recording_.history, recording_.context, utc_now()); !asked.empty()) {
      keep(co_await target_.wave(std::move(asked)));
    }
  keep(co_await target_.sweep(those_that_move(tables_probes)));
  planned_ = true;
  second_under_way_ = false;
}

asio::awaitable<void> Look::observe(const std::vector<const AnyProbe*>& probes) {
  Observation o = co_await target_.ask(probes);
  const Time asked = o.at;
  keep(std::move(o));
  keep(see_host(recording_.history, target_.options().conninfo, asked));
}

}  // namespace pgvigil
