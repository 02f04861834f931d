#include "checks/plans/executed.h"

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

// Nothing between the scan and the client drops rows or makes one of many.
bool returns_its_rows(const PlanNode& root) {
  const PlanNode* node = &root;
  while ((node->type == "Gather" || node->type == "Gather Merge" || node->type == "Sort") && node->children.size() == 1)
    node = &node->children[0];
  return node->type == "Seq Scan" && node->children.empty();
}

}  // namespace

Executed executed(const Input& in, const QueryLoad& query, const std::vector<std::string>& ids) {
  std::set<std::string> all(ids.begin(), ids.end());
  all.insert(query.query_id);
  double calls = 0, blocks = 0, rows = 0, all_calls = 0, all_blocks = 0, all_rows = 0;
  for (const Statement& s : in.now(statements)) {
    if (s.database != query.database || !all.contains(s.query_id)) continue;
    calls += 60 * in.rate(statements, s, &Statement::calls, 60).value_or(0);
    blocks += 60 * (in.rate(statements, s, &Statement::shared_blocks_hit, 60).value_or(0) +
                    in.rate(statements, s, &Statement::shared_blocks_read, 60).value_or(0));
    rows += 60 * in.rate(statements, s, &Statement::rows, 60).value_or(0);
    all_rows += static_cast<double>(s.rows);
    all_calls += static_cast<double>(s.calls);
    all_blocks += static_cast<double>(s.shared_blocks_hit + s.shared_blocks_read);
  }
  if (calls < enough_calls && in.context().one_shot) calls = all_calls, blocks = all_blocks, rows = all_rows;
  if (calls <= 0) return {};
  return {calls, blocks * page / calls, rows / calls};
}

void judge_returned(const Input& in, const Catalogue& catalogue, const PlanNode& root, const KnownTable& table,
                    TableReader& r) {
  if (!r.scan || r.scan->index || r.scan->small || r.scan->filter.empty() || !r.inside.empty()) return;
  if (!returns_its_rows(root)) return;
  const Executed one = executed(in, r.query, r.ids);
  if (one.calls < enough_calls) return;
  const double share = one.rows / std::max(1.0, r.scan->rows_read);
  const auto say = [&](ScanVerdict verdict, Confidence confidence, std::string reason) {
    r.verdict = verdict;
    r.confidence = confidence;
    r.scan->reason = std::move(reason);
    r.scan->rows_kept = one.rows;
    r.basis += "; the server counts what executions return";
  };
  if (r.verdict == ScanVerdict::harmful && share >= few_rows) {
    say(ScanVerdict::rightful, Confidence::medium,
        fmt::format("executions return {} of {} rows", words::count(one.rows), words::count(r.scan->rows_read)));
  } else if (r.verdict == ScanVerdict::rightful && share < very_few && staleness(catalogue, table, changed.fallback)) {
    say(ScanVerdict::harmful, Confidence::high,
        fmt::format("executions return {} of the {} rows that the plan expects", words::count(one.rows),
                    words::count(r.scan->rows_kept)));
  }
}

}  // namespace pgvigil
