#include "checks/plans/burden.h"

#include <fmt/format.h>

#include <stdexcept>

#include "checks/plans/calls.h"
#include "checks/plans/plan_tree.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double many_pairs = 1e6, many_rows = 1e5;

std::string rows(double n) { return words::count(n) + (n == 1 ? " row" : " rows"); }

// May the outer row choose what the inner side reads? What is kept, or read by workers, is the same for each.
bool chosen(const PlanNode& n) {
  return n.type != "Materialize" && n.type != "Gather" && n.type != "Seq Scan" && n.type != "CTE Scan" &&
         n.type != "Values Scan" && !(n.type.starts_with("Index") && n.index_condition.empty());
}

std::optional<Burden> pairs(const PlanNode& n) {
  if (n.type != "Nested Loop" || n.children.size() != 2 || n.join_type == "Semi" || n.join_type == "Anti")
    return std::nullopt;
  const PlanNode &outer = n.children[0], &inner = n.children[1];
  if (outer.rows * inner.rows < many_pairs || chosen(inner)) return std::nullopt;
  if (n.join_condition.find(" = ") != std::string::npos) return std::nullopt;
  return Burden{fmt::format("its join {} each of {} with each of {}, since no equality joins them",
                            n.join_condition.empty() ? "combines" : "compares", rows(outer.rows), rows(inner.rows)),
                "a condition that joins them by equality: is one forgotten?"};
}

std::optional<Burden> recursion(const PlanNode& n) {
  if (n.type != "Recursive Union") return std::nullopt;
  return Burden{"it recurses, and no plan tells how often: with UNION ALL it never ends where the data go in a circle",
                "UNION instead of UNION ALL, a CYCLE clause, or a limit to the depth"};
}

std::optional<Burden> whole(const PlanNode& n) {
  if (n.type != "Seq Scan" || !n.filter.empty() || n.rows < many_rows) return std::nullopt;
  return Burden{fmt::format("each execution reads all of {}, and needs it", n.schema + "." + n.relation),
                "a total that is kept (a summary table, a materialized view), or fewer calls"};
}

}  // namespace

std::optional<Burden> burden(const std::string& plan_json, std::string_view text) {
  PlanNode root;
  try {
    root = parse_plan(plan_json).root;
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
  std::optional<Burden> found;
  bool reads = false;
  each_node(root, [&](const PlanNode& n, int) {
    if (!found) found = recursion(n);
    if (!found) found = pairs(n);
    reads = reads || !n.relation.empty();
  });
  each_node(root, [&](const PlanNode& n, int) { found = found ? found : whole(n); });
  if (found || reads) return found;
  std::vector<std::string> functions;
  for (const sql::Called& c : sql::calls(text).functions)
    functions.push_back((c.schema.empty() ? "" : c.schema + ".") + c.function);
  if (functions.empty()) return std::nullopt;
  const std::string names = words::list(functions, 3);
  return Burden{"its text reads no table: the time goes into " + names, "look at the body of " + names};
}

}  // namespace pgvigil
