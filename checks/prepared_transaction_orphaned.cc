#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking.h"
#include "checks/blocking_examples.h"
#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/held_back.h"
#include "checks/held_back_examples.h"
#include "checks/load.h"
#include "checks/probes/prepared_transactions.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> warn_age{"warn_age", 5 * 60, "a prepared transaction warns from this age"};
constexpr Setting<Seconds> crit_age{"crit_age", 60 * 60, "and is critical from this one"};

std::string gid_of(const PreparedTransaction& p) { return words::literal(p.gid); }

// Which of them holds what the tree waits for: those whose locks are waited for; without that answer, the only one in
// that database, else the oldest.
std::vector<const PreparedTransaction*> holders(const Input& in, const BlockingTree& t) {
  const auto all = in.now(prepared_transactions);
  std::vector<const PreparedTransaction*> found;
  for (const LockWait& l : in.now(lock_waits))
    if (l.granted && l.pid == 0)
      for (const PreparedTransaction& p : all)
        if (p.transaction == l.transaction && std::find(found.begin(), found.end(), &p) == found.end())
          found.push_back(&p);
  if (!found.empty()) return found;
  for (const PreparedTransaction& p : all)
    if (p.database == t.waiters.front().session->database) return {&p};
  return {};
}

std::vector<Remedy> remedies(const PreparedTransaction& p, std::size_t waiters, double load) {
  const auto step = [&](std::string_view verb, std::string_view title) {
    Step s{.title = std::string(title),
           .database = p.database,
           .run_as = p.owner.empty() ? "superuser" : p.owner,
           .sql = fmt::format("{} PREPARED {};", verb, gid_of(p))};
    if (waiters > 0)
      s.relief = fmt::format("{} {} on", words::counted(static_cast<double>(waiters), "session"),
                             waiters == 1 ? "goes" : "go");
    s.duration = "at once";
    s.lock = "none";
    s.load_relieved = load;
    return s;
  };
  Step back = step("ROLLBACK", "take it back, where its transaction manager does not know it or gave it up");
  back.caution = "ask the transaction manager first: the other half may have been committed elsewhere";
  Step forth = step("COMMIT", "or commit it, where its transaction manager says that the whole was committed");
  forth.caution = "ask the transaction manager first: the other half may have been rolled back elsewhere";
  forth.straight_path = false;
  return {{Remedy::Kind::first_aid, "end the prepared transaction", {std::move(back), std::move(forth)}}};
}

Finding told(const PreparedTransaction& p) {
  Finding f;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"transaction", words::one_line(p.gid, 200), p.database};
  f.confidence = Confidence::high;
  f.basis = "pg_prepared_xacts";
  f.fix = fmt::format("ROLLBACK PREPARED or COMMIT PREPARED {}", words::one_line(gid_of(p), 220));
  f.evidence.push_back(
      {"prepared transaction",
       fmt::format("{} of {} in {}, prepared {} ago, {} since it began", words::one_line(gid_of(p), 220),
                   words::one_line(p.owner, 63), words::one_line(p.database, 63), words::duration(p.age),
                   words::counted(static_cast<double>(p.xid_age), "transaction"))});
  return f;
}

std::string in_words(const PreparedTransaction& p) {
  return fmt::format("the prepared transaction {} of {}", words::one_line(gid_of(p), 100),
                     words::one_line(p.owner, 63));
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  std::vector<const PreparedTransaction*> done;
  const double active = load(in, 30).active;
  for (const BlockingTree& t : blocking_trees(in)) {
    if (t.root_pid != 0) continue;
    const auto harm = queue_harm(in, t, active);
    if (!harm) continue;
    for (const PreparedTransaction* p : holders(in, t)) {
      Finding f = told(*p);
      f.sentence =
          fmt::format("{} was left open {} ago and holds a lock that {}", in_words(*p), words::duration(p->age),
                      harm->waits == 1 ? "1 session waits for" : words::counted(harm->waits, "session") + " wait for");
      if (const auto tables = t.tables(); !tables.empty()) f.sentence += " on " + words::list(tables, 2);
      tell_queue(in, t, *harm, f);
      tell_waiters(t, f);
      f.remedies = remedies(*p, t.waiters.size(), t.load);
      found.push_back(std::move(f));
      done.push_back(p);
    }
  }
  if (const auto h = held_back_now(in); h && h->holder->kind == "prepared")
    for (const PreparedTransaction& p : in.now(prepared_transactions))
      if (p.gid == h->holder->name && std::find(done.begin(), done.end(), &p) == done.end()) {
        Finding f = told(p);
        f.sentence =
            fmt::format("{} was left open {} ago and keeps vacuum from removing {} dead rows of {}", in_words(p),
                        words::duration(p.age), words::count(static_cast<double>(h->table->dead)), h->table->name);
        tell_held_back(in, *h, f);
        f.remedies = remedies(p, 0, h->load);
        found.push_back(std::move(f));
        done.push_back(&p);
      }
  for (const PreparedTransaction& p : in.now(prepared_transactions)) {
    if (p.age < in[warn_age] || std::find(done.begin(), done.end(), &p) != done.end()) continue;
    Finding f = told(p);
    f.severity = p.age >= in[crit_age] ? Severity::critical : Severity::warning;
    f.act_by = ActBy::today;  // nobody waits for it now
    f.sentence = fmt::format("{} was left open {} ago", in_words(p), words::duration(p.age));
    f.evidence.push_back({"harm",
                          "it outlives every session and restart; what it has locked stays locked, and vacuum "
                          "keeps every row that died since"});
    if (!in.context().one_shot) f.since = after(in.at(), -p.age);
    f.remedies = remedies(p, 0, 0);
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  const auto all = in.now(prepared_transactions);
  if (all.empty()) return "no prepared transaction is open";
  double oldest = 0;
  for (const PreparedTransaction& p : all) oldest = std::max(oldest, p.age);
  return fmt::format("{} open, the oldest for {}",
                     words::counted(static_cast<double>(all.size()), "prepared transaction"), words::duration(oldest));
}

Scenario queue(int waiters, double age, int others = 0, bool locks = true) {
  Scenario s =
      blocking_examples::queue({.waiters = waiters, .age = age, .others = others, .locks = locks, .prepared = true});
  return s.saw(0, prepared_transactions,
               {{.gid = "transfer-1", .database = "shop", .owner = "app", .transaction = "739", .age = 4},
                {.gid = "transfer-2", .database = "shop", .owner = "app", .transaction = "740", .age = age + 1}});
}
Scenario left(double age) {
  return Scenario{}
      .saw(0, activity, {})
      .saw(0, prepared_transactions,
           {{.gid = "it's 1", .database = "shop", .owner = "app", .transaction = "739", .age = age}});
}

}  // namespace

extern const Check prepared_transaction_orphaned;
const Check prepared_transaction_orphaned{
    .id = "prepared_transaction_orphaned",
    .title = "Prepared transaction that nobody ends",
    .why =
        "It belongs to no session: its locks, and every row that died since, stay until somebody says COMMIT "
        "PREPARED or ROLLBACK PREPARED, also over a restart.",
    .role = Role::cause,
    .explains = {"lock_queue", "ddl_waiting", "vacuum_blocked", "dead_rows", "connections_rising",
                 "connections_saturated", "queries_timing_out", "load_above_cores", "work_without_results",
                 "pool_pinned", "query_regressed", "migration_stalled"},
    .reads = {activity, prepared_transactions},
    .may_read = {lock_waits, xmin_holders, dead_tuples, server, statements},
    .settings = {warn_age, crit_age, blocking::waiting, blocking::warn, blocking::one_waits, blocking::critical,
                 blocking::critical_share, held_back::least_dead, held_back::load_share, held_back::open_for},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"it holds a row that eight sessions want", [] { return queue(8, 6); }, {Severity::critical}},
                 {"which one holds it is not known", [] { return queue(8, 6, 0, false); }, {Severity::critical}},
                 {"four of many sessions wait for it", [] { return queue(4, 6, 12); }, {Severity::warning}},
                 {"one session waits for it, and has for long", [] { return queue(1, 30, 6); }, {Severity::warning}},
                 {"twenty of very many sessions wait for it", [] { return queue(20, 6, 40); }, {Severity::critical}},
                 {"it keeps vacuum from a small queue that the load works on",
                  [] { return held_back_examples::past({.kind = "prepared"}); },
                  {Severity::warning}},
                 {"left open ten minutes ago", [] { return left(600); }, {Severity::warning}},
                 {"left open yesterday", [] { return left(86'400); }, {Severity::critical}},
                 {"on its way", [] { return left(2); }, {}},
                 {"two sessions wait for a moment", [] { return queue(2, 2); }, {}}},
};

}  // namespace pgvigil
