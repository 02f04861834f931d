#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking.h"
#include "checks/blocking_examples.h"
#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/convoy.h"
#include "checks/handed_on.h"
#include "checks/load.h"
#include "checks/locking_command.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/long_commands.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

std::string sentence(const Input& in, const BlockingTree& t, double waits) {
  // The application's own locks are on nothing that a person could look for.
  const bool advisory = std::all_of(t.waiters.begin(), t.waiters.end(),
                                    [](const Waiter& w) { return w.session->wait_event == "advisory"; });
  std::string text = fmt::format("{} that {} {}", in_queue(waits, advisory ? "an advisory lock" : "a lock"),
                                 root_in_words(t), t.beside.empty() ? "holds" : "hold");
  if (const auto c = t.root == nullptr ? std::nullopt : locking_command(in, *t.root)) {
    const auto tables = t.tables();
    text +=
        fmt::format(": {}{}, which stops {}", c->what, tables.empty() ? "" : " on " + words::list(tables, 2), c->stops);
  }
  if (t.siege) text += ", until they give up and try again";
  if (const Waiter* w = t.change_in_front())
    text +=
        fmt::format("; {} stands in front of the others: {}", who(*w->session), words::one_line(w->session->query, 80));
  return text;
}

std::vector<Remedy> remedies(const Input& in, const BlockingTree& t) {
  std::vector<Remedy> all;
  if (t.root != nullptr && t.beside.empty())
    if (const auto c = locking_command(in, *t.root)) return remedies(*c, *t.root, t.waiters.size(), t.load);
  if (t.root_pid == 0) {
    Step look{.title = "find the prepared transaction, then COMMIT PREPARED or ROLLBACK PREPARED it",
              .database = t.waiters.front().session->database,
              .run_as = "superuser",
              .sql = "SELECT gid, prepared, owner, database FROM pg_catalog.pg_prepared_xacts ORDER BY prepared;"};
    look.caution = "ask its transaction manager which of the two is right";
    all.push_back({Remedy::Kind::first_aid, "end the prepared transaction", {std::move(look)}});
    return all;
  }
  if (t.root == nullptr && t.holds != nullptr && t.holds->state == "idle") {
    Step end{.title = fmt::format("end the session that keeps the lock while it is idle: pid {}", t.root_pid),
             .database = t.waiters.front().session->database,
             .run_as = "superuser",
             .sql = fmt::format(
                 "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity\n WHERE "
                 "pid = {} AND state = 'idle' AND usename = {}\n   AND state_change < pg_catalog.now() - "
                 "interval '{:.0f} seconds';",
                 t.root_pid, words::literal(t.holds->user), std::max(0.0, t.holds->state_age.value_or(0) - 1))};
    end.relief = fmt::format("{} go on", words::counted(static_cast<double>(t.waiters.size()), "session"));
    end.duration = "at once";
    end.lock = "none";
    end.caution = "its advisory locks, prepared statements and temporary tables go with it";
    end.load_relieved = t.load;
    all.push_back({Remedy::Kind::first_aid, "end the blocker", {std::move(end)}});
    return all;
  }
  if (t.root == nullptr || t.root->backend_type != "client backend") return all;
  Remedy aid{Remedy::Kind::first_aid, t.beside.empty() ? "end the blocker" : "end the blockers", end_roots(t)};
  if (const Waiter* w = t.change_in_front()) {
    Step other = end_session(*w->session, t.waiters.size() - 1, t.load);
    other.title = "or cancel the statement that waits in front of the others: " + who(*w->session);
    other.caution = "the change has to be tried again, with lock_timeout set";
    other.straight_path = false;
    aid.steps.push_back(std::move(other));
  }
  all.push_back(std::move(aid));
  if (is_idle_in_transaction(*t.root)) all.push_back(limit_idle_transactions(*t.root));
  return all;
}

// Whoever holds a lock that goes from hand to hand holds it for a moment: nobody is to be ended for it.
bool is_in(const std::vector<Finding>& convoys, const BlockingTree& t) {
  return (t.root == nullptr || t.is_handed_on()) && std::any_of(convoys.begin(), convoys.end(), [&](const Finding& f) {
           return std::find(f.sessions.begin(), f.sessions.end(), t.root_pid) != f.sessions.end();
         });
}

std::vector<Finding> evaluate(const Input& in) {
  const double active = load(in, 30).active;
  const std::vector<Finding> passed_on = convoys(in, active);
  std::vector<Finding> found = passed_on;
  for (const BlockingTree& t : blocking_trees(in)) {
    const auto harm = queue_harm(in, t, active);
    if (!harm || is_in(passed_on, t)) continue;
    Finding f;
    f.severity = Severity::info;
    f.act_by = ActBy::later;
    f.object = {"session", std::to_string(t.root_pid), t.root == nullptr ? "" : t.root->database};
    f.sentence = sentence(in, t, harm->waits);
    f.confidence = t.root == nullptr && t.root_pid != 0 ? Confidence::medium : Confidence::high;
    f.basis = "pg_blocking_pids: the server says who waits for whom";
    f.fix = t.root_pid == 0 ? "end the prepared transaction" : end_in_words(t);
    tell_queue(in, t, *harm, f);
    if (t.root != nullptr) {
      const Session& root = *t.root;
      f.evidence.push_back(
          {"root blocker", fmt::format("{}, {}, transaction open for {}, from {}", who(root), what_it_does(root),
                                       words::duration(root.transaction_age.value_or(0)),
                                       root.client.empty() ? "?" : words::one_line(root.client, 63))});
      if (const auto c = locking_command(in, root); c && !c->progress.empty())
        f.evidence.push_back(
            {"its progress", c->progress + (c->left ? ", about " + words::duration(*c->left) + " left" : "")});
      if (!root.query.empty())
        f.evidence.push_back(
            {is_idle_in_transaction(root) ? "its last statement" : "its statement", words::one_line(root.query, 300)});
    } else {
      f.evidence.push_back({"root blocker", root_in_words(t)});
    }
    tell_waiters(t, f);
    f.remedies = remedies(in, t);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  std::size_t n = 0;
  for (const BlockingTree& t : blocking_trees(in)) n += t.waiters.size();
  return n == 0 ? "no session waits for a lock" : in_queue(static_cast<double>(n)) + ", none for long";
}

Scenario queue(int waiters, double age, std::string state = "idle in transaction", int others = 0,
               bool change = false) {
  return blocking_examples::queue(
      {.waiters = waiters, .age = age, .state = std::move(state), .others = others, .change = change});
}

// A batch that has run for ten minutes has to wait for a moment.
Scenario batch() {
  Scenario s = queue(1, 600, "active");
  const auto blocked = s.history.series(activity).back();
  std::vector<Session> before = static_cast<const RowsOf<Session>&>(*blocked.rows).rows;
  before[1].blocked_by.clear();
  s.history = {};
  return s.saw(2, activity, before)
      .saw(1, activity, before)
      .saw(0, activity, static_cast<const RowsOf<Session>&>(*blocked.rows).rows);
}

// An index build without locks waits until older transactions have ended: that is how it works.
Scenario concurrent_build() {
  Scenario s = queue(1, 60, "active");
  std::vector<Session> rows = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  rows[1].wait_event = "virtualxid";
  rows[1].query = "CREATE INDEX CONCURRENTLY ON accounts (balance)";
  s.history = {};
  return s.saw(1, activity, rows).saw(0, activity, rows);
}

// The nightly maintenance of a table waits until `builder` is done with it.
Scenario maintenance(const std::string& builder, const std::string& state = "active") {
  Scenario s = queue(1, 60, state);
  std::vector<Session> rows = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  rows[0].query = builder;
  rows[1].wait_event = "relation";
  rows[1].query = "VACUUM (ANALYZE) accounts";
  s.history = {};
  return s.saw(1, activity, rows).saw(0, activity, rows);
}

// The holder of an advisory lock sits idle outside of any transaction: no sample shows it.
Scenario advisory() {
  Scenario s = queue(8, 6);
  std::vector<Session> rows = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  rows.erase(rows.begin());
  for (Session& r : rows) r.wait_event = "advisory";
  LockWait held{.pid = 10, .granted = true, .locktype = "advisory", .mode = "ExclusiveLock", .database = "shop"};
  held.state = "idle";
  held.user = "app";
  held.state_age = 90;
  s.history = {};
  return s.saw(1, activity, rows).saw(0, activity, rows).saw(0, lock_waits, {held});
}

// Nodes that connected and asked for the leader's lock at once.
Scenario election(double backend_age) {
  Scenario s = advisory();
  std::vector<Session> rows = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  for (Session& r : rows) r.query = "SELECT pg_advisory_lock($1)", r.backend_age = backend_age;
  return s.saw(0, activity, rows);
}

}  // namespace

extern const Check lock_queue;
const Check lock_queue{
    .id = "lock_queue",
    .title = "Sessions queue behind a lock",
    .why =
        "Whoever needs the same rows or the same table stands still until the blocker ends, however idle the machine "
        "is; "
        "connections pile up behind them.",
    .role = Role::cause,
    .explains = {"connections_rising", "connections_saturated", "queries_timing_out", "load_above_cores",
                 "work_without_results", "pool_pinned", "migration_stalled"},
    .reads = {activity},
    .may_read = {lock_waits, index_builds, long_commands},
    .settings = {blocking::waiting, blocking::warn, blocking::one_waits, blocking::critical, blocking::critical_share,
                 contest::holders, contest::typical_wait, contest::crowd, contest::crowd_share},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"an open transaction holds a row that eight sessions want",
                  [] { return queue(8, 6); },
                  {Severity::critical}},
                 {"four of many sessions wait", [] { return queue(4, 6, "active", 12); }, {Severity::warning}},
                 {"one session waits, and has for long", [] { return queue(1, 30, "active", 6); }, {Severity::warning}},
                 {"a long reader, a change behind it, and everybody else",
                  [] { return queue(25, 8, "active", 30, true); },
                  {Severity::critical}},
                 {"an idle session keeps an advisory lock", advisory, {Severity::critical}},
                 {"requests of a pool take the same advisory lock", [] { return election(900); }, {Severity::critical}},
                 {"nodes stand by until the leader gives up its advisory lock", [] { return election(6.1); }, {}},
                 {"VACUUM waits until an index is built",
                  [] { return maintenance("CREATE INDEX CONCURRENTLY ON accounts (balance)"); },
                  {}},
                 {"VACUUM waits for a table that is rewritten",
                  [] { return maintenance("ALTER TABLE accounts ALTER balance TYPE numeric"); },
                  {Severity::warning}},
                 {"VACUUM waits for a transaction that once analyzed the table",
                  [] { return maintenance("ANALYZE accounts", "idle in transaction"); },
                  {Severity::warning}},
                 {"workers take turns with one advisory lock",
                  [] { return blocking_examples::passed_on("advisory", "SELECT pg_advisory_xact_lock($1)", 0.4); },
                  {Severity::critical}},
                 {"workers take turns with a table that each locks as a whole",
                  [] { return blocking_examples::passed_on("relation", "LOCK TABLE numbers IN EXCLUSIVE MODE", 0.4); },
                  {Severity::critical}},
                 {"they do so at full speed",
                  [] { return blocking_examples::passed_on("advisory", "SELECT pg_advisory_xact_lock($1)", 0.02); },
                  {}},
                 {"fifteen of sixteen stand in that line, each for a moment",
                  [] { return blocking_examples::passed_on("advisory", "SELECT pg_advisory_xact_lock($1)", 0.02, 16); },
                  {Severity::warning}},
                 {"short waits of a busy table", [] { return queue(15, 0.02, "active", 5); }, {}},
                 {"a long batch has to wait for a moment", batch, {}},
                 {"a concurrent index build waits for an old transaction", concurrent_build, {}},
                 {"two sessions wait for a moment", [] { return queue(2, 2); }, {}},
                 {"nobody waits", [] { return queue(0, 60); }, {}}},
};

}  // namespace pgvigil
