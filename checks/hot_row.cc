#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/handed_on.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/lock_waits.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 30, "the samples that are looked at"};
constexpr Setting<Count> warn{"warn", 3, "sessions that stand behind one holder on average, from which it warns"};
constexpr Setting<Count> critical{"critical", 20, "and from which it is critical"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5, "critical also from this share of all load on"};

std::vector<Remedy> remedies(const Session& s, const std::string& table) {
  const bool picks = s.query.find("FOR UPDATE") != std::string::npos || s.query.find("for update") != std::string::npos;
  Step limit{.title = "let requests give up instead of piling up, until the transactions are shorter",
             .database = s.database,
             .run_as = "superuser",
             .sql = fmt::format("ALTER ROLE {} SET lock_timeout = '2s';", sql::quote_identifier(s.user))};
  limit.duration = "at once, for new sessions";
  limit.lock = "none";
  limit.undo = fmt::format("ALTER ROLE {} RESET lock_timeout;", sql::quote_identifier(s.user));
  limit.caution = "statements that wait longer then fail, and the application has to try again";
  return {{Remedy::Kind::first_aid, "keep the queue short", {look_at_holder(s), std::move(limit)}},
          {Remedy::Kind::cure,
           picks ? "take the next free row: FOR UPDATE SKIP LOCKED; and commit before the slow work"
                 : fmt::format("change {} last, right before the commit, and do the slow work before or after; or "
                               "spread a counter over several rows and add them up",
                               table.empty() ? "the row" : words::one_line(table)),
           {}}};
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const double active = load(in, in[window]).active;
  for (const Contest& c : contests(in, Coveted::row, in[window])) {
    const double share = active > 0 ? std::min(1.0, c.waiting / active) : 0;
    if (c.waiting < in[warn] || !is_handed_on(in, c, active)) continue;
    const Session& s = *c.example;
    const std::string table = coveted_table(in, Coveted::row, c, in[window]);
    const bool bad = is_critical(in, c, share, in[critical], in[critical_share]);
    Finding f;
    f.severity = bad ? Severity::critical : Severity::warning;
    if (!bad && c.wait < in[contest::typical_wait]) f.act_by = ActBy::today;
    f.object = table.empty() ? Object{"query", s.query_id, s.database} : Object{"table", table, s.database};
    f.sentence = fmt::format("{} wait for the same row{} one after the other, half of them for {} or more: {}",
                             words::counted(std::round(c.waiting), "session"),
                             table.empty() ? "" : " of " + words::one_line(table), words::duration(c.wait),
                             words::one_line(s.query, 100));
    if (!table.empty()) f.tables = {table};
    f.confidence = table.empty() ? Confidence::medium : Confidence::high;
    f.basis = "load samples: who waits for a row, and who holds it, from moment to moment";
    f.fix = table.empty() ? "shorter transactions around the row" : "shorter transactions around the row of " + table;
    tell_contest(c, share, f);
    f.remedies = remedies(s, table);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  double most = 0;
  for (const Contest& c : contests(in, Coveted::row, in[window])) most = std::max(most, c.waiting);
  return most == 0 ? "no session waits for a row"
                   : fmt::format("{} on average {} for a row", words::counted(most, "session"),
                                 words::number(most) == "1" ? "waits" : "wait");
}

// In each sample another session holds the row.
Scenario handed_on(int waiters, double age, int others = 0, bool same_holder = false, std::string_view query = {}) {
  Scenario s;
  for (int ago = 5; ago >= 0; --ago) {
    std::vector<Session> rows;
    for (int i = 0; i <= waiters + others; ++i) {
      Session r{.pid = 20 + i, .database = "shop", .user = "app", .application = "web"};
      r.backend_type = "client backend";
      r.state = "active";
      r.query_id = i > waiters ? "8" : "7";
      r.query = i > waiters ? "SELECT 1" : query.empty() ? "UPDATE counters SET n = n + $1 WHERE id = $2" : query;
      r.query_start = 1e9 - (same_holder ? 5 : ago);
      r.query_age = r.transaction_age = same_holder ? age + 5 - ago : age;
      const int head = same_holder ? 0 : (5 - ago) % (waiters + 1);
      if (i <= waiters && i != head) {
        r.wait_event_type = "Lock";
        r.wait_event = i == (head + 1) % (waiters + 1) ? "transactionid" : "tuple";
        r.blocked_by = {20 + head};
      } else if (i == head) {
        r.query = "SELECT pg_sleep($1)";
        r.query_id = "9";
      }
      rows.push_back(r);
    }
    s.saw(ago, activity, rows);
  }
  LockWait l{
      .pid = 21, .locktype = "tuple", .mode = "ExclusiveLock", .database = "shop", .relation = "public.counters"};
  return s.saw(0, lock_waits, {l});
}

// Short waits; behind the line stand `more` that the server is about to let in, with the statement of this id. Of
// `blind` every second sample shows nobody's blocker.
Scenario joining(int waiters, int more, const std::string& query_id = "7", bool blind = false) {
  Scenario s = handed_on(waiters, 0.02), out;
  bool shown = true;
  for (const auto& sample : s.history.series(activity)) {
    auto rows = static_cast<const RowsOf<Session>&>(*sample.rows).rows;
    shown = !blind || !shown;
    for (Session& r : rows)
      if (!shown) r.blocked_by = {};
    for (int i = 0; i < more; ++i) {
      Session r = rows.front();
      r.pid = 100 + i;
      r.query_id = query_id;
      r.query = query_id == "7" ? "UPDATE counters SET n = n + $1 WHERE id = $2" : "SELECT count(*) FROM orders";
      r.wait_event_type = "LWLock", r.wait_event = "LockManager", r.blocked_by = {};
      rows.push_back(r);
    }
    out.saw(seconds_between(sample.at, s.at), activity, rows);
  }
  return out;
}

// They want the row by another statement at each moment.
Scenario many_statements() {
  Scenario s = handed_on(8, 0.5), out;
  for (const auto& sample : s.history.series(activity)) {
    const double ago = seconds_between(sample.at, s.at);
    auto rows = static_cast<const RowsOf<Session>&>(*sample.rows).rows;
    for (Session& r : rows)
      if (!r.blocked_by.empty())
        r.query_id = fmt::format("{:.0f}", ago), r.query = "UPDATE counters SET n" + r.query_id + " = $1 WHERE id = $2";
    out.saw(ago, activity, rows);
  }
  return out;
}

}  // namespace

extern const Check hot_row;
const Check hot_row{
    .id = "hot_row",
    .title = "Everybody wants the same row",
    .why =
        "One transaction after the other changes it, each keeps it until its commit, and all the others stand in "
        "line: more servers or clients make the line longer, not faster.",
    .role = Role::cause,
    .explains = {"lock_queue", "connections_rising", "connections_saturated", "queries_timing_out", "load_above_cores",
                 "work_without_results", "pool_pinned", "query_regressed", "migration_stalled"},
    .reads = {activity},
    .may_read = {lock_waits},
    .settings = {window, warn, critical, critical_share, contest::holders, contest::typical_wait, contest::crowd,
                 contest::crowd_share},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"eight sessions take turns with a counter", [] { return handed_on(8, 0.5); }, {Severity::critical}},
                 {"four of many sessions do", [] { return handed_on(4, 0.5, 10); }, {Severity::warning}},
                 {"twenty-five of very many do", [] { return handed_on(25, 0.5, 60); }, {Severity::critical}},
                 {"jobs that are picked without SKIP LOCKED",
                  [] { return handed_on(8, 0.5, 0, false, "SELECT id FROM jobs ORDER BY id LIMIT $1 FOR UPDATE"); },
                  {Severity::critical}},
                 {"eight sessions take turns with a row, by one statement after the other",
                  many_statements,
                  {Severity::critical}},
                 {"one session keeps the row", [] { return handed_on(8, 6, 0, true); }, {}},
                 {"transfers at full speed", [] { return handed_on(8, 0.02); }, {}},
                 {"fifteen of sixteen sessions wait for one row, each for a moment",
                  [] { return handed_on(15, 0.02); },
                  {Severity::warning}},
                 {"forty of them", [] { return handed_on(40, 0.04); }, {Severity::warning}},
                 {"half of them are about to join it", [] { return joining(15, 15); }, {Severity::warning}},
                 {"... and half of the samples catch no blocker",
                  [] { return joining(15, 15, "7", true); },
                  {Severity::warning}},
                 {"as many wait for something else", [] { return joining(15, 15, "7b"); }, {}},
                 {"fifteen do, beside as many that work", [] { return handed_on(15, 0.02, 15); }, {}},
                 {"two sessions meet", [] { return handed_on(1, 0.5, 4); }, {}}},
};

}  // namespace pgvigil
