// How a query compares the columns of what it reads.
#include <algorithm>
#include <map>
#include <utility>

#include "checks/plans/sql_values.h"
#include "checks/plans/sql_walk.h"

namespace pgvigil::sql {

Walk::Side Walk::side(const Json& node, const Scope& scope) {
  Side s;
  if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) {
    s.column = resolve(ref, scope);
    return s;
  }
  if (const Json& collate = at(node, "CollateClause"); collate.is_object()) {
    s = side(at(collate, "arg"), scope);
    s.collation = last_name(at(collate, "collname"));
    return s;
  }
  const std::vector<Field> inside = fields(node, scope);
  if (inside.empty()) {
    // A column that could not be placed is no constant.
    s.constant = !has_column_ref(node);
    if (s.constant && node.is_object() && node.contains("TypeCast") &&
        at(at(node, "TypeCast"), "arg").contains("CollateClause"))
      s.collation = last_name(at(at(at(at(node, "TypeCast"), "arg"), "CollateClause"), "collname"));
    return s;
  }
  s.column = inside.front();
  const bool one_relation =
      std::all_of(inside.begin(), inside.end(), [&](const Field& f) { return f.relation == inside.front().relation; });
  if (one_relation) s.computed = expression(node);
  s.wrapped = How::other;
  if (const Json& cast = at(node, "TypeCast"); cast.is_object()) {
    s.wrapped = How::cast;
    s.detail = last_name(at(at(cast, "typeName"), "names"));
  } else if (const Json& call = at(node, "FuncCall"); call.is_object()) {
    s.wrapped = How::function;
    s.detail = last_name(at(call, "funcname"));
  } else if (node.contains("CoalesceExpr")) {
    s.wrapped = How::function;
    s.detail = "coalesce";
  } else if (node.contains("CaseExpr")) {
    s.wrapped = How::function;
    s.detail = "CASE";
  } else if (const Json& op = at(node, "A_Expr"); op.is_object()) {
    s.wrapped = How::function;
    s.detail = last_name(at(op, "name"));
  }
  return s;
}

void Walk::use(const Field& f, How how, std::string detail) {
  Side s;
  s.column = f;
  use(s, how, std::move(detail));
}

// A boolean column as a condition.
void Walk::flag(const Field& f) {
  Side s;
  s.column = f;
  s.with = ColumnUse::With::constant;
  use(s, How::equal, "boolean");
}

void Walk::use(const Side& s, How how, std::string detail) {
  ColumnUse u{quote_identifier(s.column->column), how, std::move(detail)};
  u.collation = s.collation;
  u.called = s.called;
  u.with = s.with;
  if (s.wrapped) {
    u.compared = how;
    u.compared_detail = std::move(u.detail);
    u.how = *s.wrapped;
    u.detail = s.detail;
    if (s.computed) {
      u.expression = s.computed->text;
      u.functions = s.computed->functions;
    }
  }
  if (apart(s.column->relation)) return apart_->emplace_back(s.column->relation, std::move(u)), void();
  auto& list = how == How::sort || how == How::group ? sorts_[s.column->relation] : found_[s.column->relation].uses;
  list.push_back(std::move(u));
}

namespace {

// 5 < a is a > 5.
std::string turned(const std::string& detail) {
  return detail == "below" ? "above" : detail == "above" ? "below" : detail;
}

}  // namespace

void Walk::compare(const Json& left, const Json& right, const Scope& scope, How how, const std::string& detail) {
  Side l = side(left, scope), r = side(right, scope);
  if (l.column && r.column) {
    const bool same = l.column->relation == r.column->relation;
    for (const Side& s : {l, r})
      use(s, same ? How::other : how == How::equal ? How::join : how, s.wrapped ? detail : "");
    return;
  }
  if (l.collation.empty()) l.collation = r.collation;
  if (r.collation.empty()) r.collation = l.collation;
  if (l.column) l.called = called(right), l.with = value_of(right);
  if (r.column) r.called = called(left), r.with = value_of(left);
  for (const auto& [s, opposite] : {std::pair(&l, &r), std::pair(&r, &l)})
    if (s->column)
      use(*s, opposite->constant ? how : how == How::equal ? How::join : how, s == &l ? detail : turned(detail));
}

namespace {

bool is_container_operator(std::string_view op) {
  for (const char* known : {"@>",  "<@", "?",  "?|",  "?&", "&&", "@@", "@?",  "<<",  ">>", "<<=",
                            ">>=", "&<", "&>", "-|-", "%",  "%>", "<%", "%>>", "<<%", "@"})
    if (op == known) return true;
  return false;
}

}  // namespace

void Walk::comparison(const Json& a, const Scope& scope, bool conjunct) {
  const std::string type = text(a, "kind"), op = last_name(at(a, "name"));
  const Json &left = at(a, "lexpr"), &right = at(a, "rexpr");
  How how = How::other;
  std::string detail;
  if ((type == "AEXPR_OP" && op == "=") || type == "AEXPR_NOT_DISTINCT") {
    how = How::equal;
    if (type == "AEXPR_NOT_DISTINCT") detail = "not distinct";
  } else if (type == "AEXPR_OP" && (op == "<" || op == ">" || op == "<=" || op == ">=")) {
    how = How::range;
    detail = op[0] == '<' ? "below" : "above";
  } else if ((type == "AEXPR_IN" || type == "AEXPR_OP_ANY") && op == "=") {
    how = How::in_list;
  } else if (type == "AEXPR_BETWEEN" || type == "AEXPR_BETWEEN_SYM") {
    how = How::range;
    detail = "between";
  } else if ((type == "AEXPR_LIKE" && op == "~~") || (type == "AEXPR_ILIKE" && op == "~~*") ||
             (type == "AEXPR_OP" && (op == "~" || op == "~*" || op == "~~" || op == "~~*"))) {
    how = How::like;
    detail = op == "~~*" ? "ilike" : op == "~*" ? "regex" : pattern_kind(right, op == "~");
  } else if (type == "AEXPR_OP" && op == "^@") {
    how = How::like;
    detail = "starts";
  } else if (type == "AEXPR_OP" && is_container_operator(op)) {
    how = How::contains;
    detail = op;
  }
  if (how == How::in_list && type == "AEXPR_OP_ANY")
    if (const Side l = side(left, scope), r = side(right, scope); !l.column && r.column && !r.wrapped)
      return use(r, conjunct ? How::contains : How::other, "any");  // $1 = ANY (tags)
  if (!conjunct || how == How::other) {
    if (conjunct && negation(a, scope)) return;
    others(left, scope);
    others(right, scope);
    return;
  }
  const Json &l_row = at(at(left, "RowExpr"), "args"), &r_row = at(at(right, "RowExpr"), "args");
  if (l_row.is_array() && how == How::in_list) {
    for (const Json& item : l_row) compare(item, Json(), scope, how, detail);
  } else if (l_row.is_array() && r_row.is_array() && l_row.size() == r_row.size()) {
    for (std::size_t i = 0; i < l_row.size(); ++i) {
      const bool beyond = how == How::range && i > 0;
      compare(l_row[i], r_row[i], scope, beyond ? How::other : how, beyond ? "" : detail);
    }
  } else {
    compare(left, right, scope, how, detail);
  }
}

// What a column is not: where that leaves few rows, an index of these alone is small.
bool Walk::negation(const Json& a, const Scope& scope) {
  static const std::map<std::string, std::string, std::less<>> words{
      {"AEXPR_OP", "<>"}, {"AEXPR_IN", "NOT IN"}, {"AEXPR_DISTINCT", "IS DISTINCT FROM"}};
  const auto word = words.find(text(a, "kind"));
  if (word == words.end() || (last_name(at(a, "name")) != "<>" && word->first != "AEXPR_DISTINCT")) return false;
  const Side l = side(at(a, "lexpr"), scope);
  const std::string value = printed_constant(at(a, "rexpr"));
  if (!l.column || l.wrapped || value.empty()) return false;
  never(*l.column, word->second + " " + value);
  return true;
}

void Walk::never(const Field& f, const std::string& what) {
  ColumnUse u{quote_identifier(f.column), How::other};
  u.with = ColumnUse::With::constant;
  u.negation = u.column + " " + what;
  if (apart(f.relation)) return apart_->emplace_back(f.relation, std::move(u)), void();
  found_[f.relation].uses.push_back(std::move(u));
}

// NOT (a = 1), NOT (a IN (1, 2)): the server turns the operator around.
bool Walk::no_longer(const Json& negated, const Scope& scope) {
  const Json& a = at(negated, "A_Expr");
  const std::string type = text(a, "kind");
  if ((type != "AEXPR_OP" && type != "AEXPR_IN") || last_name(at(a, "name")) != "=") return false;
  Json turned = a;
  turned["name"] = Json::array({{{"String", {{"sval", "<>"}}}}});
  return negation(turned, scope);
}

// `a = 1 OR a = 2` is a list of values of one column.
bool Walk::same_column_everywhere(const Json& alternatives, const Scope& scope) {
  std::optional<Field> column;
  auto with = ColumnUse::With::constant;
  for (const Json& item : alternatives) {
    const Json& a = at(item, "A_Expr");
    if (text(a, "kind") != "AEXPR_OP" || last_name(at(a, "name")) != "=") return false;
    const Side l = side(at(a, "lexpr"), scope), r = side(at(a, "rexpr"), scope);
    if (!l.column || l.wrapped || !r.constant) return false;
    if (column && (column->relation != l.column->relation || column->column != l.column->column)) return false;
    column = l.column;
    if (const auto one = value_of(at(a, "rexpr")); one != with) with = one;
  }
  Side s;
  s.column = column;
  s.with = with;
  if (column) use(s, How::in_list);
  return column.has_value();
}

// a = $1 OR b = $2: each arm on its own. An arm without a column, as in $1 IS NULL OR a = $1, makes the rest optional.
void Walk::either(const Json& alternatives, const Scope& scope) {
  std::vector<std::vector<std::pair<std::size_t, ColumnUse>>> arms;
  bool optional = false;
  auto* const outer = apart_;
  const std::size_t outer_below = std::exchange(apart_below_, kAll);
  for (const Json& arm : alternatives) {
    if (!has_column_ref(arm) && !arm.contains("SubLink")) {
      optional = true;
      continue;
    }
    apart_ = &arms.emplace_back();
    condition(arm, scope, true);
    apart_ = outer;
  }
  apart_below_ = outer_below;
  for (const auto& arm : arms)
    for (const auto& [relation, u] : arm) found_[relation].has_or = true;
  const auto record = [&](std::size_t relation, ColumnUse u) {
    if (apart(relation)) return apart_->emplace_back(relation, std::move(u)), void();
    found_[relation].uses.push_back(std::move(u));
  };
  if (optional && arms.size() == 1) {
    for (auto& [relation, u] : arms[0]) {
      found_[relation].has_or = false;
      found_[relation].optional = true;
      record(relation, std::move(u));
    }
    return;
  }
  bool one_relation = !arms.empty() && outer == nullptr;
  for (const auto& arm : arms)
    one_relation = one_relation && !arm.empty() &&
                   std::all_of(arm.begin(), arm.end(), [&](const auto& u) { return u.first == arms[0][0].first; });
  if (one_relation && !optional)
    for (const auto& arm : arms) {
      auto& uses = found_[arm[0].first].either.emplace_back();
      for (const auto& [relation, u] : arm) uses.push_back(u);
    }
  for (auto& arm : arms)
    for (auto& [relation, u] : arm) {
      if (u.how != How::function && u.how != How::cast) u.how = How::other;
      u.compared = How::other;
      u.negation.clear();
      record(relation, std::move(u));
    }
}

void Walk::sublink(const Json& s, const Scope& scope, bool conjunct) {
  const std::size_t first = found_.size(), below = apart_below_;
  apart_below_ = std::min(below, first);
  const Output out = query(at(s, "subselect"), &scope);
  const bool one_list = conjunct && text(s, "subLinkType") == "ANY_SUBLINK" && out.columns.size() == 1;
  if (const Json& test = at(s, "testexpr"); !test.is_null()) {
    const Side t = side(test, scope);
    if (t.column) use(t, conjunct ? How::join : How::other);
    if (one_list && t.column && out.columns.begin()->second.relation >= first)
      use(out.columns.begin()->second, How::join);
  }
  apart_below_ = below;
}

void Walk::condition(const Json& node, const Scope& scope, bool conjunct) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest || !node.is_object()) return;
  if (const Json& b = at(node, "BoolExpr"); b.is_object()) {
    const std::string op = text(b, "boolop");
    const Json& args = at(b, "args");
    if (!args.is_array()) return;
    if (op == "OR_EXPR" && conjunct) {
      if (!same_column_everywhere(args, scope)) either(args, scope);
      return;
    }
    if (op == "OR_EXPR")
      for (const Field& f : fields(args, scope)) found_[f.relation].has_or = true;
    if (op == "NOT_EXPR" && conjunct && args.size() == 1 && args[0].contains("ColumnRef")) {
      if (const auto f = resolve(at(args[0], "ColumnRef"), scope)) flag(*f);
      return;
    }
    if (op == "NOT_EXPR" && conjunct && args.size() == 1 && no_longer(args[0], scope)) return;
    for (const Json& arg : args) condition(arg, scope, conjunct && op == "AND_EXPR");
    return;
  }
  if (const Json& a = at(node, "A_Expr"); a.is_object()) return comparison(a, scope, conjunct), subqueries(node, scope);
  if (const Json& s = at(node, "SubLink"); s.is_object()) return sublink(s, scope, conjunct);
  if (const Json& n = at(node, "NullTest"); n.is_object()) {
    const Side s = side(at(n, "arg"), scope);
    const bool is_null = text(n, "nulltesttype") == "IS_NULL";
    if (s.column) use(s, conjunct ? How::is_null : How::other, is_null || !conjunct ? "" : "not");
    return;
  }
  if (const Json& b = at(node, "BooleanTest"); b.is_object()) {
    const std::string type = text(b, "booltesttype");
    const Side s = side(at(b, "arg"), scope);
    if (s.column && !s.wrapped && conjunct && (type == "IS_TRUE" || type == "IS_FALSE")) return flag(*s.column);
    const bool is_not = type == "IS_NOT_TRUE" || type == "IS_NOT_FALSE";
    if (s.column && !s.wrapped && conjunct && is_not)
      return never(*s.column, type == "IS_NOT_TRUE" ? "IS NOT TRUE" : "IS NOT FALSE");
    if (s.column) use(s, conjunct && (type == "IS_TRUE" || type == "IS_FALSE") ? How::equal : How::other, "boolean");
    return;
  }
  if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) {  // a boolean column
    if (const auto f = resolve(ref, scope)) conjunct ? flag(*f) : use(*f, How::other);
    return;
  }
  if (const Json& call = at(node, "FuncCall"); conjunct && last_name(at(call, "funcname")) == "starts_with")
    if (const Json& args = at(call, "args"); args.is_array() && args.size() == 2)
      return compare(args[0], args[1], scope, How::like, "starts");
  if (const Side s = side(node, scope); s.column && s.wrapped) use(s, How::other);
  subqueries(node, scope);
}

// What it asks of the keys of the groups, not of their sums, the planner asks of the rows.
void Walk::having(const Json& node, const Scope& scope) {
  const Json& b = at(node, "BoolExpr");
  if (text(b, "boolop") == "AND_EXPR" && at(b, "args").is_array()) {
    for (const Json& arg : at(b, "args")) having(arg, scope);
    return;
  }
  if (has_node(node, "FuncCall") || has_node(node, "SubLink")) return subqueries(node, scope);
  condition(node, scope, true);
}

void Walk::others(const Json& node, const Scope& scope) {
  const Side s = side(node, scope);
  if (s.column && s.wrapped) return use(s, How::other);
  for (const Field& f : fields(node, scope)) use(f, How::other);
}

void Walk::subqueries(const Json& node, const Scope& scope) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest || !node.is_structured()) return;
  if (const Json& s = at(node, "SubLink"); s.is_object()) return sublink(s, scope, false);
  for (const Json& child : node) subqueries(child, scope);
}

void Walk::sort_by(const Json& clause, const Json& targets, const Scope& scope, How how) {
  if (!clause.is_array()) return;
  for (const Json& item : clause) {
    const Json* node = how == How::sort ? &at(at(item, "SortBy"), "node") : &item;
    const Json& number = at(at(*node, "A_Const"), "ival");
    if (const Json& i = at(number, "ival"); i.is_number_integer() && targets.is_array()) {  // ORDER BY 1
      const auto n = i.get<std::int64_t>();
      if (n < 1 || n > static_cast<std::int64_t>(targets.size())) return;
      node = &at(at(targets[static_cast<std::size_t>(n - 1)], "ResTarget"), "val");
    }
    if (const Json& names = at(at(*node, "ColumnRef"), "fields");
        names.is_array() && names.size() == 1 && targets.is_array())
      for (const Json& target : targets)  // an output's name goes before a column's
        if (const Json& t = at(target, "ResTarget");
            how == How::sort && text(t, "name") == last_name(names) && !last_name(names).empty())
          node = &at(t, "val");
    const Side s = side(*node, scope);
    if (!s.column || (s.wrapped && !s.computed && s.detail != "<->"))
      return;  // the order of what follows cannot come from an index
    if (s.wrapped && how == How::group) return;
    if (s.wrapped && s.detail == "<->") {  // the nearest: an operator of GiST
      use(*s.column, How::contains, "<->");
      return;
    }
    std::string direction;
    if (how == How::sort) {
      const Json& by = at(item, "SortBy");
      const bool desc = text(by, "sortby_dir") == "SORTBY_DESC";
      const std::string nulls = text(by, "sortby_nulls");
      if (desc) direction = nulls == "SORTBY_NULLS_LAST" ? "desc nulls last" : "desc";
      if (!desc && nulls == "SORTBY_NULLS_FIRST") direction = "nulls first";
    }
    use(s, how, std::move(direction));
  }
}

}  // namespace pgvigil::sql
