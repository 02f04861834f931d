#include "checks/plans/either_listed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/plans/index_keys.h"

namespace pgvigil {
namespace {

struct Lists {
  int number = 0;
  double rows = 0;  // of all of them together
};

// Those that this node hashes. None where a row must not be on one.
Lists lists_of(const PlanNode& node) {
  Lists all;
  for (const PlanNode& child : node.children) {
    const std::string hashed = "hashed " + child.subplan;
    if (child.relationship != "SubPlan" || node.filter.find(hashed) == std::string::npos) continue;
    ++all.number;
    all.rows += child.rows;
  }
  return node.filter.find("NOT ") == std::string::npos ? all : Lists();
}

// The most rows that one entry of a list stands for; none where the OR is not all of the condition.
std::optional<double> rows_of_entry(const KnownTable& table, const sql::RelationUse& use) {
  using How = sql::ColumnUse::How;
  std::size_t in_arms = 0;
  std::optional<double> most;
  for (const auto& arm : use.either) {
    in_arms += arm.size();
    if (arm.size() != 1 || arm[0].how != How::join) continue;
    const auto distinct = distinct_values(table, arm[0].column);
    if (!distinct || !table.table.rows) return std::nullopt;
    most = std::max(most.value_or(1), *table.table.rows / *distinct);
  }
  const auto conditions = std::count_if(use.uses.begin(), use.uses.end(),
                                        [](const auto& u) { return u.how != How::sort && u.how != How::group; });
  return static_cast<std::size_t>(conditions) == in_arms ? most : std::nullopt;
}

}  // namespace

void judge_either_listed(const KnownTable& table, const sql::RelationUse& use, const PlanNode& root, Scan& scan) {
  if (scan.verdict == ScanVerdict::harmful || scan.small || scan.index || scan.stopped_early || scan.rows_read <= 0)
    return;
  Lists lists;
  each_node(root, [&](const PlanNode& node, int) {
    if (node.number == scan.number) lists = lists_of(node);
  });
  const auto each = lists.number == 0 ? std::nullopt : rows_of_entry(table, use);
  if (!each) return;
  // What the rest of the OR keeps, the halves taken off.
  const double left_out = 1 - std::min(1.0, scan.rows_kept / scan.rows_read);
  const double rest = std::max(0.0, 1 - left_out * std::pow(2, lists.number));
  const double kept = rest * scan.rows_read + lists.rows * *each;
  if (kept >= very_few * scan.rows_read) return;
  scan.verdict = ScanVerdict::harmful;
  scan.confidence = Confidence::low;
  scan.reason = fmt::format("all rows are read for some {:.0f} that are on a list or meet another condition", kept);
  scan.rewrite =
      "a list joined by OR takes no index: written as a UNION, or as one list (b IN (SELECT ... UNION SELECT ...)), "
      "each arm can use one";
}

}  // namespace pgvigil
