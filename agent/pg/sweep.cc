// The second connection: from database to database, and what the first one does where there is no room for it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "agent/pg/target_impl.h"
#include "checks/plans/sql.h"
#include "checks/probes/plans.h"

namespace pgvigil {

namespace asio = boost::asio;
using pg::Clock;

namespace {

constexpr const char* kDatabases =
    "select d.datname, pg_catalog.has_database_privilege(d.oid, 'CONNECT') from pg_catalog.pg_database d "
    "where d.datallowconn and not d.datistemplate and d.datconnlimit <> -2 "
    "order by pg_catalog.pg_stat_get_db_numbackends(d.oid) desc, d.datname";

// Sessions that we may not see have no backend_type. The place is for kAbandoned.
constexpr const char* kSlots = R"(
select pg_catalog.current_setting('max_connections')::int
       - pg_catalog.current_setting('superuser_reserved_connections')::int
       - coalesce(nullif(pg_catalog.current_setting('reserved_connections', true), '')::int, 0)
       - (pg_catalog.count(*) filter (where a.backend_type = 'client backend'
                                         or (a.backend_type is null and a.datid is not null)))::int,
       coalesce(pg_catalog.bool_or({}), false)
from pg_catalog.pg_stat_get_activity(null::int) a)";

// Behind a lock on pg_class or its like, for one.
constexpr const char* kWhoLocks =
    "find out who locks its catalogue, and end that session: SELECT a.pid, a.usename, a.application_name, a.state, "
    "a.query FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.granted AND l.mode = 'AccessExclusiveLock' "
    "AND l.relation < 16384;";

Failure not_visited(const std::string& database, const std::string& why, std::string mend = {}) {
  return {pg::one_line(database), "PGV03", "not visited: " + why, std::move(mend)};
}

}  // namespace

bool Target::Impl::wanted(const std::string& database) const {
  const auto in = [&](const std::vector<std::string>& all) {
    return std::find(all.begin(), all.end(), database) != all.end();
  };
  return options.databases.empty() || in(options.databases);
}

void Target::Impl::note_hanging(const std::string& database) {
  Hanging& h = hanging_[database];
  ++h.times;
  h.last = Clock::now();
}

std::string Target::Impl::hanging(const std::string& database) const {
  const auto it = hanging_.find(database);
  if (it == hanging_.end()) return "";
  const auto ago = Clock::now() - it->second.last;
  if (ago >= std::chrono::minutes(1) * (1 << std::min(it->second.times - 1, 4))) return "";
  return fmt::format("log-ins to it hang (tried {} s ago), while the server answers elsewhere",
                     std::chrono::duration_cast<std::chrono::seconds>(ago).count());
}

asio::awaitable<Target::Impl::Around> Target::Impl::look_around() {
  Around around;
  if (out_of_time()) {
    around.error = pg::connect_error(ConnectError::Kind::timeout, home, "the time given to look is over");
    co_return around;
  }
  const auto pass = co_await first.enter();
  around.error = co_await open_first();
  if (around.error) co_return around;
  std::vector<pg::Ask> asks(2);
  asks[0].sql = kDatabases;
  asks[0].raw_bytes = true;
  asks[1].sql = fmt::format(kSlots, kAbandoned);
  asks[1].parameters = abandoned_parameters();
  around.own = first.session().database();
  auto all = co_await first.fly(asks, in_time(options.flight_deadline));
  if (!first.is_open() && first.abandoned.empty()) {  // it died while idle, which shows only now: once more
    around.error = co_await open_first();
    if (around.error) co_return around;
    all = co_await first.fly(asks, in_time(options.flight_deadline));
  }
  // One we gave up on: planning ran code that swallows its own timeout, say. It is told to end, once, and mostly has
  // ended a moment later; else there is no second connection until it has.
  const auto told = [](const pg::Lane::Abandoned& gone) { return gone.told; };
  const auto still_there = [](const pg::Outcome& o) {
    return o.ok && !o.sheet.rows.empty() && o.sheet.rows[0].size() > 1 && o.sheet.rows[0][1] == "t";
  };
  if (still_there(all[1]) && first.is_open() &&
      !(std::all_of(first.abandoned.begin(), first.abandoned.end(), told) &&
        std::all_of(second.abandoned.begin(), second.abandoned.end(), told))) {
    co_await end_in_server();
    asio::steady_timer pause(executor_);
    for (int i = 0; i < 6 && first.is_open() && still_there(all[1]); ++i) {
      pause.expires_after(Milliseconds(20 << i / 2));
      co_await pause.async_wait(asio::use_awaitable);
      auto again = co_await first.fly(std::vector<pg::Ask>(1, asks[1]), in_time(options.flight_deadline));
      all[1] = std::move(again[0]);
    }
  }
  for (const auto& answer : all)
    if (!answer.ok) {
      around.error = pg::connect_error(ConnectError::Kind::other, options.conninfo, answer.message, answer.sqlstate);
      co_return around;
    }
  try {
    for (const auto& row : all[0].sheet.rows)
      if (row.at(0) && wanted(*row[0])) (row.at(1) == "t" ? around.databases : around.denied).push_back(*row[0]);
    std::int64_t free_slots = 0;
    decode_cell(all[1].sheet.rows.at(0).at(0), free_slots);
    around.free_slots = static_cast<int>(free_slots);
    around.room = around.free_slots + (second.is_open() ? 1 : 0) > options.slots_floor;
    around.alone = all[1].sheet.rows[0].at(1) == "f";
  } catch (const std::exception& e) {  // whatever answers there, it is no PostgreSQL we know
    around.error = pg::connect_error(ConnectError::Kind::not_postgres, options.conninfo, e.what());
    co_return around;
  }
  if (around.alone) {
    first.abandoned.clear();
    second.abandoned.clear();
  }
  co_return around;
}

asio::awaitable<Target::Impl::Way> Target::Impl::way_to(std::string database, std::optional<Around>& seen) {
  Way way;
  if (out_of_time()) {
    way.failure = {pg::one_line(database), "PGV01", "not visited: the time given to look was over", {}};
    co_return way;
  }
  if (!seen || !none_abandoned()) seen = co_await look_around();
  const Around& around = *seen;
  const std::string own = around.own;
  if (around.error || closed_) {
    way.failure = around.error ? failure_of(*around.error, database) : not_visited(database, "the agent ends");
    co_return way;
  }
  if (around.alone && around.room) {
    way.pass.emplace(co_await second.enter());
    if (closed_ || !none_abandoned()) {  // while we waited
      way.pass.reset();
      way.failure = not_visited(database, closed_ ? "the agent ends" : "an earlier session of ours does not end");
      co_return way;
    }
    const std::string hangs = second.is_open_to(database) ? std::string() : hanging(database);
    if (hangs.empty()) {
      auto error = co_await second.open(options.conninfo.with_database(database), in_time(options.connect_deadline));
      if (!error) {
        hanging_.erase(database);
        way.lane = &second;
        co_return way;
      }
      way.failure = failure_of(*error, database);
      seen.reset();  // slots may have gone since
      if (error->kind == ConnectError::Kind::timeout && first.is_open() && !out_of_time()) {
        note_hanging(database);
        way.failure.mend = kWhoLocks;
      }
    } else {
      way.failure = {pg::one_line(database), "PGV01", "not visited: " + hangs, kWhoLocks};
    }
    way.pass.reset();
  } else {
    if (second.is_open()) {  // gives the slot back
      const auto pass = co_await second.enter();
      co_await second.close();
    }
    way.failure =
        around.alone
            ? not_visited(database, fmt::format("only {} free connections are left", std::max(around.free_slots, 0)),
                          "close idle sessions, or raise max_connections")
            : not_visited(database, "an earlier session of ours does not end in the server");
  }
  if (database != own) co_return way;
  way.pass.emplace(co_await first.enter());
  const auto error = co_await open_first();
  if (error)
    way.failure = failure_of(*error, database);
  else if (first.is_open_to(own))  // not fallen back to another home meanwhile
    way.lane = &first;
  co_return way;
}

asio::awaitable<bool> Target::Impl::rehome(std::string database) {
  const auto turn = co_await sweep_door_.enter();
  if (first.is_open_to(database)) co_return true;
  if (!wanted(database)) co_return false;
  std::optional<Around> around = co_await look_around();
  if (around->error || !around->alone || !around->room) co_return false;
  {
    const Way way = co_await way_to(database, around);
    if (way.lane != &second) co_return false;
  }
  // Both doors, always the first one first: whoever opens the first may close the second.
  const auto first_pass = co_await first.enter();
  const auto second_pass = co_await second.enter();
  if (closed_ || !second.is_open_to(database)) co_return false;
  first.swap_sessions(second);
  home = options.conninfo.with_database(std::move(database));
  failed_attempts_ = 0;
  co_await second.close();
  co_return true;
}

namespace {

bool is_given(const std::pair<const AnyProbe*, Request>& question) { return !question.first->about().given.empty(); }

// As an array in PostgreSQL's text form; "" when there is no such column.
std::string oids_in(const Sheet& sheet) {
  const auto at =
      static_cast<std::size_t>(std::find(sheet.columns.begin(), sheet.columns.end(), "oid") - sheet.columns.begin());
  if (at == sheet.columns.size()) return "";
  std::vector<std::string> oids;
  for (const auto& row : sheet.rows)
    if (at < row.size() && row[at]) oids.push_back(*row[at]);
  return fmt::format("{{{}}}", fmt::join(oids, ","));
}

}  // namespace

asio::awaitable<void> Target::Impl::put(std::string database, Questions questions, std::vector<const AnyProbe*>& once,
                                        std::optional<Around>& around, Gathering& found) {
  const auto first_given = std::stable_partition(questions.begin(), questions.end(),
                                                 [](const auto& question) { return !is_given(question); });
  std::map<std::string_view, std::string> oids;  // that a probe has found here, where another is given them
  for (auto q = first_given; q != questions.end(); ++q) oids.emplace(q->first->about().given, "");
  for (std::size_t at = 0; at < questions.size() || !once.empty();) {
    Way way = co_await way_to(database, around);
    if (way.lane == nullptr) {
      for (; at < questions.size(); ++at) found.fail(*questions[at].first, way.failure);
      co_return;
    }
    co_await way.lane->learn_extensions();
    std::erase_if(once, [&](const AnyProbe* p) {
      const std::string_view needs = p->about().requires_extension;
      const bool here = needs.empty() || way.lane->extension_schema(needs);
      if (here) questions.emplace_back(p, Request());
      return here;
    });
    if (at == questions.size()) co_return;
    std::vector<pg::Ask> asks;
    std::vector<const AnyProbe*> asked;
    Milliseconds deadline{500};
    std::size_t end = at + 1;
    while (way.lane != &first && end < questions.size() && is_given(questions[end]) == is_given(questions[at])) ++end;
    for (; at < end; ++at) {
      auto& [probe, request] = questions[at];
      if (is_given(questions[at])) {
        request.parameters = {oids.at(probe->about().given)};
        if (request.parameters.front().empty()) {
          found.fail(*probe,
                     {database, "PGV03", fmt::format("not asked: {} gave no answer", probe->about().given), {}});
          continue;
        }
      }
      auto q = question(*probe, *way.lane, version_num, database, options.lock_timeout, request);
      if (auto* failure = std::get_if<Failure>(&q)) {
        found.fail(*probe, std::move(*failure));
        continue;
      }
      asks.push_back(std::move(std::get<pg::Ask>(q)));
      deadline += asks.back().timeout;
      asked.push_back(probe);
    }
    if (asks.empty()) continue;
    if (!way.lane->is_open()) {
      for (const AnyProbe* p : asked)
        found.fail(*p, p == asked.front() ? Failure{database, "PGV01", "not asked: the connection was lost", {}}
                                          : Failure{database, "PGV03", pg::kNotReached, {}});
      continue;
    }
    auto answers = co_await way.lane->fly(std::move(asks), in_time(std::min(deadline, options.sweep_deadline)));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto wanted_later = oids.find(asked[i]->id());
      if (wanted_later != oids.end() && answers[i].ok) wanted_later->second = oids_in(answers[i].sheet);
      found.add(*asked[i], std::move(answers[i]), database);
    }
  }
}

asio::awaitable<Observation> Target::Impl::sweep(std::vector<const AnyProbe*> probes) {
  const auto turn = co_await sweep_door_.enter();
  Gathering found;
  const Around around = co_await look_around();
  if (around.error) {
    for (const AnyProbe* p : probes) found.fail(*p, failure_of(*around.error, {}));
    co_return found.finish(version_num, texts_);
  }
  const auto deadline = Clock::now() + in_time(options.sweep_deadline);
  for (const std::string& name : around.denied)
    for (const AnyProbe* p : probes)
      if (p->about().scope == Scope::database)
        found.fail(*p, not_visited(name, "we may not connect to it",
                                   "GRANT CONNECT ON DATABASE " + sql::quote_identifier(name) + " TO " +
                                       sql::quote_identifier(options.conninfo.user()) + ";"));
  std::vector<const AnyProbe*> once;
  for (const AnyProbe* p : probes)
    if (p->about().scope == Scope::server) once.push_back(p);
  for (const std::string& name : around.databases) {
    if (Clock::now() >= deadline) {
      for (const AnyProbe* p : probes)
        if (p->about().scope == Scope::database) found.fail(*p, not_visited(name, "the sweep took too long"));
      continue;
    }
    Questions questions;
    for (const AnyProbe* p : probes)
      if (p->about().scope == Scope::database) questions.emplace_back(p, Request());
    std::optional<Around> here;
    co_await put(name, std::move(questions), once, here, found);
  }
  for (const AnyProbe* p : once) {
    const std::string needs(p->about().requires_extension);
    found.fail(*p, needs.empty() ? Failure{{}, "PGV03", "not asked: no database could be visited", {}}
                                 : Failure{{},
                                           "PGV03",
                                           "the extension " + needs + " is not installed in any database visited",
                                           "CREATE EXTENSION " + needs + ";"});
  }
  co_return found.finish(version_num, texts_);
}

asio::awaitable<Observation> Target::Impl::wave(
    std::vector<std::pair<const AnyProbe*, std::vector<Request>>> requests) {
  const auto turn = co_await sweep_door_.enter();
  Gathering found;
  const auto deadline = Clock::now() + in_time(options.sweep_deadline);
  std::vector<std::string> databases;
  for (auto& [probe, list] : requests) {
    if (list.empty()) found.nothing(*probe);
    for (Request& r : list) {
      if (r.database.empty()) r.database = home.dbname();
      if (std::find(databases.begin(), databases.end(), r.database) == databases.end()) databases.push_back(r.database);
    }
  }
  for (const std::string& name : databases) {
    const bool over = Clock::now() >= deadline;
    Questions questions;
    const bool excluded = !wanted(name);
    std::optional<Around> around;
    for (const auto& [probe, list] : requests) {
      std::vector<Request> here;
      for (const Request& r : list)
        if (r.database == name) here.push_back(r);
      if (excluded || over) {
        if (!here.empty())
          found.fail(*probe, excluded ? not_visited(name, "excluded by the configuration")
                                      : not_visited(name, "the sweep took too long"));
      } else if (probe->about().scope == Scope::explain) {
        if (!here.empty()) co_await explain_all(*probe, name, std::move(here), around, found, deadline);
      } else {
        for (Request& r : here) questions.emplace_back(probe, std::move(r));
      }
    }
    std::vector<const AnyProbe*> no_more;
    if (!questions.empty()) co_await put(name, std::move(questions), no_more, around, found);
  }
  co_return found.finish(version_num, texts_);
}

}  // namespace pgvigil
