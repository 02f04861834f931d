// What an operator allows a plan to be: its cost and the rows it may read, by the planner's estimates.
#pragma once

#include <functional>
#include <optional>

#include "checks/plans/plan_tree.h"

namespace pgvigil {

// Rows that one execution reads from tables, whatever it keeps of them: a sequential scan the whole table, an index
// what its condition finds, each as often as it is executed, and only the part that a LIMIT needs. Both functions may
// say nothing: the planner's estimate of what is kept stands for it then.
struct RowsKnown {
  std::function<std::optional<double>(const PlanNode&)> table = {};  // rows of the relation
  std::function<std::optional<double>(const PlanNode&)> found = {};  // rows that its index condition finds
};
double rows_read(const PlanTree& plan, const RowsKnown& known);

}  // namespace pgvigil
