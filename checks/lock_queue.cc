#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> waiting{"waiting", 1, "a session that waits for less is no queue: short waits are normal"};
constexpr Setting<Count> warn{"warn", 3, "sessions that wait behind one blocker from which it warns"};
constexpr Setting<Seconds> one_waits{"one_waits", 5, "it warns of fewer sessions once one of them has waited so long"};
constexpr Setting<Count> critical{"critical", 20, "sessions that wait behind one blocker from which it is critical"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5,
                                        "critical from this share of all load on, where at least `warn` sessions wait"};

bool is_idle(const Session& s) { return s.state.starts_with("idle in transaction"); }

std::string who(const Session& s) {
  const std::string application = s.application.empty() ? "no application name" : s.application;
  return fmt::format("pid {} ({}, role {})", s.pid, application, s.user);
}

std::string what_it_does(const Session& s) {
  if (is_idle(s)) return fmt::format("idle in transaction for {}", words::duration(s.state_age.value_or(0)));
  if (s.state.empty()) return "hidden from us";
  return fmt::format("running for {}", words::duration(s.query_age.value_or(0)));
}

// A statement that changes the table waits, and everybody who comes after it waits for it.
const Waiter* change_in_between(const BlockingTree& t) {
  for (const Waiter& w : t.waiters)
    if (w.depth == 1 && t.behind(w.session->pid) > 0 && !w.session->query.empty() &&
        sql::kind(w.session->query) == sql::Kind::utility)
      return &w;
  return nullptr;
}

std::string sentence(const BlockingTree& t, std::size_t waits) {
  const std::string queue = fmt::format(
      "{} for a lock", words::counted(static_cast<double>(waits), "session") + (waits == 1 ? " waits" : " wait"));
  if (t.root_pid == 0) return queue + " that a prepared transaction holds";
  if (t.root == nullptr) return fmt::format("{} that pid {} holds", queue, t.root_pid);
  std::string text = fmt::format("{} that {} holds, {}", queue, who(*t.root), what_it_does(*t.root));
  if (const Waiter* w = change_in_between(t))
    text +=
        fmt::format("; {} stands in front of the others: {}", who(*w->session), words::one_line(w->session->query, 80));
  return text;
}

// Between the look and the paste the session may have gone on: only what still stands as it stood is ended.
Step end(const BlockingTree& t, const Session& s, double load) {
  const bool idle = is_idle(s);
  Step step{
      .title = idle ? fmt::format("end the session that holds the lock: {}", who(s))
                    : fmt::format("cancel the statement that holds the lock: {}", who(s)),
      .database = s.database,
      .run_as = "superuser",
      .sql = fmt::format("SELECT pg_catalog.{}(pid) FROM pg_catalog.pg_stat_activity\n WHERE pid = {} AND state = {} "
                         "AND usename = {}\n   AND xact_start < pg_catalog.now() - interval '{:.0f} seconds';",
                         idle ? "pg_terminate_backend" : "pg_cancel_backend", s.pid, words::literal(s.state),
                         words::literal(s.user), std::floor(std::max(0.0, s.transaction_age.value_or(0))))};
  step.relief = fmt::format("{} go on", words::counted(static_cast<double>(t.waiters.size()), "session"));
  step.duration = "at once";
  step.lock = "none";
  step.caution = idle ? "its transaction is rolled back: whatever it has written since it began is lost"
                      : "its statement fails, and its transaction with it";
  step.load_relieved = load;
  return step;
}

std::vector<Remedy> remedies(const BlockingTree& t) {
  std::vector<Remedy> all;
  if (t.root_pid == 0) {
    Step look{.title = "find the prepared transaction, then COMMIT PREPARED or ROLLBACK PREPARED it",
              .database = t.waiters.front().session->database,
              .run_as = "superuser",
              .sql = "SELECT gid, prepared, owner, database FROM pg_catalog.pg_prepared_xacts ORDER BY prepared;"};
    look.caution = "ask its transaction manager which of the two is right";
    all.push_back({Remedy::Kind::first_aid, "end the prepared transaction", {std::move(look)}});
    return all;
  }
  if (t.root == nullptr || t.root->backend_type != "client backend") return all;
  Remedy aid{Remedy::Kind::first_aid, "end the blocker", {end(t, *t.root, t.load)}};
  if (const Waiter* w = change_in_between(t)) {
    Step other = end(t, *w->session, t.load);
    other.title = "or cancel the statement that waits in front of the others: " + who(*w->session);
    other.caution = "the change has to be tried again, with lock_timeout set";
    other.straight_path = false;
    aid.steps.push_back(std::move(other));
  }
  all.push_back(std::move(aid));
  if (is_idle(*t.root)) {
    const std::string role = sql::quote_identifier(t.root->user);
    Step limit{.title = fmt::format("let the server end transactions of {} that sit idle", t.root->user),
               .database = t.root->database,
               .run_as = "superuser",
               .sql = fmt::format("ALTER ROLE {} SET idle_in_transaction_session_timeout = '60s';", role)};
    limit.duration = "at once, for new sessions";
    limit.lock = "none";
    limit.undo = fmt::format("ALTER ROLE {} RESET idle_in_transaction_session_timeout;", role);
    limit.caution = "longer than the longest pause the application makes on purpose; the cure is to commit sooner";
    all.push_back({Remedy::Kind::cure, "a limit for idle transactions", {std::move(limit)}});
  }
  return all;
}

void describe(const BlockingTree& t, Finding& f) {
  if (t.root != nullptr) {
    f.evidence.push_back(
        {"root blocker", fmt::format("{}, {}, transaction open for {}, from {}", who(*t.root), what_it_does(*t.root),
                                     words::duration(t.root->transaction_age.value_or(0)),
                                     t.root->client.empty() ? "?" : t.root->client)});
    if (!t.root->query.empty())
      f.evidence.push_back(
          {is_idle(*t.root) ? "its last statement" : "its statement", words::one_line(t.root->query, 300)});
  }
  constexpr std::size_t shown = 6;
  for (std::size_t i = 0; i < std::min(shown, t.waiters.size()); ++i) {
    const Session& s = *t.waiters[i].session;
    f.evidence.push_back({fmt::format("waits behind {}", t.waiters[i].behind),
                          fmt::format("{} for {} ({}): {}", who(s), words::duration(t.waiters[i].waited), s.wait_event,
                                      words::one_line(s.query, 160))});
  }
  if (t.waiters.size() > shown)
    f.evidence.push_back({"and", words::counted(static_cast<double>(t.waiters.size() - shown), "more session")});
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const Load all = load(in, 30);
  for (const BlockingTree& t : blocking_trees(in)) {
    const std::size_t waits = t.waiting_for(in[waiting]);
    const auto n = static_cast<double>(waits);
    if (waits == 0 || (n < in[warn] && t.longest < in[one_waits])) continue;
    const double share = all.active > 0 ? std::min(1.0, t.load / all.active) : 0;
    Finding f;
    const bool bad = n >= in[critical] || (n >= in[warn] && share >= in[critical_share]);
    f.severity = bad ? Severity::critical : Severity::warning;
    f.act_by = bad || n >= in[warn] ? ActBy::now : ActBy::today;
    f.object = {"session", std::to_string(t.root_pid), t.root == nullptr ? "" : t.root->database};
    f.sentence = sentence(t, waits);
    f.load = t.load;
    f.confidence = t.root == nullptr && t.root_pid != 0 ? Confidence::medium : Confidence::high;
    f.basis = "pg_blocking_pids: the server says who waits for whom";
    f.fix = t.root_pid == 0 ? "end the prepared transaction" : fmt::format("end pid {}", t.root_pid);
    for (const Waiter& w : t.waiters) {
      f.sessions.push_back(w.session->pid);
      if (std::find(f.queries.begin(), f.queries.end(), w.session->query_id) == f.queries.end())
        f.queries.push_back(w.session->query_id);
    }
    if (t.root_pid != 0) f.sessions.push_back(t.root_pid);
    if (!in.context().one_shot) f.since = after(in.at(), -t.longest);
    f.evidence.push_back({"waiting", fmt::format("{}, the longest for {}; {} of the load", words::counted(n, "session"),
                                                 words::duration(t.longest), words::share(share))});
    describe(t, f);
    f.remedies = remedies(t);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  std::size_t n = 0;
  for (const BlockingTree& t : blocking_trees(in)) n += t.waiters.size();
  return n == 0 ? "no session waits for a lock"
                : fmt::format("{} for a lock, none for long",
                              words::counted(static_cast<double>(n), "session") + (n == 1 ? " waits" : " wait"));
}

// A root, sessions that wait behind it, and sessions that do something else.
Scenario queue(int waiters, double age, std::string state = "idle in transaction", int others = 0,
               bool change = false) {
  Scenario s;
  std::vector<Session> rows;
  Session root{.pid = 10, .database = "shop", .user = "app", .application = "worker", .client = "10.0.0.7"};
  root.backend_type = "client backend";
  root.state = std::move(state);
  root.query = "UPDATE accounts SET balance = $1 WHERE id = $2";
  root.query_age = root.transaction_age = root.state_age = age + 1;
  rows.push_back(root);
  for (int i = 0; i < waiters; ++i) {
    Session w = root;
    w.pid = 20 + i;
    w.application = "web";
    w.state = "active";
    w.wait_event_type = "Lock";
    w.wait_event = i == 0 ? "transactionid" : "tuple";
    w.query_id = "7";
    w.query_age = age;
    w.blocked_by = {change && i > 0 ? 20 : 10};
    if (change && i == 0) w.query = "ALTER TABLE accounts ADD COLUMN note text";
    rows.push_back(w);
  }
  for (int i = 0; i < others; ++i) {
    Session o = root;
    o.pid = 200 + i;
    o.state = "active";
    o.query = "SELECT count(*) FROM visits";
    rows.push_back(o);
  }
  return s.saw(2, activity, rows).saw(1, activity, rows).saw(0, activity, rows);
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
                 "work_without_results"},
    .reads = {activity},
    .settings = {waiting, warn, one_waits, critical, critical_share},
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
                 {"short waits of a busy table", [] { return queue(15, 0.02, "active", 5); }, {}},
                 {"a long batch has to wait for a moment", batch, {}},
                 {"two sessions wait for a moment", [] { return queue(2, 2); }, {}},
                 {"nobody waits", [] { return queue(0, 60); }, {}}},
};

}  // namespace pgvigil
