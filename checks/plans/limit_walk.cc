#include "checks/plans/limit_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "checks/plans/executed.h"
#include "checks/plans/misjudged.h"
#include "checks/plans/plan_tree.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double good_part = 0.1;  // of the table
constexpr double few_seconds = 1;

}  // namespace

void judge_limit_walk(const Input& in, std::string_view plan_json, std::int64_t floor_bytes, const KnownTable& table,
                      TableReader& r) {
  const bool sure = r.verdict == ScanVerdict::harmful && r.confidence > Confidence::low;
  if (!r.scan || !r.scan->stopped_early || sure || !r.inside.empty()) return;
  if (!r.scan->join_condition.empty() || r.scan->loops >= 2) return;
  const double heap = static_cast<double>(table.table.heap_bytes), floor = static_cast<double>(floor_bytes);
  const Executed one = executed(in, r.query, r.ids);
  const auto harmful = [&](Confidence c, std::string reason) {
    if (!r.advice.creates()) return;
    r.verdict = ScanVerdict::harmful;
    r.confidence = c;
    r.scan->reason = std::move(reason);
    r.scan->bytes_read = std::max(r.scan->bytes_read, one.bytes);
    if (one.calls > 0) r.scan->rows_kept = one.rows;
  };
  if (one.calls >= enough_calls) {
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
