#include "checks/plans/calls.h"

#include <algorithm>
#include <array>

#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

// Not worth a question to the catalogue.
constexpr std::array<std::string_view, 40> kBuiltIn{"abs",        "array_agg",
                                                    "avg",        "btrim",
                                                    "ceil",       "clock_timestamp",
                                                    "concat",     "count",
                                                    "date_part",  "date_trunc",
                                                    "extract",    "floor",
                                                    "format",     "generate_series",
                                                    "json_agg",   "jsonb_agg",
                                                    "left",       "length",
                                                    "lower",      "max",
                                                    "md5",        "min",
                                                    "now",        "pg_sleep",
                                                    "random",     "replace",
                                                    "right",      "row_number",
                                                    "rank",       "round",
                                                    "string_agg", "substr",
                                                    "substring",  "sum",
                                                    "to_char",    "to_date",
                                                    "trim",       "unnest",
                                                    "upper",      "row_to_json"};

class Walk {
 public:
  void walk(const Json& node, int depth = 0) {
    if (depth > kDeepest || !node.is_structured()) return;
    if (node.is_object()) {
      if (const Json& f = at(node, "FuncCall"); f.is_object()) call(f);
      if (const Json& f = at(at(node, "CallStmt"), "funccall"); f.is_object()) call(f);
      for (const auto& [statement, event] :
           {std::pair("InsertStmt", "insert"), std::pair("UpdateStmt", "update"), std::pair("DeleteStmt", "delete")})
        if (const Json& s = at(node, statement); s.is_object()) write(s, event, at(s, "targetList"));
      if (const Json& s = at(node, "MergeStmt"); s.is_object())
        for (const Json& clause : at(s, "mergeWhenClauses"))
          for (const auto& [command, event] : {std::pair("CMD_INSERT", "insert"), std::pair("CMD_UPDATE", "update"),
                                               std::pair("CMD_DELETE", "delete")})
            if (const Json& when = at(clause, "MergeWhenClause"); at(when, "commandType") == command)
              write(s, event, at(when, "targetList"));
    }
    for (const Json& child : node) walk(child, depth + 1);
  }
  Calls found;

 private:
  void call(const Json& f) {
    const Json& names = at(f, "funcname");
    if (!names.is_array() || names.empty() || names.size() > 2) return;
    Called c;
    c.function = last_name(names);
    if (names.size() == 2) c.schema = text(at(names[0], "String"), "sval");
    if (at(f, "args").is_array()) c.arguments = at(f, "args").size();
    const bool known = c.schema == "pg_catalog" ||
                       (c.schema.empty() && std::find(kBuiltIn.begin(), kBuiltIn.end(), c.function) != kBuiltIn.end());
    if (!known) found.functions.push_back(std::move(c));
  }
  void write(const Json& s, std::string_view event, const Json& targets) {
    const Json &target = at(s, "relation"), &conflict = at(s, "onConflictClause");
    Written w{text(target, "schemaname"), text(target, "relname"), std::string(event)};
    if (w.relation.empty()) return;
    if (at(conflict, "action") == "ONCONFLICT_UPDATE")
      found.writes.push_back({w.schema, w.relation, "update", names(at(conflict, "targetList"))});
    if (event == "update") w.columns = names(targets);
    found.writes.push_back(std::move(w));
  }
  static std::vector<std::string> names(const Json& targets) {
    std::vector<std::string> all;
    if (targets.is_array())
      for (const Json& target : targets) all.push_back(text(at(target, "ResTarget"), "name"));
    return all;
  }
};

}  // namespace

Calls calls(std::string_view query) {
  Walk walk;
  walk.walk(parse_tree(query));
  return std::move(walk.found);
}

}  // namespace pgvigil::sql
