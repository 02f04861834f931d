#include "checks/plans/plan_tree.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pgvigil {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 500;  // nodes nested deeper are left out

std::string text(const Json& node, const char* key) {
  const auto it = node.find(key);
  return it != node.end() && it->is_string() ? it->get<std::string>() : std::string();
}
double number(const Json& node, const char* key) {
  const auto it = node.find(key);
  return it != node.end() && it->is_number() ? it->get<double>() : 0;
}
std::vector<std::string> list(const Json& node, const char* key) {
  std::vector<std::string> all;
  if (const auto it = node.find(key); it != node.end() && it->is_array())
    for (const Json& item : *it)
      if (item.is_string()) all.push_back(item.get<std::string>());
  return all;
}

PlanNode read(const Json& node, int depth, int& count) {
  PlanNode n;
  n.number = count++;
  n.type = text(node, "Node Type");
  const auto parallel = node.find("Parallel Aware");
  n.parallel = parallel != node.end() && parallel->is_boolean() && parallel->get<bool>();
  n.relationship = text(node, "Parent Relationship");
  n.subplan = text(node, "Subplan Name");
  n.schema = text(node, "Schema");
  n.relation = text(node, "Relation Name");
  n.alias = text(node, "Alias");
  n.index = text(node, "Index Name");
  n.join_type = text(node, "Join Type");
  n.strategy = text(node, "Strategy");
  n.partial_mode = text(node, "Partial Mode");
  n.operation = text(node, "Operation");
  n.function = text(node, "Function Name");
  n.cte = text(node, "CTE Name");
  n.filter = text(node, "Filter");
  n.index_condition = text(node, "Index Cond");
  if (n.index_condition.empty()) n.index_condition = text(node, "Recheck Cond");
  if (n.index_condition.empty()) n.index_condition = text(node, "TID Cond");
  for (const char* key : {"Hash Cond", "Merge Cond", "Join Filter"}) {
    const std::string condition = text(node, key);
    if (!condition.empty()) n.join_condition += (n.join_condition.empty() ? "" : " AND ") + condition;
  }
  n.output = list(node, "Output");
  n.sort_keys = list(node, "Sort Key");
  n.group_keys = list(node, "Group Key");
  n.rows = number(node, "Plan Rows");
  n.width = number(node, "Plan Width");
  n.startup_cost = number(node, "Startup Cost");
  n.total_cost = number(node, "Total Cost");
  n.workers = number(node, "Workers Planned");
  n.subplans_removed = number(node, "Subplans Removed");
  if (const auto children = node.find("Plans"); children != node.end() && children->is_array() && depth < kDeepest)
    for (const Json& child : *children)
      if (child.is_object()) n.children.push_back(read(child, depth + 1, count));
  return n;
}

}  // namespace

std::string PlanNode::title() const { return (parallel ? "Parallel " : "") + type; }

PlanTree parse_plan(std::string_view json) {
  const Json all = Json::parse(json, nullptr, false);
  if (!all.is_array() || all.empty() || !all[0].is_object() || !all[0].contains("Plan") || !all[0]["Plan"].is_object())
    throw std::invalid_argument("not a plan of EXPLAIN (FORMAT JSON)");
  PlanTree tree;
  int count = 0;
  tree.root = read(all[0]["Plan"], 0, count);
  if (const auto settings = all[0].find("Settings"); settings != all[0].end() && settings->is_object())
    for (const auto& [name, value] : settings->items())
      if (value.is_string()) tree.settings.emplace(name, value.get<std::string>());
  return tree;
}

std::string PlanNode::full_title() const {
  std::string name = title();
  if (type == "ModifyTable" && !operation.empty()) name = operation;
  if (!join_type.empty() && join_type != "Inner") name += " " + join_type;
  if (!relation.empty()) name += " on " + (schema.empty() ? "" : schema + ".") + relation;
  if (!alias.empty() && alias != relation) name += " " + alias;
  if (!index.empty()) name += " using " + index;
  if (!function.empty()) name += " on " + function + "()";
  if (!cte.empty()) name += " on " + cte;
  if (!subplan.empty()) name = subplan + ": " + name;
  return name;
}

std::vector<PlanRelation> plan_relations(const std::string& plan_json) {
  std::vector<PlanRelation> all;
  try {
    each_node(parse_plan(plan_json).root, [&](const PlanNode& node, int) {
      PlanRelation r{node.schema, node.relation};
      if (r.relation.empty()) return;
      if (std::none_of(all.begin(), all.end(),
                       [&](const PlanRelation& k) { return k.schema == r.schema && k.relation == r.relation; }))
        all.push_back(std::move(r));
    });
  } catch (const std::invalid_argument&) {
    all.clear();
  }
  return all;
}

std::string plan_shape(const std::string& plan_json) {
  std::string shape;
  try {
    each_node(parse_plan(plan_json).root, [&](const PlanNode& node, int depth) {
      shape += std::to_string(depth) + node.title();
      for (const std::string* v : {&node.join_type, &node.strategy, &node.schema, &node.relation, &node.index})
        if (!v->empty()) shape += " " + *v;
      shape += "\n";
    });
  } catch (const std::invalid_argument&) {
    shape.clear();
  }
  return shape;
}

}  // namespace pgvigil
