// Which columns a query compares: a walk over libpg_query's parse tree.
#include <pg_query.h>

#include <algorithm>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "checks/plans/sql.h"

namespace pgvigil::sql {
namespace {

using Json = nlohmann::json;
using How = ColumnUse::How;

constexpr int kDeepest = 400;  // nodes nested deeper are not looked at

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

struct Field {  // a column of one of the relations found
  std::size_t relation;
  std::string column;  // unquoted
};

// What a FROM item offers: a relation's columns, or those of a subquery that pass through to a relation.
struct Source {
  std::string name;
  std::optional<std::size_t> relation = {};
  std::map<std::string, Field> columns = {};
  std::optional<std::size_t> star = {};  // every other column is this relation's
};
using Output = Source;

struct Scope {
  const Scope* outer = nullptr;
  std::deque<Source> sources = {};
  std::map<std::string, Output> ctes = {};
};

class Walk {
 public:
  explicit Walk(const HasColumn& has_column) : has_column_(has_column) {}
  std::vector<RelationUse> take();
  void statement(const Json& node);

 private:
  struct Depth {
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    int& depth;
  };
  struct Side {  // of a comparison
    std::optional<Field> column = {};
    std::optional<How> wrapped = {};  // function or cast around the column
    std::string detail = {};
    bool constant = false;  // no column of any relation in it
  };

  Output query(const Json& node, const Scope* outer);
  Output select(const Json& s, const Scope* outer);
  void with(const Json& s, Scope& scope);
  void from(const Json& item, Scope& scope, std::vector<const Json*>& conditions);
  void relation(const Json& range_var, Scope& scope);
  void output(const Json& targets, const Scope& scope, Output& out);
  void condition(const Json& node, const Scope& scope, bool conjunct);
  void comparison(const Json& a, const Scope& scope, bool conjunct);
  void compare(const Json& left, const Json& right, const Scope& scope, How how, const std::string& detail);
  void sublink(const Json& s, const Scope& scope, bool conjunct);
  void others(const Json& node, const Scope& scope);  // columns in any other place of a condition
  void subqueries(const Json& node, const Scope& scope);
  bool same_column_everywhere(const Json& alternatives, const Scope& scope);
  Side side(const Json& node, const Scope& scope);
  std::vector<Field> fields(const Json& node, const Scope& scope);
  bool has_column_ref(const Json& node);
  std::optional<Field> resolve(const Json& column_ref, const Scope& scope);
  std::optional<Field> of_source(const Source& source, const std::string& column) const;
  void use(const Field& f, How how, std::string detail = {});
  void sort_by(const Json& clause, const Json& targets, const Scope& scope, How how);

  const HasColumn& has_column_;
  std::vector<RelationUse> found_;
  std::vector<std::vector<ColumnUse>> sorts_;  // of found_, put behind its filters
  int depth_ = 0;
};

std::vector<RelationUse> Walk::take() {
  for (std::size_t i = 0; i < found_.size(); ++i) {
    auto& uses = found_[i].uses;
    uses.insert(uses.end(), sorts_[i].begin(), sorts_[i].end());
    std::vector<ColumnUse> unique;
    for (ColumnUse& u : uses)
      if (std::none_of(unique.begin(), unique.end(), [&](const ColumnUse& k) {
            return k.column == u.column && k.how == u.how && k.detail == u.detail;
          }))
        unique.push_back(std::move(u));
    uses = std::move(unique);
  }
  return std::move(found_);
}

void Walk::use(const Field& f, How how, std::string detail) {
  auto& list = how == How::sort || how == How::group ? sorts_[f.relation] : found_[f.relation].uses;
  list.push_back({quote_identifier(f.column), how, std::move(detail)});
}

void Walk::statement(const Json& node) {
  for (const char* wrapper : {"ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CreateTableAsStmt"})
    if (const Json& inner = at(at(node, wrapper), "query"); !inner.is_null()) return statement(inner);
  query(node, nullptr);
}

Output Walk::query(const Json& node, const Scope* outer) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest) return {};
  if (const Json& s = at(node, "SelectStmt"); s.is_object()) return select(s, outer);

  Scope scope{outer};
  std::vector<const Json*> conditions;
  for (const char* type : {"UpdateStmt", "DeleteStmt", "MergeStmt", "InsertStmt"}) {
    const Json& s = at(node, type);
    if (!s.is_object()) continue;
    with(s, scope);
    if (type == std::string_view("InsertStmt")) {  // the target is not read
      query(at(s, "selectStmt"), &scope);
      continue;
    }
    relation(at(s, "relation"), scope);
    for (const char* list : {"fromClause", "usingClause"})
      if (const Json& items = at(s, list); items.is_array())
        for (const Json& item : items) from(item, scope, conditions);
    if (const Json& source = at(s, "sourceRelation"); source.is_object()) from(source, scope, conditions);
    conditions.push_back(&at(s, "whereClause"));
    conditions.push_back(&at(s, "joinCondition"));
    for (const Json* c : conditions) condition(*c, scope, true);
    subqueries(at(s, "targetList"), scope);
  }
  return {};
}

void Walk::with(const Json& s, Scope& scope) {
  const Json& clause = at(s, "withClause");
  const Json& ctes = at(clause, "ctes");
  if (!ctes.is_array()) return;
  for (const Json& item : ctes) {
    const Json& cte = at(item, "CommonTableExpr");
    const std::string name = text(cte, "ctename");
    if (at(clause, "recursive").is_boolean()) scope.ctes[name] = {};  // its name within itself
    Output out = query(at(cte, "ctequery"), &scope);
    scope.ctes[name] = at(cte, "aliascolnames").is_array() ? Output{} : std::move(out);
  }
}

Output Walk::select(const Json& s, const Scope* outer) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest) return {};
  Scope scope{outer};
  with(s, scope);
  if (const Json& left = at(s, "larg"); left.is_object()) {  // UNION and the like: each arm is a query of its own
    select(left, &scope);
    select(at(s, "rarg"), &scope);
    return {};
  }
  const std::size_t first = found_.size();
  std::vector<const Json*> conditions;
  if (const Json& items = at(s, "fromClause"); items.is_array())
    for (const Json& item : items) from(item, scope, conditions);
  conditions.push_back(&at(s, "whereClause"));
  for (const Json* c : conditions) condition(*c, scope, true);
  const Json& targets = at(s, "targetList");
  subqueries(targets, scope);
  subqueries(at(s, "havingClause"), scope);
  sort_by(at(s, "groupClause"), targets, scope, How::group);
  sort_by(at(s, "sortClause"), targets, scope, How::sort);
  bool limited = !at(s, "limitCount").is_null();
  if (targets.is_array() && targets.size() == 1 && at(s, "groupClause").is_null()) {  // min(x) is ORDER BY x LIMIT 1
    const Json& call = at(at(at(targets[0], "ResTarget"), "val"), "FuncCall");
    const std::string name = last_name(at(call, "funcname"));
    if ((name == "min" || name == "max") && at(call, "args").is_array() && at(call, "args").size() == 1)
      if (const Side arg = side(at(call, "args")[0], scope); arg.column && !arg.wrapped) {
        use(*arg.column, How::sort);
        limited = true;
      }
  }
  if (limited)
    for (std::size_t i = first; i < found_.size(); ++i) found_[i].limit = true;
  Output out;
  const bool plain =
      at(s, "groupClause").is_null() && at(s, "limitCount").is_null() && at(s, "distinctClause").is_null();
  if (plain) output(targets, scope, out);
  return out;
}

void Walk::output(const Json& targets, const Scope& scope, Output& out) {
  if (!targets.is_array()) return;
  for (const Json& item : targets) {
    const Json& target = at(item, "ResTarget");
    const Json& ref = at(at(target, "val"), "ColumnRef");
    const Json& names = at(ref, "fields");
    if (!names.is_array() || names.empty()) continue;
    if (names.back().contains("A_Star")) {
      if (scope.sources.size() == 1) {
        if (scope.sources[0].relation)
          out.star = scope.sources[0].relation;
        else
          out = scope.sources[0];
      }
      continue;
    }
    const auto field = resolve(ref, scope);
    const std::string alias = text(target, "name");
    if (field) out.columns.insert_or_assign(alias.empty() ? last_name(names) : alias, *field);
  }
}

void Walk::relation(const Json& range_var, Scope& scope) {
  const std::string schema = text(range_var, "schemaname"), name = text(range_var, "relname");
  if (name.empty()) return;
  const std::string alias = text(at(range_var, "alias"), "aliasname");
  if (schema.empty())
    for (const Scope* s = &scope; s != nullptr; s = s->outer)
      if (const auto cte = s->ctes.find(name); cte != s->ctes.end()) {
        Source source = cte->second;
        source.name = alias.empty() ? name : alias;
        scope.sources.push_back(std::move(source));
        return;
      }
  scope.sources.push_back({alias.empty() ? name : alias, found_.size()});
  found_.push_back({schema, name, {}});
  sorts_.emplace_back();
}

void Walk::from(const Json& item, Scope& scope, std::vector<const Json*>& conditions) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest) return;
  if (const Json& r = at(item, "RangeVar"); r.is_object()) return relation(r, scope);
  if (const Json& j = at(item, "JoinExpr"); j.is_object()) {
    const std::size_t before = scope.sources.size();
    from(at(j, "larg"), scope, conditions);
    const std::size_t middle = scope.sources.size();
    from(at(j, "rarg"), scope, conditions);
    if (const Json& shared = at(j, "usingClause"); shared.is_array())
      for (const Json& column : shared)
        for (std::size_t i = before; i < scope.sources.size(); ++i)
          if (i >= middle || middle - before == 1)
            if (const auto f = of_source(scope.sources[i], text(at(column, "String"), "sval"))) use(*f, How::join);
    conditions.push_back(&at(j, "quals"));
    return;
  }
  if (const Json& sub = at(item, "RangeSubselect"); sub.is_object()) {
    Source source = query(at(sub, "subquery"), &scope);  // LATERAL sees what stands before it
    const Json& alias = at(sub, "alias");
    if (at(alias, "colnames").is_array()) source = {};
    source.name = text(alias, "aliasname");
    source.relation.reset();
    scope.sources.push_back(std::move(source));
    return;
  }
  if (const Json& sample = at(item, "RangeTableSample"); sample.is_object())
    return from(at(sample, "relation"), scope, conditions);
  if (item.is_object() && item.contains("relname")) return relation(item, scope);
  for (const char* other : {"RangeFunction", "RangeTableFunc", "JsonTable"})
    if (const Json& f = at(item, other); f.is_object()) scope.sources.push_back({text(at(f, "alias"), "aliasname")});
}

std::optional<Field> Walk::of_source(const Source& source, const std::string& column) const {
  if (source.relation) return Field{*source.relation, column};
  if (const auto it = source.columns.find(column); it != source.columns.end()) return it->second;
  if (source.star) return Field{*source.star, column};
  return std::nullopt;
}

std::optional<Field> Walk::resolve(const Json& column_ref, const Scope& scope) {
  const Json& names = at(column_ref, "fields");
  if (!names.is_array() || names.empty() || names.size() > 3 || !names.back().contains("String")) return std::nullopt;
  const std::string column = last_name(names);
  if (names.size() > 1) {
    const std::string qualifier = text(at(names[names.size() - 2], "String"), "sval");
    for (const Scope* s = &scope; s != nullptr; s = s->outer)
      for (const Source& source : s->sources)
        if (source.name == qualifier) return of_source(source, column);
    return std::nullopt;
  }
  for (const Scope* s = &scope; s != nullptr; s = s->outer) {
    for (const Source& source : s->sources) {
      if (!source.relation) {
        if (source.columns.contains(column)) return of_source(source, column);
        if (!source.star) continue;
      }
      const auto f = of_source(source, column);
      if (has_column_ && has_column_(found_[f->relation].schema, found_[f->relation].relation, column)) return f;
    }
    // Only one place it can come from; a name of an outer query is rare enough.
    if (s->sources.size() == 1 && !has_column_) return of_source(s->sources[0], column);
    if (s->sources.size() == 1 && s->outer == nullptr) return of_source(s->sources[0], column);
  }
  return std::nullopt;
}

std::vector<Field> Walk::fields(const Json& node, const Scope& scope) {
  const Depth deeper(depth_);
  std::vector<Field> all;
  if (depth_ > kDeepest || !node.is_structured()) return all;
  if (node.is_object() && node.contains("SubLink")) return all;
  if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) {
    if (auto f = resolve(ref, scope)) all.push_back(std::move(*f));
    return all;
  }
  for (const Json& child : node)
    for (Field& f : fields(child, scope)) all.push_back(std::move(f));
  return all;
}

bool Walk::has_column_ref(const Json& node) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest || !node.is_structured()) return false;
  if (node.is_object() && node.contains("SubLink")) return false;  // its value is one
  if (node.is_object() && node.contains("ColumnRef")) return true;
  return std::any_of(node.begin(), node.end(), [&](const Json& child) { return has_column_ref(child); });
}

Walk::Side Walk::side(const Json& node, const Scope& scope) {
  Side s;
  if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) {
    s.column = resolve(ref, scope);
    return s;
  }
  if (const Json& collate = at(node, "CollateClause"); collate.is_object()) return side(at(collate, "arg"), scope);
  const std::vector<Field> inside = fields(node, scope);
  if (inside.empty()) {
    // A column that could not be placed is no constant.
    s.constant = !has_column_ref(node);
    return s;
  }
  s.column = inside.front();
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
  } else if (const Json& op = at(node, "A_Expr"); op.is_object()) {
    s.wrapped = How::function;
    s.detail = last_name(at(op, "name"));
  }
  return s;
}

void Walk::compare(const Json& left, const Json& right, const Scope& scope, How how, const std::string& detail) {
  const Side l = side(left, scope), r = side(right, scope);
  if (l.column && r.column) {
    const bool same = l.column->relation == r.column->relation;
    for (const Side& s : {l, r})
      use(*s.column, s.wrapped ? *s.wrapped : same ? How::other : how == How::equal ? How::join : how, s.detail);
    return;
  }
  for (const auto& [s, opposite] : {std::pair(&l, &r), std::pair(&r, &l)})
    if (s->column) {
      if (s->wrapped)
        use(*s->column, *s->wrapped, s->detail);
      else
        use(*s->column, opposite->constant ? how : how == How::equal ? How::join : how, detail);
    }
}

void Walk::comparison(const Json& a, const Scope& scope, bool conjunct) {
  const std::string type = text(a, "kind"), op = last_name(at(a, "name"));
  const Json &left = at(a, "lexpr"), &right = at(a, "rexpr");
  How how = How::other;
  std::string detail;
  if (type == "AEXPR_OP" && op == "=")
    how = How::equal;
  else if (type == "AEXPR_OP" && (op == "<" || op == ">" || op == "<=" || op == ">="))
    how = How::range;
  else if (type == "AEXPR_IN" && op == "=")
    how = How::in_list;
  else if (type == "AEXPR_OP_ANY" && op == "=")
    how = How::in_list;
  else if (type == "AEXPR_BETWEEN" || type == "AEXPR_BETWEEN_SYM")
    how = How::range;
  else if ((type == "AEXPR_LIKE" && op == "~~") || (type == "AEXPR_ILIKE" && op == "~~*")) {
    how = How::like;
    const std::string pattern = text(at(at(right, "A_Const"), "sval"), "sval");
    if (type == "AEXPR_ILIKE")
      detail = "ilike";
    else if (!pattern.empty())
      detail = pattern[0] == '%' || pattern[0] == '_' ? "infix" : "prefix";
  }
  if (!conjunct || how == How::other) {
    others(left, scope);
    others(right, scope);
    if (how == How::other && type == "AEXPR_OP" && conjunct) return;
    return;
  }
  const Json &l_row = at(at(left, "RowExpr"), "args"), &r_row = at(at(right, "RowExpr"), "args");
  if (l_row.is_array() && how == How::in_list) {
    for (const Json& item : l_row) compare(item, Json(), scope, how, detail);
  } else if (l_row.is_array() && r_row.is_array() && l_row.size() == r_row.size()) {
    for (std::size_t i = 0; i < l_row.size(); ++i)
      compare(l_row[i], r_row[i], scope, how == How::range && i > 0 ? How::other : how, detail);
  } else {
    compare(left, right, scope, how, detail);
  }
}

// `a = 1 OR a = 2` is a list of values of one column.
bool Walk::same_column_everywhere(const Json& alternatives, const Scope& scope) {
  std::optional<Field> column;
  for (const Json& item : alternatives) {
    const Json& a = at(item, "A_Expr");
    if (text(a, "kind") != "AEXPR_OP" || last_name(at(a, "name")) != "=") return false;
    const Side l = side(at(a, "lexpr"), scope), r = side(at(a, "rexpr"), scope);
    if (!l.column || l.wrapped || !r.constant) return false;
    if (column && (column->relation != l.column->relation || column->column != l.column->column)) return false;
    column = l.column;
  }
  if (column) use(*column, How::in_list);
  return column.has_value();
}

void Walk::sublink(const Json& s, const Scope& scope, bool conjunct) {
  const std::size_t first = found_.size();
  const Output out = query(at(s, "subselect"), &scope);
  const Json& test = at(s, "testexpr");
  if (test.is_null()) return;
  const Side t = side(test, scope);
  if (t.column) use(*t.column, t.wrapped ? *t.wrapped : conjunct ? How::join : How::other, t.detail);
  if (conjunct && text(s, "subLinkType") == "ANY_SUBLINK" && out.columns.size() == 1 && t.column) {
    const Field& inner = out.columns.begin()->second;
    if (inner.relation >= first) use(inner, How::join);
  }
}

void Walk::condition(const Json& node, const Scope& scope, bool conjunct) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest || !node.is_object()) return;
  if (const Json& b = at(node, "BoolExpr"); b.is_object()) {
    const std::string op = text(b, "boolop");
    const Json& args = at(b, "args");
    if (!args.is_array()) return;
    if (op == "OR_EXPR" && conjunct && same_column_everywhere(args, scope)) return;
    if (op == "OR_EXPR")
      for (const Field& f : fields(args, scope)) found_[f.relation].has_or = true;
    if (op == "NOT_EXPR" && conjunct && args.size() == 1 && args[0].contains("ColumnRef")) {
      if (const auto f = resolve(at(args[0], "ColumnRef"), scope)) use(*f, How::equal);
      return;
    }
    for (const Json& arg : args) condition(arg, scope, conjunct && op == "AND_EXPR");
    return;
  }
  if (const Json& a = at(node, "A_Expr"); a.is_object()) return comparison(a, scope, conjunct), subqueries(node, scope);
  if (const Json& s = at(node, "SubLink"); s.is_object()) return sublink(s, scope, conjunct);
  if (const Json& n = at(node, "NullTest"); n.is_object()) {
    const Side s = side(at(n, "arg"), scope);
    const bool is_null = text(n, "nulltesttype") == "IS_NULL";
    if (s.column) use(*s.column, s.wrapped ? *s.wrapped : is_null && conjunct ? How::is_null : How::other, s.detail);
    return;
  }
  if (const Json& ref = at(node, "ColumnRef"); ref.is_object()) {  // a boolean column
    if (const auto f = resolve(ref, scope)) use(*f, conjunct ? How::equal : How::other);
    return;
  }
  const Side s = side(node, scope);
  if (s.column && s.wrapped) use(*s.column, *s.wrapped, s.detail);
  subqueries(node, scope);
}

void Walk::others(const Json& node, const Scope& scope) {
  const Side s = side(node, scope);
  if (s.column && s.wrapped) return use(*s.column, *s.wrapped, s.detail);
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
    if (!s.column || s.wrapped) return;  // the order of what follows cannot come from an index
    std::string direction = how == How::sort && text(at(item, "SortBy"), "sortby_dir") == "SORTBY_DESC" ? "desc" : "";
    use(*s.column, how, std::move(direction));
  }
}

}  // namespace

std::vector<RelationUse> relations(std::string_view query, const HasColumn& has_column) {
  if (!parsable(query)) return {};
  const PgQueryParseResult result = pg_query_parse(std::string(query).c_str());
  Json tree;
  if (result.error == nullptr && result.parse_tree != nullptr) tree = Json::parse(result.parse_tree, nullptr, false);
  pg_query_free_parse_result(result);
  if (!tree.is_object() || !tree.contains("stmts")) return {};
  Walk walk(has_column);
  for (const Json& s : tree["stmts"]) walk.statement(at(s, "stmt"));
  return walk.take();
}

}  // namespace pgvigil::sql
