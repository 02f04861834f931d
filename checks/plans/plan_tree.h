// A plan of EXPLAIN (FORMAT JSON, VERBOSE) as a tree.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil {

struct PlanNode {
  int number = 0;                              // in the order EXPLAIN prints the nodes, from 0
  std::string type;                            // "Seq Scan", "Hash Join", "ModifyTable"
  bool parallel = false;                       // "Parallel Aware": its processes share the work
  std::string relationship;                    // Outer, Inner, Member, Subquery, SubPlan, InitPlan; "" for the root
  std::string subplan;                         // "SubPlan 1", "CTE recent"
  std::string schema, relation, alias, index;  // unquoted, as EXPLAIN prints them
  std::string join_type, strategy, partial_mode, operation, function, cte;
  std::string filter;           // rows are read, then dropped
  std::string index_condition;  // rows that do not match are not read; of a bitmap heap scan: its recheck
  std::string join_condition;   // of hash, merge and nested loop
  std::vector<std::string> output, sort_keys, group_keys;
  double rows = 0, width = 0, startup_cost = 0, total_cost = 0, workers = 0, subplans_removed = 0;
  std::vector<PlanNode> children;

  std::string title() const;       // "Parallel Seq Scan", "Hash Join"
  std::string full_title() const;  // "Parallel Seq Scan on public.docs d", "Index Scan on public.docs using docs_pkey"
};

struct PlanTree {
  PlanNode root;
  std::map<std::string, std::string> settings;  // planner settings that are not the default
};
// Throws std::invalid_argument when the text is no plan of EXPLAIN (FORMAT JSON).
PlanTree parse_plan(std::string_view json);

struct PlanRelation {
  std::string schema, relation;
};
// Relations a plan scans in whatever way; empty for text that is no plan.
std::vector<PlanRelation> plan_relations(const std::string& plan_json);
// Shape without costs and constants: node types, relations, indexes.
std::string plan_shape(const std::string& plan_json);

// The node and all below it, in the order of printing.
template <class Visit>
void each_node(const PlanNode& node, Visit&& visit, int depth = 0) {
  visit(node, depth);
  for (const PlanNode& child : node.children) each_node(child, visit, depth + 1);
}

}  // namespace pgvigil
