#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/held_back.h"
#include "checks/held_back_examples.h"
#include "checks/late_vacuum.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/statements.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> excess{"excess", 2, "times the number of dead rows from which autovacuum would come"};
constexpr Setting<Count> least_rows{"least_rows", 100'000, "rows, dead and live, from which a table is large"};
constexpr Setting<Ratio> load_share{"load_share", 0.5, "share of the load on the table from which it is felt now"};
constexpr Setting<Ratio> drowned{"drowned", 10,
                                 "times the live rows from which dead ones are felt also where autovacuum is on, but "
                                 "late"};

// What makes autovacuum come, come sooner, or get through.
Step sooner(const DeadTuples& t, const std::optional<LateVacuum>& late) {
  Step s{.title = "let autovacuum come again", .database = t.database, .run_as = t.owner, .sql = {}};
  std::string setting = "autovacuum_enabled";
  std::string value, before = "false";
  if (late && late->at_work) {
    s.title = "let autovacuum work on it without pauses";
    setting = "autovacuum_vacuum_cost_delay", value = "0", before.clear();
    s.caution = "it reads and writes as fast as the disks let it; a worker that is under way gives way and comes again";
  } else if (t.autovacuum) {
    s.title = "let autovacuum come sooner";
    setting = "autovacuum_vacuum_scale_factor", value = "0.02", before.clear();
  }
  const auto alter = [&](const std::string& to) {
    return to.empty() ? fmt::format("ALTER TABLE {} RESET ({});", t.name, setting)
                      : fmt::format("ALTER TABLE {} SET ({} = {});", t.name, setting, to);
  };
  s.sql = alter(value);
  s.undo = alter(before);
  s.duration = "at once";
  s.lock = "SHARE UPDATE EXCLUSIVE for a moment: readers and writers go on";
  return s;
}

std::vector<Remedy> remedies(const DeadTuples& t, const std::optional<LateVacuum>& late) {
  Step vacuum{.title = "clean it up now",
              .database = t.database,
              .run_as = t.owner,
              .sql = fmt::format("VACUUM (ANALYZE) {};", t.name)};
  vacuum.lock = "none that stops readers or writers";
  vacuum.caution = "it reads the table and its indexes; the space is used again, not given back";
  Remedy cure{Remedy::Kind::cure, "vacuum it, and sooner from now on", {std::move(vacuum), sooner(t, late)}};
  return {std::move(cure)};
}

std::vector<Finding> evaluate(const Input& in) {
  const auto servers = in.now(server);
  if (!servers.empty() && servers.front().in_recovery) return {};
  std::vector<Finding> found;
  const Load all = load(in, 30);
  const auto held = held_back_now(in);
  for (const DeadTuples& t : in.now(dead_tuples)) {
    const bool large = static_cast<double>(t.dead + t.live) >= in[least_rows];
    const bool suffers = held && held->table == &t;
    if (static_cast<double>(t.dead) < in[excess] * t.threshold || (!large && !suffers)) continue;
    const auto growth = in.rate(dead_tuples, t, &DeadTuples::dead, 600);
    const OnTable on = load_on(in, all, t);
    // Nobody works on it, and nothing comes to it: what is there waits for the next VACUUM and harms nobody.
    if (!suffers && on.share <= 0 && !(growth && *growth > 0)) continue;
    Finding f;
    f.severity = Severity::warning;
    const auto late = suffers || static_cast<double>(t.dead) < in[drowned] * static_cast<double>(t.live)
                          ? std::nullopt
                          : vacuum_is_late(in, t);
    const bool felt = on.share >= in[load_share] && on.executions >= 5 && (!t.autovacuum || suffers || late);
    f.act_by = felt ? ActBy::today : ActBy::this_week;
    f.object = {"table", t.name, t.database};
    f.tables = {t.name};
    f.queries = on.queries;
    f.load = felt ? on.load : 0;
    f.sentence = fmt::format("{} holds {} dead rows beside {} live ones{}", t.name,
                             words::count(static_cast<double>(t.dead)), words::count(static_cast<double>(t.live)),
                             !t.autovacuum ? ", and autovacuum is off for it"
                             : held        ? ", and vacuum is held back"
                             : late        ? ": " + late->why
                                           : "");
    f.confidence = Confidence::medium;
    f.basis = "the server's own estimate of dead rows against the settings of autovacuum";
    f.fix = suffers ? "" : fmt::format("VACUUM {}", t.name);
    f.evidence.push_back({"autovacuum comes from", words::counted(t.threshold, "dead row") + " on"});
    f.evidence.push_back({"last vacuumed", t.vacuumed ? words::duration(*t.vacuumed) + " ago" : "never"});
    if (late && !late->pace.empty()) f.evidence.push_back({"how far autovacuum is", late->pace});
    if (late && !late->slowed.empty()) f.evidence.push_back({"slowed down by", late->slowed});
    if (growth) f.evidence.push_back({"growth", words::rate(*growth, "dead rows")});
    f.evidence.push_back({"load on it", fmt::format("{} of all", words::share(std::min(1.0, on.share)))});
    if (suffers) f.severity = held->severity;
    if (!suffers) f.remedies = remedies(t, late);
    found.push_back(std::move(f));
    if (found.size() == 10) break;
  }
  return found;
}

std::string fine(const Input& in) {
  const DeadTuples* most = nullptr;
  for (const DeadTuples& t : in.now(dead_tuples))
    if (most == nullptr || t.dead > most->dead) most = &t;
  return most == nullptr ? "no table has many dead rows"
                         : fmt::format("at most {} dead rows in one table: {}",
                                       words::count(static_cast<double>(most->dead)), most->name);
}

using held_back_examples::past;

Scenario nearly_all_dead(held_back_examples::Past p) {
  p.kind.clear();  // nobody holds vacuum back
  p.dead = 600'000, p.live = 1000, p.threshold = 100'050;
  return past(p);
}

}  // namespace

extern const Check dead_rows;
const Check dead_rows{
    .id = "dead_rows",
    .title = "Table full of dead rows",
    .why = "Every scan and many look-ups read past rows that nobody can see any more.",
    .role = Role::cause,
    .explains = {"query_regressed"},
    .reads = {dead_tuples},
    .may_read = {activity, xmin_holders, statements, server, long_commands, server_settings, tables},
    .settings = {excess, least_rows, load_share, drowned, late_vacuum::at_work, late_vacuum::naptimes,
                 held_back::least_dead, held_back::open_for},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"autovacuum is off for a large table that is worked on",
          [] {
            return past({.kind = "", .dead = 900'000, .live = 500'000, .threshold = 100'050, .autovacuum = false});
          },
          {Severity::warning}},
         {"a small one suffers, for vacuum is held back", [] { return past({}); }, {Severity::warning}},
         {"autovacuum works on it and does not get through",
          [] { return nearly_all_dead({.worker = 25}); },
          {Severity::warning}},
         {"all of its workers are elsewhere", [] { return nearly_all_dead({.busy = 3}); }, {Severity::warning}},
         {"it does not come", [] { return nearly_all_dead({.vacuumed = 3000, .naptime = 10}); }, {Severity::warning}},
         {"autovacuum has not come yet",
          [] { return past({.kind = "", .dead = 900'000, .live = 500'000, .threshold = 100'050}); },
          {Severity::warning}},
         {"a large table with some dead rows",
          [] { return past({.kind = "", .dead = 90'000, .live = 500'000, .threshold = 100'050}); },
          {}},
         {"nobody works on it",
          [] {
            return past({.kind = "",
                         .dead = 900'000,
                         .live = 500'000,
                         .threshold = 100'050,
                         .sessions = 0,
                         .others = 3,
                         .filling = false,
                         .autovacuum = false});
          },
          {}},
         {"a small queue between two vacuums", [] { return past({.kind = ""}); }, {}}},
};

}  // namespace pgvigil
