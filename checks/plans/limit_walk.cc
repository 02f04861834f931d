#include "checks/plans/limit_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checks/plans/misjudged.h"
#include "checks/plans/plan_tree.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double page = 8192;
constexpr double good_part = 0.1;  // of the table
constexpr double enough = 5;       // executions
constexpr double few_seconds = 1;

struct Executed {
  double calls = 0, bytes = 0, rows = 0;  // bytes and rows of one
};

// Those of the last minute, or in one look all that were counted.
Executed executed(const Input& in, const TableReader& r) {
  std::set<std::string> ids(r.ids.begin(), r.ids.end());
  ids.insert(r.query.query_id);
  double calls = 0, blocks = 0, rows = 0, all_calls = 0, all_blocks = 0, all_rows = 0;
  for (const Statement& s : in.now(statements)) {
    if (s.database != r.query.database || !ids.contains(s.query_id)) continue;
    calls += 60 * in.rate(statements, s, &Statement::calls, 60).value_or(0);
    blocks += 60 * (in.rate(statements, s, &Statement::shared_blocks_hit, 60).value_or(0) +
                    in.rate(statements, s, &Statement::shared_blocks_read, 60).value_or(0));
    rows += 60 * in.rate(statements, s, &Statement::rows, 60).value_or(0);
    all_rows += static_cast<double>(s.rows);
    all_calls += static_cast<double>(s.calls);
    all_blocks += static_cast<double>(s.shared_blocks_hit + s.shared_blocks_read);
  }
  if (calls < enough && in.context().one_shot) calls = all_calls, blocks = all_blocks, rows = all_rows;
  if (calls <= 0) return {};
  return {calls, blocks * page / calls, rows / calls};
}

}  // namespace

void judge_limit_walk(const Input& in, std::string_view plan_json, std::int64_t floor_bytes, const KnownTable& table,
                      TableReader& r) {
  const bool sure = r.verdict == ScanVerdict::harmful && r.confidence > Confidence::low;
  if (!r.scan || !r.scan->stopped_early || sure || !r.inside.empty()) return;
  if (!r.scan->join_condition.empty() || r.scan->loops >= 2) return;
  const double heap = static_cast<double>(table.table.heap_bytes), floor = static_cast<double>(floor_bytes);
  const Executed one = executed(in, r);
  const auto harmful = [&](Confidence c, std::string reason) {
    if (!r.advice.creates()) return;
    r.verdict = ScanVerdict::harmful;
    r.confidence = c;
    r.scan->reason = std::move(reason);
    r.scan->bytes_read = std::max(r.scan->bytes_read, one.bytes);
    if (one.calls > 0) r.scan->rows_kept = one.rows;
  };
  if (one.calls >= enough) {
    if (one.bytes >= std::max(floor, good_part * heap)) {
      harmful(Confidence::high, fmt::format("LIMIT does not stop it soon: executions read {} each until they have met "
                                            "enough rows that match",
                                            words::bytes(one.bytes)));
      r.basis += "; the server counts what executions read";
    } else if (one.bytes < floor && r.verdict == ScanVerdict::harmful) {
      r.verdict = ScanVerdict::rightful;
      r.scan->reason = "LIMIT stops the scan early: executions read " + words::bytes(one.bytes);
      r.basis += "; the server counts what executions read";
    }
    return;
  }
  if (one.calls > 0 || r.query.oldest_seconds < few_seconds) return;
  const double cost = parse_plan(plan_json).root.total_cost;
  const double crowd = std::max(1.0, r.query.sessions / vcpus(in).value_or(std::max(1.0, r.query.sessions)));
  if (r.query.oldest_seconds / crowd < off_by.fallback * slow_unit * cost) return;
  harmful(Confidence::medium,
          fmt::format("LIMIT does not stop it soon: executions run for {} and none ends, where the plan expects {}",
                      words::duration(r.query.oldest_seconds), words::duration(slow_unit * cost)));
  r.basis += "; the time that executions take";
}

}  // namespace pgvigil
