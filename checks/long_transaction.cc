#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "checks/blocking.h"
#include "checks/blocking_examples.h"
#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/held_back.h"
#include "checks/held_back_examples.h"
#include "checks/load.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> warn_age{"warn_age", 15 * 60, "a running transaction warns from this age"};
constexpr Setting<Seconds> crit_age{"crit_age", 60 * 60, "and is critical from this one"};
constexpr Setting<Seconds> held{"held", 5, "one that holds others up is the cause once it has done so for so long"};

bool starts_with(std::string_view text, std::string_view word) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  return text.size() >= word.size() && std::equal(word.begin(), word.end(), text.begin(), [](char a, char b) {
           return a == std::toupper(static_cast<unsigned char>(b));
         });
}

// What is long by nature and known to end: dumps and copies of all data, maintenance, changes of tables.
bool by_nature(const Input& in, const Session& s) {
  static constexpr std::string_view tools[] = {"pg_dump",  "pg_dumpall", "pg_restore", "pg_basebackup",
                                               "vacuumdb", "reindexdb",  "pg_repack"};
  static constexpr std::string_view work[] = {"VACUUM",  "ANALYZE",         "CREATE INDEX", "CREATE UNIQUE INDEX",
                                              "REINDEX", "CLUSTER",         "ALTER",        "REFRESH",
                                              "COPY",    "CREATE DATABASE", "BASE_BACKUP"};
  if (std::any_of(std::begin(tools), std::end(tools), [&](auto t) { return s.application.starts_with(t); }))
    return true;
  if (std::any_of(std::begin(work), std::end(work), [&](auto w) { return starts_with(s.query, w); })) return true;
  const auto builds = in.now(index_builds);
  return std::any_of(builds.begin(), builds.end(), [&](const IndexBuild& b) { return b.pid == s.pid; });
}

bool is_long_running(const Input& in, const Session& s) {
  return s.backend_type == "client backend" && !s.state.empty() && !is_idle_in_transaction(s) && !by_nature(in, s);
}

Finding told(const Session& s) {
  Finding f;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"session", std::to_string(s.pid), s.database};
  f.confidence = Confidence::high;
  f.fix = fmt::format("end pid {}", s.pid);
  f.evidence.push_back({"session", fmt::format("{}, {}, transaction open for {}, from {}", who(s), what_it_does(s),
                                               words::duration(s.transaction_age.value_or(0)),
                                               s.client.empty() ? "?" : words::one_line(s.client, 63))});
  if (!s.query.empty()) f.evidence.push_back({"its statement", words::one_line(s.query, 300)});
  return f;
}

Finding holds_others_up(const Input& in, const BlockingTree& t, const QueueHarm& harm) {
  const Session& s = *t.root;
  Finding f = told(s);
  f.sentence =
      fmt::format("a transaction of {} has been open for {} and holds a lock that {}", who(s),
                  words::duration(s.transaction_age.value_or(0)),
                  harm.waits == 1 ? "1 session waits for" : words::counted(harm.waits, "session") + " wait for");
  if (const auto tables = t.tables(); !tables.empty()) f.sentence += " on " + words::list(tables, 2);
  f.sentence += beside_in_words(t);
  f.fix = end_in_words(t);
  f.basis = "pg_blocking_pids: the server says who waits for whom";
  tell_queue(in, t, harm, f);
  tell_waiters(t, f);
  f.remedies.push_back({Remedy::Kind::first_aid,
                        t.beside.empty() ? "cancel the long statement" : "cancel the long statements", end_roots(t)});
  return f;
}

Finding holds_vacuum_back(const Input& in, const Session& s, const HeldBack& h) {
  Finding f = told(s);
  f.sentence = fmt::format("a transaction of {} has been open for {} and keeps vacuum from removing {} dead rows of {}",
                           who(s), words::duration(s.transaction_age.value_or(0)),
                           words::count(static_cast<double>(h.table->dead)), h.table->name);
  f.confidence = h.proven ? Confidence::high : Confidence::medium;
  f.basis = "the oldest snapshot that vacuum has to respect, and the dead rows of a table that carries the load";
  tell_held_back(in, h, f);
  f.remedies.push_back({Remedy::Kind::first_aid, "cancel the long statement", {end_session(s, 0, h.load)}});
  return f;
}

Finding runs_on(const Input& in, const Session& s) {
  const double age = s.transaction_age.value_or(0);
  Finding f = told(s);
  f.severity = age >= in[crit_age] ? Severity::critical : Severity::warning;
  f.act_by = ActBy::today;  // nobody waits for it now
  f.sentence = fmt::format("a transaction of {} has been open for {}", who(s), words::duration(age));
  f.basis = "the server's own clock of the transaction";
  f.sessions = {s.pid};
  if (!in.context().one_shot) f.since = after(in.at(), -age);
  f.evidence.push_back({"harm", "vacuum keeps every row that died since it began; nobody waits for its locks"});
  f.remedies.push_back({Remedy::Kind::first_aid, "cancel it, if nobody needs its answer", {end_session(s, 0, 0)}});
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const double active = load(in, 30).active;
  std::vector<std::int64_t> done;
  for (const BlockingTree& t : blocking_trees(in)) {
    // Behind a change of the table, the reader at its head is not what holds the others up: ddl_waiting.
    if (t.root == nullptr || t.held < in[held] || !is_long_running(in, *t.root) || t.change_in_front() != nullptr)
      continue;
    const auto harm = queue_harm(in, t, active);
    if (!harm) continue;
    found.push_back(holds_others_up(in, t, *harm));
    done.push_back(t.root_pid);
  }
  if (const auto h = held_back_now(in); h && h->holder->kind == "session")
    for (const Session& s : in.now(activity))
      if (s.pid == h->holder->pid && is_long_running(in, s) &&
          std::find(done.begin(), done.end(), s.pid) == done.end()) {
        found.push_back(holds_vacuum_back(in, s, *h));
        done.push_back(s.pid);
      }
  const auto servers = in.now(server);
  if (!servers.empty() && servers.front().in_recovery) return found;  // there it holds up neither vacuum nor writers
  for (const Session& s : in.now(activity))
    if (s.transaction_age.value_or(0) >= in[warn_age] && is_long_running(in, s) && s.blocked_by.empty() &&
        std::find(done.begin(), done.end(), s.pid) == done.end())
      found.push_back(runs_on(in, s));
  return found;
}

std::string fine(const Input& in) {
  double oldest = -1;
  for (const Session& s : in.now(activity))
    if (is_long_running(in, s)) oldest = std::max(oldest, s.transaction_age.value_or(0));
  return oldest < 0 ? "no transaction is running"
                    : fmt::format("the oldest running transaction is {} old", words::duration(oldest));
}

Scenario running(double age, std::string application = "report", bool standby = false,
                 std::string query = "SELECT sum(total) FROM orders") {
  Scenario s = blocking_examples::queue({.waiters = 0,
                                         .age = age,
                                         .state = "active",
                                         .held = 0,
                                         .root_query = std::move(query),
                                         .application = std::move(application)});
  return s.saw(0, server, {Server{.version_num = 150000, .in_recovery = standby, .can_read_stats = true}});
}
Scenario queue(int waiters, double age, int others = 0, double longer = 10, bool change = false) {
  return blocking_examples::queue(
      {.waiters = waiters, .age = age, .state = "active", .others = others, .change = change, .held = longer});
}

}  // namespace

extern const Check long_transaction;
const Check long_transaction{
    .id = "long_transaction",
    .title = "Long transaction",
    .why = "Its locks last until it ends, and so does every row that died since it began.",
    .role = Role::cause,
    .explains = {"lock_queue", "vacuum_blocked", "dead_rows", "connections_rising", "connections_saturated",
                 "queries_timing_out", "load_above_cores", "work_without_results", "pool_pinned", "query_regressed",
                 "migration_stalled"},
    .reads = {activity},
    .may_read = {lock_waits, server, index_builds, xmin_holders, dead_tuples, statements},
    .settings = {warn_age, crit_age, held, blocking::waiting, blocking::warn, blocking::one_waits, blocking::critical,
                 blocking::critical_share, held_back::least_dead, held_back::load_share, held_back::open_for},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"a batch holds rows that eight sessions want", [] { return queue(8, 6); }, {Severity::critical}},
         {"four of many sessions wait for it", [] { return queue(4, 6, 12); }, {Severity::warning}},
         {"one session waits for it, and has for long", [] { return queue(1, 30, 6); }, {Severity::warning}},
         {"twenty of very many sessions wait for it", [] { return queue(20, 6, 40); }, {Severity::critical}},
         {"twenty minutes, and nobody waits", [] { return running(1200); }, {Severity::warning}},
         {"two hours, and nobody waits", [] { return running(7200); }, {Severity::critical}},
         {"it keeps vacuum from a small queue that the load works on",
          [] { return held_back_examples::past({.state = "active"}); },
          {Severity::warning}},
         {"a dump of three hours", [] { return running(10'800, "pg_dump"); }, {}},
         {"an index build of three hours",
          [] { return running(10'800, "psql", false, "create index on orders (customer_id)"); },
          {}},
         {"a report of two hours on a standby", [] { return running(7200, "report", true); }, {}},
         {"a change of the table stands between it and the others", [] { return queue(12, 6, 0, 10, true); }, {}},
         {"a transaction of three seconds holds a row that eight sessions want", [] { return queue(8, 2, 0, 1); }, {}}},
};

}  // namespace pgvigil
