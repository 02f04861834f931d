// What stands above a scan, as far as it decides whether all of the relation must be read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checks/plans/plan_tree.h"

namespace pgvigil {

// A condition that stands outside of what is computed whole, and does not reach the table within.
struct Fence {
  double kept = 0;    // rows of all that it lets through
  std::string cte{};  // "" of a view that is a security barrier, or of OFFSET 0
};

struct Above {
  double loops = 1;
  double processes = 1;          // parallel processes that share a partial scan
  std::optional<double> limit;   // LIMIT that can stop the scan early: the rows that it shows and those before them
  double skipped = 0;            // ... that OFFSET leaves out after they were read
  std::optional<double> top;     // LIMIT above a Sort: all is read to return these
  std::string sorted;            // ... by columns of the relation with this alias; "" when of several
  std::optional<double> joined;  // rows of the smallest join above
  std::optional<Fence> fence;
  double through = 0, kept = 0;  // so many rows look through what a subquery keeps, which is no hash table
  bool min_max = false;          // min() or max() of all rows
  bool anti = false;
  bool grouped = false;
  std::string join_condition;      // of the nearest join
  const PlanNode* heap = nullptr;  // the bitmap heap scan that an index scan works for
  int append = -1;                 // number of the nearest Append
  bool removed = false;            // partitions were pruned away for what stands for the values: the plan hides them
};

// CTEs all of whose readers keep few of its rows.
std::map<std::string, Fence> fences(const PlanNode& root);
double processes_below(const PlanNode& gather);
bool is_append(const PlanNode& node);

// The children of a node, and what stands above each.
std::vector<std::pair<const PlanNode*, Above>> below(const PlanNode& node, Above above,
                                                     const std::map<std::string, Fence>& ctes, bool generic);

}  // namespace pgvigil
