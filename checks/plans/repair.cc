#include "checks/plans/repair.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <set>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {
namespace {

// integer, text, numeric, timestamptz, interval, date, boolean, jsonb; then arrays of integer and text.
constexpr std::array<unsigned, 10> kTypes{23, 25, 1700, 1184, 1186, 1082, 16, 3802, 1007, 1009};
constexpr std::array<unsigned, 10> kArraysFirst{1007, 1009, 1016, 23, 25, 1700, 1184, 1186, 1082, 16};
constexpr unsigned kText = 25;
constexpr std::size_t kMostParameters = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t number_at(std::string_view text, std::size_t at) {
  std::size_t n = 0;
  std::from_chars(text.data() + at + 1, text.data() + text.size(), n);
  return n;
}

// Calls for each $n with its place.
template <class Visit>
void each_parameter(std::string_view text, Visit&& visit) {
  for (auto at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1))
    if (at + 1 < text.size() && is_digit(text[at + 1]))
      if (const std::size_t n = number_at(text, at); n > 0 && n <= kMostParameters) visit(at, n);
}

std::vector<unsigned> fresh_types(std::string_view text) {
  std::vector<unsigned> types;
  std::set<std::size_t> used;
  each_parameter(text, [&](std::size_t, std::size_t n) { used.insert(n); });
  if (!used.empty()) types.assign(*used.rbegin(), kText);  // one that is not used has to be told
  for (const std::size_t n : used) types[n - 1] = 0;
  return types;
}

// The parser's own spelling: `interval $1` comes out as a cast.
std::string printed(const std::string& text) {
  if (!parsable(text)) return text;
  const PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(text.c_str());
  std::string out = text;
  if (parsed.error == nullptr) {
    const PgQueryDeparseResult again = pg_query_deparse_protobuf(parsed.parse_tree);
    if (again.error == nullptr && again.query != nullptr) out = again.query;
    pg_query_free_deparse_result(again);
  }
  pg_query_free_protobuf_parse_result(parsed);
  return out;
}

// EXTRACT($1 FROM x): which field does not matter to the plan.
std::string with_field(std::string text) {
  const auto lower = [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); };
  constexpr std::string_view word = "extract";
  for (std::size_t at = 0; at + word.size() < text.size(); ++at) {
    if (!std::equal(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                    [&](char a, char b) { return a == lower(b); }))
      continue;
    std::size_t p = text.find_first_not_of(" \t\r\n", at + word.size());
    if (p == std::string::npos || text[p] != '(') continue;
    p = text.find_first_not_of(" \t\r\n", p + 1);
    if (p == std::string::npos || text[p] != '$') continue;
    std::size_t end = p + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    text.replace(p, end - p, "epoch");
  }
  return text;
}

std::size_t byte_of(std::string_view text, std::size_t character) {
  std::size_t at = 0;
  for (std::size_t n = 1; n < character && at < text.size(); ++n) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

// Every node of the tree as its name and its content.
void each_tree_node(const Json& node, int depth, const std::function<void(const std::string&, const Json&)>& visit) {
  if (depth > kDeepest || !node.is_structured()) return;
  if (node.is_object())
    for (const auto& [name, child] : node.items()) {
      if (child.is_object()) visit(name, child);
      each_tree_node(child, depth + 1, visit);
    }
  else
    for (const Json& child : node) each_tree_node(child, depth + 1, visit);
}

// Parameters whose type this value takes, or lends: not those within calls, conditions and subqueries of their own.
void lenders(const Json& node, int depth, std::set<std::size_t>& found) {
  if (depth > 50 || !node.is_structured()) return;
  if (node.is_array()) {
    for (const Json& item : node) lenders(item, depth + 1, found);
    return;
  }
  if (const Json& p = at(node, "ParamRef"); p.is_object()) {
    if (const auto n = at(p, "number"); n.is_number_unsigned() || n.is_number_integer())
      found.insert(n.get<std::size_t>());
    return;
  }
  if (const Json& e = at(node, "A_Expr"); e.is_object())
    return lenders(at(e, "lexpr"), depth + 1, found), lenders(at(e, "rexpr"), depth + 1, found);
  if (const Json& c = at(node, "CaseExpr"); c.is_object()) {
    for (const Json& when : at(c, "args")) lenders(at(at(when, "CaseWhen"), "result"), depth + 1, found);
    return lenders(at(c, "defresult"), depth + 1, found);
  }
  for (const auto& [kind, list] : {std::pair("CoalesceExpr", "args"),
                                   {"MinMaxExpr", "args"},
                                   {"A_ArrayExpr", "elements"},
                                   {"RowExpr", "args"},
                                   {"List", "items"}})
    if (const Json& n = at(node, kind); n.is_object()) return lenders(at(n, list), depth + 1, found);
}

struct Complained {
  std::vector<std::size_t> parameters;
  bool of_arrays = false;
};

// The parameters that can have to do with a complaint at this place.
Complained about(const std::string& text, std::size_t position) {
  Complained out;
  const std::size_t place = byte_of(text, position);
  if (place < text.size() && text[place] == '$') {
    out.parameters.push_back(number_at(text, place));
    return out;
  }
  const Json tree = parse_tree(text);
  std::set<std::size_t> found;
  each_tree_node(tree, 0, [&](const std::string& name, const Json& node) {
    const Json& location = at(node, "location");
    if (!location.is_number() || location.get<std::size_t>() != place) return;
    if (name == "FuncCall") {
      const std::string function = last_name(at(node, "funcname"));
      out.of_arrays = function == "unnest" || function.starts_with("array_") || function == "cardinality";
      lenders(at(node, "args"), 0, found);
    } else if (name == "A_Expr") {
      lenders(at(node, "lexpr"), 0, found);
      lenders(at(node, "rexpr"), 0, found);
    } else {
      lenders(Json{{name, node}}, 0, found);
    }
  });
  out.parameters.assign(found.begin(), found.end());
  return out;
}

// Parameters that stand alone in VALUES, arrays and select lists: nothing there tells the server what they are, and it
// takes them for text.
std::vector<std::size_t> bare_values(const std::string& text, const std::vector<unsigned>& types) {
  std::set<std::size_t> found;
  const auto take = [&](const Json& value) {
    const Json& number = at(at(value, "ParamRef"), "number");
    if (number.is_number()) found.insert(number.get<std::size_t>());
  };
  each_tree_node(parse_tree(text), 0, [&](const std::string& name, const Json& node) {
    if (name == "ResTarget") take(at(node, "val"));
    for (const char* list : {"items", "elements"})
      if ((name == "List" || name == "A_ArrayExpr") && at(node, list).is_array())
        for (const Json& item : at(node, list)) take(item);
  });
  std::vector<std::size_t> out;
  for (const std::size_t n : found)
    if (n > 0 && n <= types.size() && std::find(kTypes.begin(), kTypes.end(), types[n - 1]) == kTypes.end())
      out.push_back(n);
  return out;
}

// Without places, and with every parameter and constant alike.
Json shape(const Json& node, int depth = 0) {
  if (depth > kDeepest || !node.is_structured()) return node;
  if (node.is_array()) {
    Json out = Json::array();
    for (const Json& item : node) out.push_back(shape(item, depth + 1));
    return out;
  }
  if (node.contains("ParamRef") || node.contains("A_Const")) return "value";
  Json out;
  for (const auto& [key, child] : node.items())
    if (key != "location") out[key] = shape(child, depth + 1);
  return out;
}

// The parameters and constants of an expression, in order: "$1" or a literal.
void values(const Json& node, std::vector<std::string>& out, int depth = 0) {
  if (depth > kDeepest || !node.is_structured()) return;
  if (node.is_object() && node.contains("ParamRef")) {
    out.push_back(fmt::format("${}", at(at(node, "ParamRef"), "number").get<std::size_t>()));
    return;
  }
  if (node.is_object() && node.contains("A_Const")) {
    const auto literal = expression(node);
    out.push_back(literal ? literal->text.substr(1, literal->text.size() - 2) : std::string());
    return;
  }
  for (const Json& child : node) values(child, out, depth + 1);
}

}  // namespace

Repair::Repair(std::string text) : text_(std::move(text)), types_(fresh_types(text_)) {}

std::string Repair::what() const {
  std::string out = respelled_ ? "spelt as the parser prints it" : "";
  if (unified_) out += std::string(out.empty() ? "" : ", ") + "copies of one literal made one parameter";
  if (!tried_.empty()) out += std::string(out.empty() ? "" : ", ") + "types given to parameters";
  return out;
}

bool Repair::after(const Complaint& c) {
  if (types_.empty()) return false;
  if (c.sqlstate == "42601") return respell();
  if ((c.sqlstate == "42803" || c.sqlstate == "42P10") && unify()) return true;
  if (const auto named = c.message.find('$'); c.sqlstate == "42P18" && named != std::string::npos) {
    const std::size_t n = number_at(c.message, named);
    if (n == 0 || n > types_.size() || types_[n - 1] != 0) return false;
    types_[n - 1] = kText;
    ++tried_[{n}];
    return true;
  }
  static constexpr std::array<std::string_view, 6> of_types{"42725", "42883", "42804", "42846", "42P18", "42803"};
  if (std::find(of_types.begin(), of_types.end(), c.sqlstate) == of_types.end()) return false;
  Complained on;
  if (c.position != 0) on = about(text_, c.position);
  const std::vector<std::size_t> bare = bare_values(text_, types_);
  const auto before = tried_.find(on.parameters);
  if (on.parameters.empty()) {
    on.parameters = bare;
  } else if (before != tried_.end() && !bare.empty() && bare != on.parameters) {
    // One type did not help: the other side may be at fault, a column made of a bare value.
    for (const std::size_t n : on.parameters) types_[n - 1] = kTypes.front();
    before->second = 1;
    on.parameters = bare;
  }
  std::erase_if(on.parameters, [&](std::size_t n) { return n == 0 || n > types_.size(); });
  return !on.parameters.empty() && retype(on.parameters, on.of_arrays);
}

bool Repair::respell() {
  if (respelled_) return false;
  respelled_ = true;
  std::string again = with_field(printed(with_field(text_)));
  if (again == text_) return false;
  text_ = std::move(again);
  return true;
}

// GROUP BY date_trunc($4, t) of SELECT date_trunc($1, t): normalising made two parameters of one literal.
bool Repair::unify() {
  if (unified_) return false;
  std::map<std::string, std::string> same;  // "$4" -> "$1"
  each_tree_node(parse_tree(text_), 0, [&](const std::string& name, const Json& select) {
    if (name != "SelectStmt") return;
    for (const char* clause : {"groupClause", "sortClause"})
      for (const Json& item : at(select, clause)) {
        const Json& copy = item.contains("SortBy") ? at(at(item, "SortBy"), "node") : item;
        if (!copy.is_object() || copy.contains("ColumnRef") || copy.contains("A_Const")) continue;
        for (const Json& target : at(select, "targetList")) {
          const Json& original = at(at(target, "ResTarget"), "val");
          if (shape(original) != shape(copy)) continue;
          std::vector<std::string> a, b;
          values(original, a);
          values(copy, b);
          for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
            if (a[i] == b[i] || a[i].empty() || b[i].empty()) continue;
            if (b[i][0] == '$')
              same.emplace(b[i], a[i]);
            else if (a[i][0] == '$')
              same.emplace(a[i], b[i]);
          }
        }
      }
  });
  if (same.empty()) return false;
  unified_ = true;
  std::string out;
  std::size_t from = 0;
  each_parameter(text_, [&](std::size_t at, std::size_t n) {
    const std::string name = fmt::format("${}", n);
    const auto other = same.find(name);
    if (other == same.end()) return;
    out += text_.substr(from, at - from) + other->second;
    from = at + name.size();
  });
  text_ = out + text_.substr(from);
  const auto before = types_;
  types_ = fresh_types(text_);
  for (std::size_t i = 0; i < std::min(before.size(), types_.size()); ++i)
    if (types_[i] == 0) types_[i] = before[i];
  types_.resize(before.size(), kText);
  return true;
}

bool Repair::retype(const std::vector<std::size_t>& parameters, bool arrays_first) {
  std::size_t& next = tried_[parameters];
  const auto& candidates = arrays_first ? kArraysFirst : kTypes;
  if (next >= candidates.size()) return false;
  for (const std::size_t n : parameters) types_[n - 1] = candidates[next];
  ++next;
  return true;
}

}  // namespace pgvigil::sql
