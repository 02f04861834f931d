#include "checks/plans/budget.h"

#include <algorithm>

namespace pgvigil {
namespace {

class Counter {
 public:
  explicit Counter(const RowsKnown& known) : known_(known) {}

  // `part` of the node's rows are wanted, in each of `loops` executions.
  double rows(const PlanNode& node, double part, double loops) const {
    double sum = own(node) * part * loops;
    const bool lateral = node.type == "Nested Loop";
    const PlanNode* outer = nullptr;
    for (const PlanNode& child : node.children) {
      if (child.relationship == "Outer") outer = &child;
      double wanted = part, times = loops;
      if (node.type == "Limit")
        wanted = part * std::min(1.0, node.rows / std::max(1.0, child.rows));
      else if (whole(node))
        wanted = 1;
      const bool once = child.type == "Materialize" || child.type == "Memoize" || child.type == "Hash";
      if (lateral && child.relationship == "Inner" && outer != nullptr && !once)
        times *= std::max(1.0, outer->rows * part), wanted = 1;
      if (child.relationship == "SubPlan" || child.relationship == "InitPlan") wanted = 1;
      sum += rows(child, wanted, times);
    }
    return sum;
  }

 private:
  // Nothing comes out of it before all has gone in.
  static bool whole(const PlanNode& node) {
    return node.type == "Sort" || node.type == "Hash" || node.type == "Aggregate" || node.type == "SetOp" ||
           node.type == "Bitmap Heap Scan";
  }

  double own(const PlanNode& node) const {
    if (node.relation.empty() || node.type == "ModifyTable") return 0;
    if (node.type == "Seq Scan" || node.type == "Sample Scan")
      return std::max(node.rows, known_.table ? known_.table(node).value_or(0) : 0);
    if (node.type == "Bitmap Heap Scan" && !node.children.empty() && node.children[0].type == "Bitmap Index Scan")
      return std::max(node.rows, node.children[0].rows);
    return std::max(node.rows, known_.found ? known_.found(node).value_or(0) : 0);
  }

  const RowsKnown& known_;
};

}  // namespace

double rows_read(const PlanTree& plan, const RowsKnown& known) { return Counter(known).rows(plan.root, 1, 1); }

}  // namespace pgvigil
