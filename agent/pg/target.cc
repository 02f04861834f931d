#include "agent/pg/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "agent/pg/target_impl.h"
#include "checks/probes/connections.h"
#include "checks/probes/server.h"

namespace pgvigil {

namespace asio = boost::asio;
using pg::Clock;

Target::Impl::Impl(asio::any_io_executor executor, TargetOptions given)
    : options(std::move(given)),
      first(executor, counters),
      second(executor, counters),
      executor_(executor),
      sweep_door_(executor) {}

Milliseconds Target::Impl::delay() const {
  const int troubles = failed_attempts_ + std::max(stalls_ - 1, 0);  // after one stall we come back at once
  if (first.is_open() || troubles == 0) return Milliseconds(0);
  using Kind = ConnectError::Kind;
  const bool hopeless = last_error && (last_error->kind == Kind::auth || last_error->kind == Kind::no_database);
  const double base = hopeless ? 30'000 : std::min(30'000.0, 500.0 * static_cast<double>(1 << std::min(troubles, 7)));
  return Milliseconds(static_cast<int>(base * jitter_));
}

Milliseconds Target::Impl::in_time(Milliseconds most) const {
  if (!options.until) return most;
  const auto left = std::chrono::duration_cast<Milliseconds>(*options.until - Clock::now());
  return std::clamp(left, Milliseconds(0), most);
}

asio::awaitable<std::optional<ConnectError>> Target::Impl::open_first(bool forced) {
  if (first.is_open() && !closed_) co_return std::nullopt;
  if (!closed_ && !forced && Clock::now() < tried_at_ + delay()) {
    if (last_error) co_return last_error;
    co_return pg::connect_error(ConnectError::Kind::timeout, options.conninfo,
                                "the server did not answer; trying again soon");
  }
  if (!first.abandoned.empty()) {  // the process we gave up on counts as one of the two
    const auto pass = co_await second.enter();
    co_await second.close();
  }
  if (closed_) co_return pg::connect_error(ConnectError::Kind::other, home, "the agent ends its connections");
  tried_at_ = Clock::now();
  auto error = co_await first.open(home, in_time(options.connect_deadline));
  using Kind = ConnectError::Kind;
  const bool unwelcome =
      error && (error->kind == Kind::no_database || error->kind == Kind::auth || error->kind == Kind::other);
  if (unwelcome && !closed_ &&
      home.dbname() != options.conninfo.dbname()) {  // dropped, or closed to us: back to where we began
    home = options.conninfo;
    error = co_await first.open(home, in_time(options.connect_deadline));
  }
  // Log-ins to one database may hang (its catalogue is locked) while the server serves the others: then the server is
  // seen from there.
  const std::string refuge = "postgres";
  if (error && error->kind == Kind::timeout && !closed_ && home.dbname() != refuge && wanted(refuge) &&
      !out_of_time()) {
    Conninfo there = options.conninfo.with_database(refuge);
    if (!co_await first.open(there, in_time(Milliseconds(1000)))) {
      note_hanging(home.dbname());
      home = std::move(there);
      error.reset();
    }
  }
  last_error = error;
  if (error) {
    static std::mt19937 random{std::random_device{}()};
    jitter_ = std::uniform_real_distribution<>(0.6, 1.0)(random);
    ++failed_attempts_;
    co_return error;
  }
  failed_attempts_ = 0;
  version_num = first.session().version_num();
  superuser = first.session().superuser();
  co_return std::nullopt;
}

asio::awaitable<std::optional<ConnectError>> Target::Impl::connect() {
  const auto pass = co_await first.enter();
  co_return co_await open_first(true);
}

namespace {

// A pooler gives its clients process ids of its own making.
bool pooled(const pg::Session& session, const std::vector<const AnyProbe*>& asked,
            const std::vector<pg::Outcome>& answers) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (asked[i] != &server || !answers[i].ok || answers[i].sheet.rows.empty()) continue;
    const auto& names = answers[i].sheet.columns;
    const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), "backend_pid") - names.begin());
    if (at < names.size()) return answers[i].sheet.rows[0][at] != std::to_string(session.backend_pid());
  }
  return false;
}

}  // namespace

asio::awaitable<Observation> Target::Impl::ask(std::vector<const AnyProbe*> probes) {
  const auto pass = co_await first.enter();
  Gathering found;
  std::stable_partition(probes.begin(), probes.end(),
                        [](const AnyProbe* p) { return p->about().cadence == Cadence::sample; });
  std::optional<ConnectError> error = co_await open_first();
  for (int attempt = 0; !error; ++attempt) {
    const std::size_t given_up = first.abandoned.size();
    const bool extensions = std::any_of(probes.begin(), probes.end(),
                                        [](const AnyProbe* p) { return !p->about().requires_extension.empty(); });
    if (extensions) co_await first.learn_extensions();
    std::vector<pg::Outcome> answers;
    std::vector<pg::Ask> asks;
    std::vector<const AnyProbe*> asked;
    std::vector<std::pair<const AnyProbe*, Failure>> not_asked;
    const std::string database = home.dbname();
    if (first.is_open()) {
      for (const AnyProbe* p : probes) {
        auto q = question(*p, first, version_num, database, options.lock_timeout);
        if (auto* failure = std::get_if<Failure>(&q)) {
          not_asked.emplace_back(p, std::move(*failure));
        } else {
          asks.push_back(std::move(std::get<pg::Ask>(q)));
          asked.push_back(p);
        }
      }
      if (!asks.empty()) answers = co_await first.fly(std::move(asks), in_time(options.flight_deadline));
    }
    // A connection that died while idle shows only now: ask again, once, over a fresh one.
    stalls_ = first.abandoned.size() > given_up ? stalls_ + 1 : 0;
    const bool died = !first.is_open() && first.abandoned.size() == given_up &&
                      std::none_of(answers.begin(), answers.end(), [](const pg::Outcome& o) { return o.ok; });
    if (died && attempt == 0) {
      error = co_await open_first();
      continue;
    }
    if (answers.empty() && !first.is_open())
      for (const AnyProbe* p : probes)
        found.fail(*p, p == probes.front() ? Failure{database, "PGV01", "not asked: the connection was lost", {}}
                                           : Failure{database, "PGV03", pg::kNotReached, {}});
    for (auto& [probe, failure] : not_asked) found.fail(*probe, std::move(failure));
    if (first.is_open() && std::find(asked.begin(), asked.end(), &connections) != asked.end() &&
        pooled(first.session(), asked, answers))
      found.fail(connections, {{},
                               "PGV03",
                               "seen through a pooler: clients that wait there for a connection are not",
                               "connect to the server itself; ask the pooler: SHOW POOLS"});
    for (std::size_t i = 0; i < answers.size(); ++i) found.add(*asked[i], std::move(answers[i]), {});
    co_return found.finish(version_num, texts_);
  }
  for (const AnyProbe* p : probes) found.fail(*p, failure_of(*error, {}));
  co_return found.finish(version_num, texts_);
}

std::vector<std::string> Target::Impl::abandoned_parameters(std::vector<int> more) const {
  std::vector<int> pids = std::move(more);
  std::vector<double> ages(pids.size(), 0);
  for (const pg::Lane* lane : {&first, &second})
    for (const auto& gone : lane->abandoned) {
      pids.push_back(gone.pid);
      ages.push_back(std::chrono::duration<double>(Clock::now() - gone.at).count());
    }
  return {fmt::format("{{{}}}", fmt::join(pids, ",")), fmt::format("{{{}}}", fmt::join(ages, ","))};
}

// Statements of ours that still run, and processes we gave up on. Only sessions that are surely ours: behind a pooler
// the process ids we know are not the server's.
asio::awaitable<void> Target::Impl::end_in_server() {
  std::vector<int> running;
  if (second.is_open()) running.push_back(second.session().backend_pid());
  if ((running.empty() && none_abandoned()) || !first.is_open()) co_return;
  std::vector<pg::Ask> asks(1);
  asks[0].sql = fmt::format(
      "select pg_catalog.pg_terminate_backend(a.pid) from pg_catalog.pg_stat_get_activity(null::int) a "
      "where a.pid <> pg_catalog.pg_backend_pid() and {}",
      kAbandoned);
  asks[0].parameters = abandoned_parameters(std::move(running));
  for (pg::Lane* lane : {&first, &second})
    for (auto& gone : lane->abandoned) gone.told = true;
  co_await first.fly(std::move(asks), options.flight_deadline);
}

asio::awaitable<void> Target::Impl::close() {
  closed_ = true;
  asio::steady_timer pause(executor_);
  for (const auto grace = Clock::now() + Milliseconds(500); second.busy() && Clock::now() < grace;) {
    pause.expires_after(Milliseconds(20));
    co_await pause.async_wait(asio::use_awaitable);
  }
  if (!first.is_open()) second.give_up();  // a first one that is being opened may wait for it
  {
    const auto pass = co_await first.enter();
    if (second.busy() || !none_abandoned()) co_await end_in_server();
    second.give_up();
  }
  {
    const auto pass = co_await second.enter();
    co_await second.close();
  }
  const auto pass = co_await first.enter();
  co_await first.close();
}

Target::Target(asio::any_io_executor executor, TargetOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(options))) {}
Target::~Target() = default;

// Cancelled from outside, a call still runs to its deadlines: a half-used connection would be worth nothing.
#define PGVIGIL_UNCANCELLED co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation())

asio::awaitable<std::optional<ConnectError>> Target::connect() {
  PGVIGIL_UNCANCELLED;
  co_return co_await impl_->connect();
}
asio::awaitable<Observation> Target::ask(std::vector<const AnyProbe*> probes) {
  PGVIGIL_UNCANCELLED;
  co_return co_await impl_->ask(std::move(probes));
}
asio::awaitable<Observation> Target::sweep(std::vector<const AnyProbe*> probes) {
  PGVIGIL_UNCANCELLED;
  co_return co_await impl_->sweep(std::move(probes));
}
asio::awaitable<Observation> Target::wave(std::vector<std::pair<const AnyProbe*, std::vector<Request>>> requests) {
  PGVIGIL_UNCANCELLED;
  co_return co_await impl_->wave(std::move(requests));
}
asio::awaitable<bool> Target::rehome(std::string database) {
  PGVIGIL_UNCANCELLED;
  co_return co_await impl_->rehome(std::move(database));
}
asio::awaitable<void> Target::close() {
  PGVIGIL_UNCANCELLED;
  co_await impl_->close();
}
void Target::until(Clock::time_point end) { impl_->options.until = end; }
Milliseconds Target::next_attempt_delay() const { return impl_->delay(); }
bool Target::connected() const { return impl_->first.is_open(); }
const TargetOptions& Target::options() const { return impl_->options; }
const std::string& Target::home() const { return impl_->home.dbname(); }
bool Target::superuser() const { return impl_->superuser; }
OwnCost Target::cost() const {
  const pg::Counters& c = *impl_->counters;
  return {c.connections,
          c.db_seconds,
          c.statements,
          c.bytes,
          std::chrono::duration<double>(Clock::now() - impl_->start).count(),
          impl_->explains,
          impl_->explain_failures};
}

}  // namespace pgvigil
