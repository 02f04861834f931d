#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/held_back.h"
#include "checks/held_back_examples.h"
#include "checks/plans/sql.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> warn_age{"warn_age", 60 * 60, "whoever has held vacuum back for so long is told"};
constexpr Setting<Count> least_xids{"least_xids", 100'000,
                                    "while fewer transactions have begun since, there is little to clean up"};
constexpr Setting<Count> unknown_age{"unknown_age", 5'000'000,
                                     "transactions since, from which it warns where the server does not tell the time"};

const Session* session_of(const Input& in, const XminHolder& h) {
  for (const Session& s : in.now(activity))
    if (h.kind == "session" && s.pid == h.pid) return &s;
  return nullptr;
}

std::vector<Remedy> remedies(const Input& in, const XminHolder& h, double load) {
  if (const Session* s = session_of(in, h)) return {{Remedy::Kind::first_aid, "end it", {end_session(*s, 0, load)}}};
  Step step{
      .title = "let it go", .database = h.database.empty() ? "postgres" : h.database, .run_as = "superuser", .sql = {}};
  step.duration = "at once";
  step.lock = "none";
  step.load_relieved = load;
  if (h.kind == "prepared") {
    step.sql = fmt::format("ROLLBACK PREPARED {};", words::literal(h.name));
    step.caution = "ask its transaction manager first whether COMMIT PREPARED is right";
  } else if (h.kind == "slot") {
    step.sql = fmt::format("SELECT pg_catalog.pg_drop_replication_slot({});", words::literal(h.name));
    step.caution = "whoever reads from it has to be set up anew; where it is still needed, start its reader instead";
  } else if (h.kind == "standby") {
    step.title = "find the long query on the standby and end it there";
    step.sql =
        "SELECT pid, usename, application_name, xact_start, query FROM pg_catalog.pg_stat_activity\n WHERE "
        "backend_xmin IS "
        "NOT NULL ORDER BY xact_start LIMIT 5;";
    step.caution =
        "to be run on the standby; the lasting cure is a limit there: statement_timeout or "
        "idle_in_transaction_session_timeout";
  } else {
    step.sql = fmt::format(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity\n WHERE pid = {} AND "
        "usename = {} AND xact_start < pg_catalog.now() - interval '{:.0f} seconds';",
        h.pid, words::literal(h.user), std::max(0.0, h.seconds.value_or(0) - 1));
    step.caution = "its transaction is rolled back";
  }
  return {{Remedy::Kind::first_aid, "end what holds vacuum back", {std::move(step)}}};
}

Finding told(const Input& in, const XminHolder& h, double load) {
  Finding f;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object = {h.kind == "prepared" ? "transaction" : h.kind, words::one_line(h.name, 200), h.database};
  f.fix = h.kind == "session" ? fmt::format("end pid {}", h.pid) : "let go of " + holder_in_words(h);
  if (h.pid != 0) f.sessions = {h.pid};
  if (h.seconds) f.evidence.push_back({"open for", words::duration(*h.seconds)});
  if (const Session* s = session_of(in, h); s != nullptr && !s->query.empty())
    f.evidence.push_back({"its statement", words::one_line(s->query, 300)});
  f.remedies = remedies(in, h, load);
  return f;
}

bool is_old(const Input& in, const XminHolder& h) {
  const auto xids = static_cast<double>(h.xids);
  if (h.application.starts_with("pg_dump")) return false;  // long by nature, and ends
  return xids >= in[least_xids] && (h.seconds ? *h.seconds >= in[warn_age] : xids >= in[unknown_age]);
}

std::vector<Finding> evaluate(const Input& in) {
  const auto servers = in.now(server);
  if (!servers.empty() && servers.front().in_recovery) return {};
  std::vector<Finding> found;
  const auto now = held_back_now(in);
  if (now) {
    Finding f = told(in, *now->holder, now->load);
    f.sentence = fmt::format("{} keeps vacuum from removing {} dead rows of {}, which {} of the load works on",
                             holder_in_words(*now->holder), words::count(static_cast<double>(now->table->dead)),
                             now->table->name, words::share(std::min(1.0, now->share)));
    f.confidence = now->proven ? Confidence::high : Confidence::medium;
    f.basis = now->proven ? "vacuum has looked at the table since and left its dead rows"
                          : "the oldest snapshot that vacuum has to respect, and the table's dead rows";
    tell_held_back(in, *now, f);
    found.push_back(std::move(f));
  }
  for (const XminHolder& h : in.now(xmin_holders)) {  // the oldest first: ending a younger one helps nobody
    if (!is_old(in, h)) continue;
    if (now && now->holder == &h) break;
    Finding f = told(in, h, 0);
    f.sentence =
        fmt::format("{} has held vacuum back {}", holder_in_words(h),
                    h.seconds ? "for " + words::duration(*h.seconds)
                              : fmt::format("for {}", words::counted(static_cast<double>(h.xids), "transaction")));
    if (h.catalog_only) f.sentence += " (system catalogues only)", f.act_by = ActBy::this_week;
    f.confidence = Confidence::high;
    f.basis = "the oldest snapshot that vacuum has to respect";
    f.evidence.push_back({"transactions since", words::count(static_cast<double>(h.xids))});
    if (!in.context().one_shot && h.seconds) f.since = after(in.at(), -*h.seconds);
    found.push_back(std::move(f));
    break;
  }
  return found;
}

std::string fine(const Input& in) {
  for (const XminHolder& h : in.now(xmin_holders))
    return fmt::format(
        "the oldest snapshot is {} old",
        h.seconds ? words::duration(*h.seconds) : words::counted(static_cast<double>(h.xids), "transaction"));
  return "nobody holds vacuum back";
}

using held_back_examples::past;

}  // namespace

extern const Check vacuum_blocked;
const Check vacuum_blocked{
    .id = "vacuum_blocked",
    .title = "Vacuum is held back",
    .why =
        "Vacuum keeps every row that the oldest open snapshot could still see: tables grow and look-ups wade "
        "through dead rows, however often it runs.",
    .role = Role::cause,
    .explains = {"dead_rows", "query_regressed", "load_above_cores", "cpu_saturated", "queries_timing_out",
                 "work_without_results", "pool_pinned"},
    .reads = {xmin_holders},
    .may_read = {activity, dead_tuples, server, statements},
    .settings = {warn_age, least_xids, unknown_age, held_back::least_dead, held_back::load_share, held_back::open_for},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a forgotten snapshot, and a small queue fills with dead rows",
                  [] { return past({}); },
                  {Severity::warning}},
                 {"a standby's long query does it", [] { return past({.kind = "standby"}); }, {Severity::warning}},
                 {"a slot that nobody reads, for long",
                  [] { return past({.kind = "slot", .xids = 20'000'000, .dead = 0}); },
                  {Severity::warning}},
                 {"a transaction of two hours",
                  [] { return past({.open = 7200, .xids = 900'000, .dead = 0}); },
                  {Severity::warning}},
                 {"it is two hours old, but nothing was written since",
                  [] { return past({.open = 7200, .xids = 40, .dead = 0}); },
                  {}},
                 {"the load works elsewhere", [] { return past({.sessions = 1, .others = 8}); }, {}},
                 {"it has just begun", [] { return past({.open = 2}); }, {}},
                 {"autovacuum will come", [] { return past({.kind = ""}); }, {}},
                 {"on a standby", [] { return past({.standby = true}); }, {}}},
};

}  // namespace pgvigil
