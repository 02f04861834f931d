// Which relations a query reads, CTEs and subqueries seen through.
#include <algorithm>
#include <set>

#include "checks/plans/sql_walk.h"

namespace pgvigil::sql {

std::vector<RelationUse> Walk::take() {
  for (std::size_t i = 0; i < found_.size(); ++i) {
    auto& uses = found_[i].uses;
    uses.insert(uses.end(), sorts_[i].begin(), sorts_[i].end());
    std::vector<ColumnUse> unique;
    for (ColumnUse& u : uses) {
      const auto same = std::find_if(unique.begin(), unique.end(), [&](const ColumnUse& k) {
        return k.column == u.column && k.how == u.how && (k.detail == u.detail || u.how == How::range) &&
               k.expression == u.expression;
      });
      if (same == unique.end())
        unique.push_back(std::move(u));
      else if (same->detail != u.detail)
        same->detail = "between";  // from both sides
      else if (!u.negation.empty() && !same->negation.empty() && same->negation != u.negation)
        same->negation += " AND " + u.negation;
    }
    uses = std::move(unique);
  }
  return std::move(found_);
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
    // Conditions from outside do not reach into what is materialized.
    const bool opaque = at(cte, "aliascolnames").is_array() || text(cte, "ctematerialized") == "CTEMaterializeAlways";
    scope.ctes[name] = opaque ? Output{} : std::move(out);
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
  having(at(s, "havingClause"), scope);
  sort_by(at(s, "groupClause"), targets, scope, How::group);
  sort_by(at(s, "sortClause"), targets, scope, How::sort);
  bool limited = !at(s, "limitCount").is_null();
  if (at(s, "groupClause").is_null()) limited = only_extremes(targets, scope) || limited;
  if (!at(s, "lockingClause").is_null())
    for (std::size_t i = first; i < found_.size(); ++i) found_[i].locks = true;
  if (limited)
    for (std::size_t i = first; i < found_.size(); ++i) found_[i].limit = true;
  Output out;
  const bool plain =
      at(s, "groupClause").is_null() && at(s, "limitCount").is_null() && at(s, "distinctClause").is_null();
  if (plain) output(targets, scope, out);
  return out;
}

// min(x), max(x) are ORDER BY x LIMIT 1.
bool Walk::only_extremes(const Json& targets, const Scope& scope) {
  std::vector<Field> columns;
  if (!targets.is_array()) return false;
  for (const Json& target : targets) {
    const Json& call = at(at(at(target, "ResTarget"), "val"), "FuncCall");
    const std::string name = last_name(at(call, "funcname"));
    if ((name != "min" && name != "max") || !at(call, "args").is_array() || at(call, "args").size() != 1) return false;
    const Side arg = side(at(call, "args")[0], scope);
    if (!arg.column || arg.wrapped) return false;
    columns.push_back(*arg.column);
    if (columns.front().relation != arg.column->relation || columns.front().column != arg.column->column) return false;
  }
  for (const Field& f : columns) use(f, How::sort);
  return !columns.empty();
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
  found_.push_back({schema, name, {}, alias.empty() ? name : alias});
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
      auto f = of_source(source, column);
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

bool Walk::has_node(const Json& node, const char* type) {
  const Depth deeper(depth_);
  if (depth_ > kDeepest || !node.is_structured()) return false;
  if (node.is_object() && node.contains(type)) return true;
  return std::any_of(node.begin(), node.end(), [&](const Json& child) { return has_node(child, type); });
}

std::vector<RelationUse> relations(std::string_view query, const HasColumn& has_column) {
  const Json tree = parse_tree(query);
  if (tree.is_null()) return {};
  Walk walk(has_column);
  for (const Json& s : tree["stmts"]) walk.statement(at(s, "stmt"));
  return walk.take();
}

}  // namespace pgvigil::sql
