#include "checks/plans/sql_values.h"

#include <algorithm>
#include <set>

namespace pgvigil::sql {
namespace {

bool holds(const Json& node, const char* type, int depth = 0) {
  if (depth > kDeepest || !node.is_structured()) return false;
  if (node.is_object() && node.contains(type)) return true;
  return std::any_of(node.begin(), node.end(), [&](const Json& child) { return holds(child, type, depth + 1); });
}

// Where the value of a pattern begins: that of '%' || $1 || '%', upper('%x%'), LIKE '%x%' ESCAPE '!'.
const Json& leftmost(const Json& pattern) {
  const Json* node = &pattern;
  while (node->is_object()) {
    if (node->contains("TypeCast")) {
      node = &at(at(*node, "TypeCast"), "arg");
    } else if (const Json& op = at(*node, "A_Expr"); last_name(at(op, "name")) == "||") {
      node = &at(op, "lexpr");
    } else if (const Json& args = at(at(*node, "FuncCall"), "args"); args.is_array() && !args.empty()) {
      static const std::set<std::string, std::less<>> first_leads{"like_escape", "lower", "upper", "concat"};
      if (!first_leads.contains(last_name(at(at(*node, "FuncCall"), "funcname")))) break;
      node = &args[0];
    } else {
      break;
    }
  }
  return *node;
}

}  // namespace

ColumnUse::With value_of(const Json& node) {
  using enum ColumnUse::With;
  const Json* value = &node;
  while (value->is_object() && value->contains("TypeCast")) value = &at(at(*value, "TypeCast"), "arg");
  if (value->is_object() && value->contains("ParamRef")) return parameter;
  if (value->is_object() && value->contains("SQLValueFunction")) return now;
  if (const std::string name = last_name(at(at(*value, "FuncCall"), "funcname")); !name.empty())
    return name == "now" || name.ends_with("_timestamp") ? now : other;
  for (const char* moving : {"FuncCall", "SQLValueFunction", "SubLink", "ColumnRef"})
    if (holds(node, moving)) return other;
  if (holds(node, "ParamRef")) return parameter;
  return node.is_structured() && !node.empty() ? constant : other;
}

std::string called(const Json& node, int depth) {
  if (depth > kDeepest || !node.is_structured() || (node.is_object() && node.contains("SubLink"))) return "";
  if (node.is_object() && node.contains("FuncCall")) return last_name(at(at(node, "FuncCall"), "funcname"));
  for (const Json& child : node)
    if (std::string name = called(child, depth + 1); !name.empty()) return name;
  return "";
}

std::string pattern_kind(const Json& right, bool regular_expression) {
  const Json* node = &leftmost(right);
  const std::string pattern = text(at(at(*node, "A_Const"), "sval"), "sval");
  if (pattern.empty()) return "";
  if (regular_expression) return pattern[0] == '^' ? "regex prefix" : "regex";
  return pattern[0] == '%' || pattern[0] == '_' ? "infix" : "prefix";
}

std::string printed_constant(const Json& node) {
  if (value_of(node) != ColumnUse::With::constant) return "";
  const Json& items = at(at(node, "List"), "items");
  std::string out;
  for (const Json& item : items.is_array() ? items : Json::array({node})) {
    const auto value = expression(item);
    if (!value || value->call) return "";
    out += (out.empty() ? "" : ", ") + value->text.substr(1, value->text.size() - 2);  // without its parentheses
  }
  return items.is_array() ? "(" + out + ")" : out;
}

}  // namespace pgvigil::sql
