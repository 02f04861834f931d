// What runs for long, with how far it is and what is left: declared migrations, and commands.
#include <algorithm>

#include "agent/core/documents.h"
#include "agent/core/json_parts.h"
#include "agent/core/text.h"
#include "checks/migration_pace.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/long_commands.h"

namespace pgvigil {
namespace {

using json::Json;
using json::number;

// How far a phase of a command is, in whatever its server counts. One command may take several tables, one by one.
struct Progress {
  std::string phase, on;
  double done = 0, total = 0;
};
Progress progress(const IndexBuild& b) {
  // Tuples are counted once the table has been read; those who must be waited for, where nothing else is.
  if (b.tuples_total > 0)
    return {b.phase, b.table, static_cast<double>(b.tuples_done), static_cast<double>(b.tuples_total)};
  if (b.blocks_total > 0)
    return {b.phase, b.table, static_cast<double>(b.blocks_done), static_cast<double>(b.blocks_total)};
  return {b.phase, b.table, static_cast<double>(b.lockers_done), static_cast<double>(b.lockers_total)};
}
Progress progress(const LongCommand& c) {
  return {c.phase, c.table, static_cast<double>(c.done), static_cast<double>(c.total)};
}

// At the speed since this phase was first seen. Others that are waited for have no speed.
template <class Row>
std::optional<double> left(const Input& in, const Probe<Row>& probe, const Row& now) {
  const Progress p = progress(now);
  if (p.total <= 0 || p.phase.starts_with("waiting")) return std::nullopt;
  for (const auto& then : in.series(probe, in.history().keep_seconds))
    for (const Row& row : then.rows) {
      const Progress before = progress(row);
      const double seconds = seconds_between(then.at, in.at());
      if (row.pid != now.pid || row.age > now.age || before.phase != p.phase || before.on != p.on ||
          before.total != p.total)
        continue;
      if (seconds < 1 || p.done <= before.done) return std::nullopt;
      return std::max(0.0, p.total - p.done) / ((p.done - before.done) / seconds);
    }
  return std::nullopt;
}

template <class Row>
Json operation(const Input& in, const Probe<Row>& probe, const Row& row, std::string kind, std::string object,
               std::int64_t waits_for) {
  const Progress p = progress(row);
  return {{"kind", std::move(kind)},
          {"pid", row.pid},
          {"database", row.database},
          {"object", std::move(object)},
          {"phase", p.phase},
          {"done", p.total > 0 ? number(std::clamp(p.done / p.total, 0.0, 1.0)) : Json()},
          {"running_seconds", number(row.age)},
          {"left_seconds", number(left(in, probe, row))},
          {"waits_for", waits_for != 0 ? Json(waits_for) : Json()}};
}

// In the units of its own SQL. It has no process that we could name.
Json operation(const Input& in, const MigrationProgress& m) {
  const MigrationPace p = pace(in, m);
  const bool known = m.done && m.total && *m.total > 0;
  const bool still = stands_still(m, p, 3 * in.context().intervals.sweep);
  return {{"kind", "migration"},
          {"pid", nullptr},
          {"database", m.database},
          {"object", m.name},
          {"phase", still ? "stands still" : ""},
          {"done", known ? number(std::clamp(*m.done / *m.total, 0.0, 1.0)) : Json()},
          {"running_seconds", nullptr},
          {"left_seconds", still ? Json() : number(p.left_seconds(m))},
          {"waits_for", nullptr}};
}

}  // namespace

std::string progress_document(const Input& in) {
  Json all = Json::array();
  for (const MigrationProgress& m : in.now(migrations))
    if (!finished(m)) all.push_back(operation(in, m));
  for (const IndexBuild& b : in.now(index_builds))
    all.push_back(operation(in, index_builds, b, b.command,
                            b.index.empty() ? "on " + b.table : b.index + " on " + b.table, b.current_locker_pid));
  for (const LongCommand& c : in.now(long_commands))
    all.push_back(operation(in, long_commands, c, (c.automatic ? "autovacuum: " : "") + c.command, c.table, 0));
  return json::in_one_line(
      {{"schema", 1}, {"target", in.context().target}, {"at", rfc3339(in.at())}, {"operations", std::move(all)}});
}

}  // namespace pgvigil
