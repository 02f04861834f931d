// Taking the query's values out of a plan before it leaves this room.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/pg/explain.h"
#include "checks/plans/sql.h"

namespace pgvigil::pg {
namespace {

using nlohmann::json;

// Strings that are words of PostgreSQL or names of objects. Whatever else a version may add is treated as an
// expression.
constexpr std::array<std::string_view, 20> kNames{"Node Type",
                                                  "Parent Relationship",
                                                  "Strategy",
                                                  "Partial Mode",
                                                  "Operation",
                                                  "Join Type",
                                                  "Scan Direction",
                                                  "Index Name",
                                                  "Schema",
                                                  "Relation Name",
                                                  "Alias",
                                                  "Subplan Name",
                                                  "CTE Name",
                                                  "Function Name",
                                                  "Command",
                                                  "Tuplestore Name",
                                                  "Table Function Name",
                                                  "Custom Plan Provider",
                                                  "Trigger Name",
                                                  "Cache Mode"};

void blank(json& node, bool expression) {
  if (node.is_string()) {
    if (expression) node = sql::blank_literals(node.get_ref<const std::string&>());
  } else if (node.is_array()) {
    for (json& item : node) blank(item, expression);
  } else if (node.is_object()) {
    for (auto& [key, value] : node.items())
      if (key != "Settings")  // of the planner, not of the query
        blank(value, std::find(kNames.begin(), kNames.end(), key) == kNames.end());
  }
}

}  // namespace

std::string blank_plan(const std::string& text) {
  std::string valid;
  decode_cell(Cell(text), valid);
  json plan = json::parse(valid, nullptr, false);
  if (!plan.is_array() || plan.empty() || !plan[0].is_object() || !plan[0].contains("Plan")) return {};
  blank(plan, true);
  return plan.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace pgvigil::pg
