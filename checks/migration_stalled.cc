#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checks/check.h"
#include "checks/migration_pace.h"
#include "checks/probes/activity.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Count> sweeps{"sweeps", 3, "no progress for so many sweeps of the schedule is a stand-still"};

std::string how_far(const MigrationProgress& m) {
  const std::string share = *m.total > 0 ? fmt::format(" ({})", words::share(*m.done / *m.total)) : "";
  return fmt::format("{} of {}{}", words::count(*m.done), words::count(*m.total), share);
}

// Who works on its tables, and who holds them up: the worker may be blocked, idle, or gone.
Remedy who_works_on(const MigrationProgress& m) {
  std::vector<std::string> tables;
  for (const std::string& t : m.tables) tables.push_back(fmt::format("pg_catalog.to_regclass({})", words::literal(t)));
  Step look{.title = "see who works on its tables, and who blocks them",
            .database = m.database,
            .run_as = "superuser",
            .sql = {}};
  look.sql = fmt::format(
      "SELECT DISTINCT a.pid, a.usename, a.application_name, a.state, a.wait_event_type, a.wait_event, "
      "pg_blocking_pids(a.pid) AS blocked_by, now() - a.state_change AS since, left(a.query, 80) AS query\n"
      "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.relation IN ({});",
      fmt::join(tables, ", "));
  look.lock = "none";
  look.undo = "nothing to undo";
  look.duration = "at once";
  return {Remedy::Kind::first_aid, "find its worker: blocked, idle, or gone; then start it again", {look}};
}

Finding stalled(const Input& in, const MigrationProgress& m, const MigrationPace& p) {
  const double seconds = seconds_between(p.still_since, p.newest);
  Finding f;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object = {"migration", m.name, m.database};
  f.sentence = fmt::format("migration {} stands still at {} for {}{}", words::one_line(m.name, 63), how_far(m),
                           p.moved ? "" : "at least ", words::duration(seconds));
  f.evidence = {{"done", how_far(m)}, {"not moved since", words::clock(p.still_since)}};
  if (const double rate = p.before(); rate > 0)
    f.evidence.push_back({"speed before", fmt::format("{}; about {} were left", words::rate(rate, ""),
                                                      words::duration((*m.total - *m.done) / rate))});
  double waiting = 0;
  for (const Session& s : in.now(activity)) {
    if (s.database != m.database || s.wait_event_type != "Lock") continue;
    waiting += 1;
  }
  if (waiting > 0) f.evidence.push_back({"waiting for locks there", words::counted(waiting, "session")});
  f.evidence.push_back({"looks", fmt::format("by the operator's SQL, each {} or more often",
                                             words::duration(in.context().intervals.sweep))});
  if (!m.tables.empty()) f.remedies.push_back(who_works_on(m));
  f.tables = m.tables;
  f.since = p.still_since;
  f.or_earlier = !p.moved;
  f.confidence = p.moved ? Confidence::high : Confidence::medium;
  f.basis = p.moved ? "it was seen to move before" : "it was not seen to move; it may have been stopped on purpose";
  return f;
}

Finding unreadable(const MigrationProgress& m) {
  Finding f;
  f.role = Role::advice;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"migration", m.name, m.database};
  f.sentence = fmt::format("the progress of migration {} cannot be read", words::one_line(m.name, 63));
  f.evidence = {{"its SQL", m.problem.empty() ? "gives no number" : words::one_line(m.problem, 200)}};
  f.confidence = Confidence::high;
  f.basis = "the server's answer to the SQL of the configuration";
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const MigrationProgress& m : in.now(migrations)) {
    if (!m.done || !m.total) {
      found.push_back(unreadable(m));
      continue;
    }
    if (const MigrationPace p = pace(in, m); stands_still(m, p, in[sweeps] * in.context().intervals.sweep))
      found.push_back(stalled(in, m, p));
  }
  return found;
}

std::string fine(const Input& in) {
  std::vector<std::string> all;
  for (const MigrationProgress& m : in.now(migrations)) {
    std::string one = fmt::format("{}: {}", words::one_line(m.name, 63), how_far(m));
    if (finished(m))
      one += ", done";
    else if (const auto left = pace(in, m).left_seconds(m))
      one += fmt::format(", about {} left", words::duration(*left));
    all.push_back(std::move(one));
  }
  return all.empty() ? "" : words::list(all, 5);
}

// A look each minute.
Scenario story(std::vector<double> done, double total = 1'200'000) {
  Scenario s;
  double ago = 60.0 * static_cast<double>(done.size() - 1);
  for (const double d : done) {
    s.saw(ago, migrations,
          {{.database = "app", .name = "lsif to scip", .done = d, .total = total, .tables = {"public.documents"}}});
    ago -= 60;
  }
  return s;
}

Scenario stopped() { return story({100'000, 250'000, 412'000, 412'000, 412'000, 412'000}); }
Scenario moving() { return story({100'000, 250'000, 412'000, 412'000, 440'000}); }
Scenario done() { return story({900'000, 1'200'000, 1'200'000, 1'200'000, 1'200'000, 1'200'000}); }
Scenario not_begun() { return story({0, 0, 0, 0, 0, 0}); }
Scenario refused() {
  return Scenario().saw(0, migrations,
                        {{.database = "app", .name = "lsif to scip", .problem = "relation \"x\" does not exist"}});
}

}  // namespace

extern const Check migration_stalled;
const Check migration_stalled{
    .id = "migration_stalled",
    .title = "A declared migration stands still",
    .why =
        "Half a migration is two of everything: the old and the new both cost. Its target's `migrations` say how to "
        "read "
        "what is done and what is to do; the page and /metrics show it, with what is left.",
    .role = Role::cause,
    .may_read = {migrations, activity},
    .settings = {sweeps},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"it stopped three minutes ago", &stopped, {Severity::warning}},
                 {"in batches, slowly", &moving, {}},
                 {"done", &done, {}},
                 {"declared, not begun", &not_begun, {}},
                 {"its SQL is refused", &refused, {Severity::info}}},
};

}  // namespace pgvigil
