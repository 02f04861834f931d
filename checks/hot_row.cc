#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/blocking.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 30, "the samples that are looked at"};
constexpr Setting<Count> warn{"warn", 3, "sessions that stand behind one holder on average, from which it warns"};
constexpr Setting<Count> critical{"critical", 20, "and from which it is critical"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5, "critical also from this share of all load on"};
constexpr Setting<Count> holders{"holders", 3,
                                 "different holders, one after the other: fewer are a blocker of its own"};
constexpr Setting<Seconds> typical_wait{
    "typical_wait", 0.1, "half of those who wait have done so for at least this long; shorter queues are throughput"};

bool wants_row(const Session& s) {
  return s.wait_event_type == "Lock" && !s.blocked_by.empty() && s.backend_type == "client backend" && !is_ours(s) &&
         (s.wait_event == "transactionid" || s.wait_event == "tuple" || s.wait_event == "spectoken");
}

std::string statement_of(const Session& s) { return s.database + "\n" + (s.query_id.empty() ? s.query : s.query_id); }

// What it wants a row of: different statements may want the same one. Where the text names several tables or none that
// can be read, the statement itself.
class Wanted {
 public:
  const std::string& by(const Session& s) {
    const auto [it, is_new] = known_.try_emplace(statement_of(s));
    if (!is_new) return it->second;
    const auto tables = tables_in(s.query);
    it->second = tables.size() == 1 ? s.database + "\n" + tables.front() : it->first;
    return it->second;
  }

 private:
  std::map<std::string, std::string> known_;  // by statement
};

struct Contest {
  const Session* example = nullptr;
  double waiting = 0;  // summed over the samples
  std::set<std::int64_t> heads, sessions;
  std::map<std::string, int> queries;  // how many have waited with each
  std::vector<double> ages;
  double load = 0;
  const Session* head = nullptr;  // of the newest sample that showed one
};

// The one at the head of the queue; 0 where it is a prepared transaction or a circle.
std::int64_t head_of(const Session& waiter, const std::map<std::int64_t, const Session*>& all) {
  std::set<std::int64_t> seen{waiter.pid};
  const Session* s = &waiter;
  while (true) {
    const std::int64_t next = s->blocked_by.front();
    const auto it = all.find(next);
    if (it == all.end()) return next;
    if (!seen.insert(next).second) return 0;
    s = it->second;
    if (s->blocked_by.empty()) return next;
  }
}

// By table: a changed row gets another place with every change, so its address does not tell.
std::map<std::string, Contest> contests(const Input& in, std::size_t& samples) {
  std::map<std::string, Contest> all;
  Wanted wanted;
  const auto seen = in.series(activity, in[window]);
  samples = seen.size();
  for (const auto& sample : seen) {
    std::map<std::int64_t, const Session*> by_pid;
    for (const Session& s : sample.rows) by_pid.emplace(s.pid, &s);
    std::map<std::int64_t, std::vector<const Session*>> queues;
    for (const Session& s : sample.rows)
      if (wants_row(s)) queues[head_of(s, by_pid)].push_back(&s);
    for (const auto& [head, waiters] : queues) {
      if (head == 0) continue;
      std::map<std::string, int> tables;
      for (const Session* s : waiters) ++tables[wanted.by(*s)];
      const auto most = std::max_element(tables.begin(), tables.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      Contest& c = all[most->first];
      c.waiting += static_cast<double>(waiters.size());
      c.heads.insert(head);
      c.sessions.insert(head);
      for (const Session* s : waiters) {
        c.sessions.insert(s->pid);
        if (wanted.by(*s) != most->first) continue;
        ++c.queries[s->query_id];
        c.ages.push_back(s->query_age.value_or(0));
        c.example = s;
      }
      if (const auto it = by_pid.find(head); it != by_pid.end()) c.head = it->second;
    }
  }
  return all;
}

std::vector<std::string> most_first(const std::map<std::string, int>& counts) {
  std::vector<std::string> all;
  for (const auto& [name, n] : counts) all.push_back(name);
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return counts.at(a) > counts.at(b); });
  return all;
}

double median(std::vector<double> all) {
  if (all.empty()) return 0;
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  return *middle;
}

// The table of the row, from the locks of those who wait; else from the statement.
std::string table_of(const Input& in, const Contest& c) {
  std::map<std::string, int> votes;
  for (const Answer& a : in.history().series(lock_waits))
    if (a.rows && seconds_between(a.at, in.at()) <= in[window])
      for (const LockWait& l : static_cast<const RowsOf<LockWait>&>(*a.rows).rows)
        if (l.locktype == "tuple" && !l.relation.empty() && c.sessions.contains(l.pid)) ++votes[l.relation];
  const auto most =
      std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != votes.end()) return most->first;
  const auto named = tables_in(c.example->query);
  return named.size() == 1 ? named.front() : "";
}

std::vector<Remedy> remedies(const Session& s, const std::string& table) {
  const bool picks = s.query.find("FOR UPDATE") != std::string::npos || s.query.find("for update") != std::string::npos;
  Step look{.title = "see what the holder does between its change of the row and its commit",
            .database = s.database,
            .run_as = "superuser",
            .sql =
                "SELECT b.pid, b.state, b.xact_start, b.query, pg_catalog.count(*) AS waiting\n"
                "  FROM pg_catalog.pg_stat_activity w\n"
                "  JOIN pg_catalog.pg_stat_activity b ON b.pid = ANY (pg_catalog.pg_blocking_pids(w.pid))\n"
                " WHERE w.wait_event_type = 'Lock' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 5;"};
  look.duration = "at once";
  look.lock = "none";
  Step limit{.title = "let requests give up instead of piling up, until the transactions are shorter",
             .database = s.database,
             .run_as = "superuser",
             .sql = fmt::format("ALTER ROLE {} SET lock_timeout = '2s';", sql::quote_identifier(s.user))};
  limit.duration = "at once, for new sessions";
  limit.lock = "none";
  limit.undo = fmt::format("ALTER ROLE {} RESET lock_timeout;", sql::quote_identifier(s.user));
  limit.caution = "statements that wait longer then fail, and the application has to try again";
  return {{Remedy::Kind::first_aid, "keep the queue short", {std::move(look), std::move(limit)}},
          {Remedy::Kind::cure,
           picks ? "take the next free row: FOR UPDATE SKIP LOCKED; and commit before the slow work"
                 : fmt::format("change {} last, right before the commit, and do the slow work before or after; or "
                               "spread a counter over several rows and add them up",
                               table.empty() ? "the row" : words::one_line(table)),
           {}}};
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  std::size_t samples = 0;
  const double active = load(in, in[window]).active;
  for (auto& [key, c] : contests(in, samples)) {
    const double n = c.waiting / static_cast<double>(samples);
    const double wait = median(c.ages);
    if (n < in[warn] || static_cast<double>(c.heads.size()) < in[holders] || wait < in[typical_wait]) continue;
    const double share = active > 0 ? std::min(1.0, n / active) : 0;
    const Session& s = *c.example;
    const std::string table = table_of(in, c);
    const bool bad = n >= in[critical] || share >= in[critical_share];
    Finding f;
    f.severity = bad ? Severity::critical : Severity::warning;
    f.object = table.empty() ? Object{"query", s.query_id, s.database} : Object{"table", table, s.database};
    f.sentence =
        fmt::format("{} wait for the same row{} one after the other, half of them for {} or more: {}",
                    words::counted(std::round(n), "session"), table.empty() ? "" : " of " + words::one_line(table),
                    words::duration(wait), words::one_line(s.query, 100));
    f.load = n;
    f.queries = most_first(c.queries);
    f.sessions.assign(c.sessions.begin(), c.sessions.end());
    if (!table.empty()) f.tables = {table};
    f.confidence = table.empty() ? Confidence::medium : Confidence::high;
    f.basis = "load samples: who waits for a row, and who holds it, from moment to moment";
    f.fix = table.empty() ? "shorter transactions around the row" : "shorter transactions around the row of " + table;
    f.evidence.push_back(
        {"waiting", fmt::format("{} on average, {} of the load", words::counted(n, "session"), words::share(share))});
    f.evidence.push_back({"holders", fmt::format("{} different sessions in {}", c.heads.size(),
                                                 words::counted(static_cast<double>(samples), "sample"))});
    f.evidence.push_back({c.queries.size() > 1 ? fmt::format("one of {} statements", c.queries.size()) : "statement",
                          words::one_line(s.query, 300)});
    if (c.head != nullptr)
      f.evidence.push_back({"a holder", fmt::format("pid {}, {}: {}", c.head->pid, words::one_line(c.head->state, 40),
                                                    words::one_line(c.head->query, 200))});
    f.remedies = remedies(s, table);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  std::size_t samples = 0;
  double most = 0;
  for (const auto& [key, c] : contests(in, samples)) most = std::max(most, c.waiting / static_cast<double>(samples));
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
      r.query_start = 1e9 - ago;
      r.query_age = r.transaction_age = age;
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
                 "work_without_results", "pool_pinned", "query_regressed"},
    .reads = {activity},
    .may_read = {lock_waits},
    .settings = {window, warn, critical, critical_share, holders, typical_wait},
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
                 {"two sessions meet", [] { return handed_on(1, 0.5, 4); }, {}}},
};

}  // namespace pgvigil
