#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/scan_examples.h"
#include "checks/plans/scans.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_size{"min_size", 10_MiB, "reading less than this in one execution is no fault"};
constexpr Setting<Count> min_load{"min_load", 0.2, "average active sessions below which a query is left alone"};
constexpr Setting<Ratio> critical_load{"critical_load", 0.5, "critical from this many sessions per vCPU on"};
constexpr Setting<Ratio> critical_share{"critical_share", 0.5,
                                        "critical from this share of all load on, where executions repeat"};
constexpr Setting<Count> repeated{"repeated", 5, "executions within half a minute from which they repeat"};
constexpr double window = 30;

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const Catalogue catalogue(in);
  for (const ReadTable& t : read_tables(in, catalogue, load(in, window), in[min_size])) {
    Finding f;
    const TableReader* worst = nullptr;
    double share = 0, executions = 0;
    for (const TableReader& r : t.readers) {
      if (r.verdict != ScanVerdict::harmful || r.advice.obstacle != Obstacle::statistics) continue;
      if (worst == nullptr) worst = &r;
      f.load += r.query.sessions;
      share += r.query.share;
      executions += static_cast<double>(r.query.executions);
      f.queries.push_back(r.query.query_id);
      f.sessions.insert(f.sessions.end(), r.query.pids.begin(), r.query.pids.end());
    }
    if (worst == nullptr || f.load < in[min_load]) continue;
    const bool felt = heavy(in, {in[critical_load], in[critical_share], in[repeated]}, f.load, share, executions);
    f.severity = felt ? Severity::critical : Severity::warning;
    f.act_by = felt ? ActBy::now : ActBy::today;
    f.object = {"table", t.known->table.name, t.known->table.database};
    f.tables = {t.known->table.name};
    f.sentence = fmt::format("most rows of {} came after the last ANALYZE, and the planner misjudges a hot query: {}",
                             described(t.known->table), worst->advice.why_not);
    f.fix = fmt::format("ANALYZE {}", t.known->table.name);
    f.confidence = worst->confidence;
    f.basis = worst->basis;
    f.evidence.push_back({"query", words::one_line(worst->query.query, 300)});
    f.evidence.push_back({"rows", fmt::format("{} live by the server's count",
                                              words::count(static_cast<double>(t.known->table.live_rows)))});
    for (Evidence& e : about(*t.known)) f.evidence.push_back(std::move(e));
    f.remedies = cure_of(in, *t.known, *worst, f.load, f.sessions);
    found.push_back(std::move(f));
  }
  return found;
}

using scan_examples::Past;

Scenario grown(Past p, bool outgrown) {
  p.plan = scan_examples::scan_plan("docs", "(docs.dump_id = ?)", 500'000);
  p.query = "SELECT data FROM docs WHERE dump_id = $1";
  p.index = {"dump_id"};
  p.size_known = !outgrown;
  Scenario s = scan_examples::past(p);
  if (outgrown) {
    TableSize size;
    size.database = "codeintel";
    size.name = "public.docs";
    size.heap_bytes = 424LL << 20;
    for (const auto& answer : s.history.series(tables))
      if (answer.rows)
        for (const Table& t : static_cast<const RowsOf<Table>&>(*answer.rows).rows)
          size.database = t.database, size.name = t.name;
    s.saw(0, table_sizes, {size});
  }
  return s;
}

}  // namespace

extern const Check stale_statistics;
const Check stale_statistics{
    .id = "stale_statistics",
    .title = "The planner works with statistics that most rows have outgrown",
    .why =
        "After a load or a great change the planner still believes in the old table, and leaves good indexes unused.",
    .role = Role::cause,
    .family = "scans",
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising", "queries_timing_out",
                 "work_without_results", "query_regressed", "pool_pinned"},
    .reads = {activity, tables},
    .may_read = {plans, plan_tables, indexes, plan_indexes, relation_columns, table_sizes, server, statements},
    .settings = {min_size, min_load, critical_load, critical_share, repeated},
    .evaluate = evaluate,
    .examples = {{"a bulk load after the last ANALYZE", [] { return grown({}, true); }, {Severity::critical}},
                 {"one of many queries",
                  [] { return grown({.sessions = 3, .others = 6}, true); },
                  {Severity::critical}},
                 {"most of a small load, again and again",
                  [] { return grown({.sessions = 1, .again = true}, true); },
                  {Severity::critical}},
                 {"somebody's one query", [] { return grown({.sessions = 1}, true); }, {Severity::warning}},
                 {"the statistics are of today", [] { return grown({}, false); }, {}},
                 {"nobody asks", [] { return grown({.sessions = 0, .others = 2}, true); }, {}}},
};

}  // namespace pgvigil
