// Printing expressions over columns, in the words of CREATE INDEX.
#include <fmt/format.h>
#include <pg_query.h>

#include <array>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

// What the grammar calls a type, and what people do.
std::string type_name(const Json& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 7> people{{{"int4", "integer"},
                                                                                        {"int8", "bigint"},
                                                                                        {"int2", "smallint"},
                                                                                        {"float8", "double precision"},
                                                                                        {"float4", "real"},
                                                                                        {"bool", "boolean"},
                                                                                        {"bpchar", "char"}}};
  if (!at(type, "typmods").is_null() || !at(type, "arrayBounds").is_null()) return "";
  const std::string name = last_name(at(type, "names"));
  for (const auto& [own, known] : people)
    if (name == own) return std::string(known);
  return quote_identifier(name);
}

std::string literal(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return value.find('\\') == std::string_view::npos ? out + "'" : "";  // its meaning depends on a setting
}

class Printer {
 public:
  // "" when it cannot be printed.
  std::string print(const Json& node, int depth = 0) {
    if (!node.is_object() || depth > 20) return "";
    if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) return quote_identifier(last_name(at(ref, "fields")));
    if (const Json& c = at(node, "A_Const"); c.is_object()) return constant(c);
    if (const Json& c = at(node, "TypeCast"); c.is_object()) return cast(c, depth);
    if (const Json& call = at(node, "FuncCall"); call.is_object()) return function(call, depth);
    if (const Json& op = at(node, "A_Expr"); op.is_object()) return operation(op, depth);
    if (const Json& c = at(node, "CoalesceExpr"); c.is_object()) return arguments("COALESCE", at(c, "args"), depth);
    if (const Json& c = at(node, "CaseExpr"); c.is_object()) return choice(c, depth);
    if (const Json& m = at(node, "MinMaxExpr"); m.is_object())
      return arguments(text(m, "op") == "IS_LEAST" ? "LEAST" : "GREATEST", at(m, "args"), depth);
    return "";
  }
  std::vector<std::string> functions;

 private:
  static std::string constant(const Json& c) {
    if (const Json& s = at(c, "sval"); s.is_object()) return literal(text(s, "sval"));
    if (const Json& i = at(c, "ival"); i.is_object()) return std::to_string(i.value("ival", 0));
    if (const Json& f = at(c, "fval"); f.is_object()) return text(f, "fval");
    if (const Json& b = at(c, "boolval"); b.is_object()) return b.value("boolval", false) ? "true" : "false";
    return "";
  }
  std::string cast(const Json& c, int depth) {
    const std::string inner = print(at(c, "arg"), depth + 1), type = type_name(at(c, "typeName"));
    if (inner.empty() || type.empty()) return "";
    functions.push_back("::" + type);
    return fmt::format("({})::{}", inner, type);
  }
  std::string arguments(std::string_view name, const Json& args, int depth) {
    std::string list;
    if (args.is_array())
      for (const Json& arg : args) {
        const std::string one = print(arg, depth + 1);
        if (one.empty()) return "";
        list += (list.empty() ? "" : ", ") + one;
      }
    functions.emplace_back(name);
    return fmt::format("{}({})", name, list);
  }
  std::string choice(const Json& c, int depth) {
    std::string out = "CASE";
    const auto add = [&](const char* word, const Json& part) {
      const std::string one = print(part, depth + 1);
      out = one.empty() || out.empty() ? "" : fmt::format("{} {} {}", out, word, one);
    };
    if (!at(c, "arg").is_null()) add("", at(c, "arg"));
    if (!at(c, "args").is_array()) return "";
    for (const Json& arm : at(c, "args")) {
      add("WHEN", at(at(arm, "CaseWhen"), "expr"));
      add("THEN", at(at(arm, "CaseWhen"), "result"));
    }
    if (!at(c, "defresult").is_null()) add("ELSE", at(c, "defresult"));
    return out.empty() ? "" : out + " END";
  }
  std::string function(const Json& call, int depth) {
    for (const char* special : {"agg_order", "agg_filter", "over", "agg_star", "agg_distinct", "func_variadic"})
      if (!at(call, special).is_null()) return "";
    const std::string name = last_name(at(call, "funcname"));
    const Json& args = at(call, "args");
    if (name == "extract" && args.is_array() && args.size() == 2) {  // the only one whose arguments are words
      const std::string field = text(at(at(args[0], "A_Const"), "sval"), "sval"), of = print(args[1], depth + 1);
      if (field.empty() || of.empty()) return "";
      functions.push_back(name);
      return fmt::format("EXTRACT({} FROM {})", field, of);
    }
    std::string qualified;
    for (const Json& part : at(call, "funcname")) {
      const std::string word = text(at(part, "String"), "sval");
      if (word != "pg_catalog") qualified += (qualified.empty() ? "" : ".") + quote_identifier(word);
    }
    return arguments(qualified, args, depth);
  }
  std::string operation(const Json& op, int depth) {
    const std::string kind = text(op, "kind"), name = last_name(at(op, "name"));
    const std::string left = print(at(op, "lexpr"), depth + 1), right = print(at(op, "rexpr"), depth + 1);
    if (right.empty() || (left.empty() && !at(op, "lexpr").is_null())) return "";
    if (kind == "AEXPR_NULLIF") return functions.emplace_back("NULLIF"), fmt::format("NULLIF({}, {})", left, right);
    if (kind != "AEXPR_OP") return "";
    functions.push_back(name);
    return left.empty() ? fmt::format("({} {})", name, right) : fmt::format("({} {} {})", left, name, right);
  }
};

}  // namespace

const Json& at(const Json& node, const char* key) {
  static const Json none;
  if (!node.is_object()) return none;
  const auto it = node.find(key);
  return it == node.end() ? none : *it;
}

std::string text(const Json& node, const char* key) {
  const Json& v = at(node, key);
  return v.is_string() ? v.get<std::string>() : std::string();
}

std::string last_name(const Json& names) {
  return names.is_array() && !names.empty() ? text(at(names.back(), "String"), "sval") : std::string();
}

Json parse_tree(std::string_view query) {
  if (!parsable(query)) return {};
  const PgQueryParseResult result = pg_query_parse(std::string(query).c_str());
  Json tree;
  if (result.error == nullptr && result.parse_tree != nullptr) tree = Json::parse(result.parse_tree, nullptr, false);
  pg_query_free_parse_result(result);
  return tree.is_object() && tree.contains("stmts") ? tree : Json();
}

std::optional<Expression> expression(const Json& node) {
  Printer printer;
  Expression e{printer.print(node), {}, node.contains("FuncCall")};
  if (e.text.empty()) return std::nullopt;
  if (node.contains("CoalesceExpr") || node.contains("MinMaxExpr")) e.call = true;
  e.functions = std::move(printer.functions);
  if (!e.call && e.text.front() == '(' && node.contains("A_Expr")) e.text = e.text.substr(1, e.text.size() - 2);
  if (!e.call) e.text = "(" + e.text + ")";
  return e;
}

}  // namespace pgvigil::sql
