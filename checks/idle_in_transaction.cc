#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/blocking.h"
#include "checks/blocking_examples.h"
#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/held_back.h"
#include "checks/held_back_examples.h"
#include "checks/idle_holders.h"
#include "checks/load.h"
#include "checks/probes/connection_limits.h"
#include "checks/probes/connections.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> warn_age{"warn_age", 5 * 60,
                                    "a session that sits idle in a transaction warns from this age"};
constexpr Setting<Seconds> crit_age{"crit_age", 15 * 60, "and is critical from this one"};
constexpr Setting<Seconds> pause{"pause", 2, "one that holds others up is the cause once it has been idle for so long"};

Finding named(const Session& s) {
  Finding f;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"session", std::to_string(s.pid), s.database};
  f.confidence = Confidence::high;
  f.fix = fmt::format("end pid {}", s.pid);
  return f;
}

Finding holds_others_up(const Input& in, const BlockingTree& t, const QueueHarm& harm) {
  const Session& s = *t.root;
  Finding f = named(s);
  f.sentence =
      fmt::format("{} has been idle in transaction for {} and holds a lock that {}", who(s),
                  words::duration(s.state_age.value_or(0)),
                  harm.waits == 1 ? "1 session waits for" : words::counted(harm.waits, "session") + " wait for");
  if (const auto tables = t.tables(); !tables.empty()) f.sentence += " on " + words::list(tables, 2);
  if (t.siege) f.sentence += ", until they give up and try again";
  f.sentence += beside_in_words(t);
  f.fix = end_in_words(t);
  f.basis = "pg_blocking_pids: the server says who waits for whom";
  tell_queue(in, t, harm, f);
  describe_idle(s, f);
  tell_waiters(t, f);
  f.remedies.push_back({Remedy::Kind::first_aid,
                        t.beside.empty() ? "end the idle session" : "end those that hold them up", end_roots(t)});
  f.remedies.push_back(limit_idle_transactions(s));
  for (const Session* other : t.beside)
    if (is_idle_in_transaction(*other) && other->user != s.user) f.remedies.push_back(limit_idle_transactions(*other));
  return f;
}

Finding holds_vacuum_back(const Input& in, const Session& s, const HeldBack& h) {
  Finding f = named(s);
  f.sentence = fmt::format("{} has been idle in transaction for {} and keeps vacuum from removing {} dead rows of {}",
                           who(s), words::duration(s.state_age.value_or(0)),
                           words::count(static_cast<double>(h.table->dead)), h.table->name);
  f.confidence = h.proven ? Confidence::high : Confidence::medium;
  f.basis = "the oldest snapshot that vacuum has to respect, and the dead rows of a table that carries the load";
  tell_held_back(in, h, f);
  describe_idle(s, f);
  f.remedies.push_back({Remedy::Kind::first_aid, "end the idle session", {end_session(s, 0, h.load)}});
  f.remedies.push_back(limit_idle_transactions(s));
  return f;
}

// All that one application has left open.
Finding sits(const Input& in, const LeftOpen& all) {
  const Session& oldest = *all.front();
  const double age = oldest.state_age.value_or(0);
  Finding f = named(oldest);
  f.severity = age >= in[crit_age] ? Severity::critical : Severity::warning;
  f.act_by = ActBy::today;  // nobody waits for it now
  f.sentence = fmt::format("{} has been idle in transaction for {}", who(oldest), words::duration(age));
  if (all.size() > 1)
    f.sentence += fmt::format(", and {} of the same application",
                              words::counted(static_cast<double>(all.size() - 1), "more session"));
  f.basis = "the server's own clock of the session's state";
  if (!in.context().one_shot) f.since = after(in.at(), -age);
  describe_idle(oldest, f);
  f.evidence.push_back({"harm", "whatever it has locked stays locked, and vacuum keeps every row that died since"});
  Remedy aid{Remedy::Kind::first_aid, "end what sits idle", {}};
  for (std::size_t i = 0; i < all.size() && i < 5; ++i) aid.steps.push_back(end_session(*all[i], 0, 0));
  for (const Session* s : all) f.sessions.push_back(s->pid);
  f.remedies.push_back(std::move(aid));
  f.remedies.push_back(limit_idle_transactions(oldest));
  return f;
}

std::vector<LeftOpen> left_open(const Input& in, double seconds) {
  std::map<std::tuple<std::string, std::string, std::string>, LeftOpen> by;
  for (const Session& s : in.now(activity))
    if (is_idle_in_transaction(s) && s.state_age.value_or(0) >= seconds)
      by[{s.database, s.user, s.application}].push_back(&s);
  std::vector<LeftOpen> all;
  for (auto& [holder, sessions] : by) {
    std::stable_sort(sessions.begin(), sessions.end(),
                     [](const Session* a, const Session* b) { return a->state_age > b->state_age; });
    all.push_back(std::move(sessions));
  }
  return all;
}

bool on_standby(const Input& in) {
  const auto rows = in.now(server);
  return !rows.empty() && rows.front().in_recovery;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const double active = load(in, 30).active;
  std::vector<std::int64_t> told;
  for (const BlockingTree& t : blocking_trees(in)) {
    if (t.root == nullptr || !is_idle_in_transaction(*t.root) || t.root->state_age.value_or(0) < in[pause]) continue;
    const auto harm = queue_harm(in, t, active);
    if (!harm) continue;
    found.push_back(holds_others_up(in, t, *harm));
    told.push_back(t.root_pid);
    for (const Session* s : t.beside) told.push_back(s->pid);
  }
  if (const auto h = held_back_now(in); h && h->holder->kind == "session")
    for (const Session& s : in.now(activity))
      if (s.pid == h->holder->pid && is_idle_in_transaction(s) &&
          std::find(told.begin(), told.end(), s.pid) == told.end()) {
        found.push_back(holds_vacuum_back(in, s, *h));
        told.push_back(s.pid);
      }
  const auto is_told = [&](const Session* s) { return std::find(told.begin(), told.end(), s->pid) != told.end(); };
  for (const LeftOpen& all : left_open(in, in[pause]))
    if (auto f = holds_connections(in, all)) {
      told.insert(told.end(), f->sessions.begin(), f->sessions.end());
      found.push_back(std::move(*f));
    }
  if (on_standby(in)) return found;
  for (LeftOpen all : left_open(in, in[warn_age])) {
    std::erase_if(all, is_told);
    if (!all.empty()) found.push_back(sits(in, all));
  }
  return found;
}

std::string fine(const Input& in) {
  std::size_t n = 0;
  double oldest = 0;
  for (const Session& s : in.now(activity))
    if (is_idle_in_transaction(s)) ++n, oldest = std::max(oldest, s.state_age.value_or(0));
  return n == 0 ? "no session is idle in a transaction"
                : fmt::format("{} {} idle in a transaction, the longest for {}",
                              words::counted(static_cast<double>(n), "session"),
                              words::is_or_are(static_cast<double>(n)), words::duration(oldest));
}

Scenario nobody_waits(double age, bool standby = false) {
  Scenario s = blocking_examples::queue({.waiters = 0, .age = age, .held = 0});
  return s.saw(0, server, {Server{.version_num = 150000, .in_recovery = standby, .can_read_stats = true}});
}
// So many sessions of the application sit in a transaction, of 97 slots; `idle` others in none.
Scenario takes_connections(int in_transaction, int idle, double age, std::int64_t limit = -1) {
  std::vector<Session> rows;
  for (int i = 0; i < in_transaction; ++i) {
    Session r{.pid = 20 + i, .database = "shop", .user = "app", .application = "web", .client = "10.0.0.7"};
    r.backend_type = "client backend";
    r.state = "idle in transaction";
    r.state_age = r.query_age = r.transaction_age = age;
    rows.push_back(r);
  }
  ConnectionGroup g{.database = "shop", .user = "app", .application = "web", .client = "10.0.0.7"};
  g.state = "idle in transaction", g.count = in_transaction;
  std::vector<ConnectionGroup> groups{g};
  g.state = "idle", g.count = idle;
  groups.push_back(g);
  Server here{.version_num = 150000, .can_read_stats = true};
  here.max_connections = 100, here.superuser_reserved_connections = 3;
  Scenario s;
  s.saw(1, server, {here});
  if (limit > 0) s.saw(1, connection_limits, {{"role", "app", limit, in_transaction + idle}});
  return s.saw(1, connections, groups).saw(1, activity, rows).saw(0, activity, rows);
}
Scenario queue(int waiters, double age, int others = 0) {
  return blocking_examples::queue({.waiters = waiters, .age = age, .others = others});
}

}  // namespace

extern const Check idle_in_transaction;
const Check idle_in_transaction{
    .id = "idle_in_transaction",
    .title = "Session idle in a transaction",
    .why =
        "It keeps every lock it has taken and every row that died since from being cleaned up, and does nothing: an "
        "application that forgot to commit.",
    .role = Role::cause,
    .explains = {"lock_queue", "ddl_waiting", "vacuum_blocked", "dead_rows", "connections_rising",
                 "connections_saturated", "queries_timing_out", "load_above_cores", "work_without_results",
                 "pool_pinned", "query_regressed", "migration_stalled"},
    .reads = {activity},
    .may_read = {lock_waits, server, xmin_holders, dead_tuples, statements, connections, connection_limits},
    .settings = {warn_age, crit_age, pause, idle_holders::nearly_full, idle_holders::held, blocking::waiting,
                 blocking::warn, blocking::one_waits, blocking::critical, blocking::critical_share,
                 held_back::least_dead, held_back::load_share, held_back::open_for},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"it holds a row that eight sessions want", [] { return queue(8, 6); }, {Severity::critical}},
         {"a report and a forgotten transaction hold up a change, and everybody behind it",
          [] { return blocking_examples::queue({.state = "active", .change = true, .beside = true}); },
          {Severity::critical}},
         {"eight sessions wait for it, each until its lock_timeout",
          [] { return blocking_examples::gave_up(60); },
          {Severity::critical}},
         {"they have all just given up", [] { return blocking_examples::about_to_try_again(); }, {Severity::critical}},
         {"a session that pauses again and again, and short waits behind it",
          [] { return blocking_examples::gave_up(0.5); },
          {}},
         {"four of many sessions wait for it", [] { return queue(4, 6, 12); }, {Severity::warning}},
         {"one session waits for it, and has for long", [] { return queue(1, 30, 6); }, {Severity::warning}},
         {"twenty of very many sessions wait for it", [] { return queue(20, 6, 40); }, {Severity::critical}},
         {"two sessions wait for each of three of one application",
          [] { return blocking_examples::queue({.waiters = 2, .others = 2, .queues = 3}); },
          {Severity::critical, Severity::critical, Severity::critical}},
         {"two wait for each of three, beside many others",
          [] { return blocking_examples::queue({.waiters = 2, .others = 20, .queues = 3}); },
          {Severity::warning, Severity::warning, Severity::warning}},
         {"nobody waits for it, and it was left open six minutes ago",
          [] { return nobody_waits(360); },
          {Severity::warning}},
         {"nobody waits for it, and it was left open twenty minutes ago",
          [] { return nobody_waits(1200); },
          {Severity::critical}},
         {"an application leaves them behind until no connection is free",
          [] { return takes_connections(80, 14, 8); },
          {Severity::critical}},
         {"until nine tenths are taken", [] { return takes_connections(80, 8, 8); }, {Severity::warning}},
         {"until its role may have no more", [] { return takes_connections(30, 10, 8, 40); }, {Severity::warning}},
         {"its role may have ten more", [] { return takes_connections(30, 10, 8, 50); }, {}},
         {"a full pool, each fifth session between two statements", [] { return takes_connections(20, 74, 8); }, {}},
         {"a full pool that pauses for a moment", [] { return takes_connections(80, 14, 0.3); }, {}},
         {"it keeps vacuum from a small queue that the load works on",
          [] { return held_back_examples::past({}); },
          {Severity::warning}},
         {"it keeps vacuum from a table that nobody works on",
          [] { return held_back_examples::past({.sessions = 1, .others = 8}); },
          {}},
         {"on a standby it holds nobody up", [] { return nobody_waits(1200, true); }, {}},
         {"it pauses between two statements while others wait",
          [] { return blocking_examples::queue({.waiters = 8, .age = 1.2, .held = 0.1}); },
          {}},
         {"two sessions wait for a moment", [] { return queue(2, 2); }, {}},
         {"the blocker runs a statement", [] { return blocking_examples::queue({.state = "active"}); }, {}}},
};

}  // namespace pgvigil
