#include "checks/plans/container_keys.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "checks/plans/immutable.h"

namespace pgvigil {

using How = sql::ColumnUse::How;

namespace {

// Types of extensions: their schema may stand before them.
bool is_one_of(std::string_view type, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    return type == name || (type.ends_with(name) && type[type.size() - name.size() - 1] == '.');
  });
}

}  // namespace

ContainerKey container_key(const KnownTable& known, const sql::ColumnUse& u) {
  const RelationColumn* c = known.column(u.column);
  const std::string& op = u.how == How::contains ? u.detail : u.compared_detail;
  if (op == "any") return {.obstacle = Obstacle::rewrite};
  IndexKey k{u.column, u.column};
  std::string type = c == nullptr ? "" : c->type;
  if (u.how == How::function || u.how == How::cast) {
    if (u.expression.empty() || !indexable(u.functions, c)) return {.obstacle = Obstacle::function};
    k.text = u.expression;
    type = op == "@@" ? "tsvector" : type;
  }
  const bool array = c != nullptr && c->type_category == "A" && u.how == How::contains;
  if (op == "<->") {
    if (c != nullptr && is_text(*c)) k.operator_class = "gist_trgm_ops";
    return {std::move(k), "gist"};
  }
  if (u.how == How::function && u.detail.ends_with("range")) return {std::move(k), "gist"};
  if (type == "jsonb") {
    const bool keys = op == "?" || op == "?|" || op == "?&";
    if (!keys && u.how == How::contains) k.operator_class = "jsonb_path_ops";
    return {std::move(k), "gin"};
  }
  if (type == "tsvector" || array || is_one_of(type, {"hstore"})) return {std::move(k), "gin"};
  if (type == "inet" || type == "cidr") {
    k.operator_class = "inet_ops";
    return {std::move(k), "gist"};
  }
  if (c != nullptr && (c->type_category == "R" || c->type_category == "G")) return {std::move(k), "gist"};
  if (is_one_of(type, {"ltree", "cube", "seg"})) return {std::move(k), "gist"};
  if (c != nullptr && is_text(*c) && op.find('%') != std::string::npos && known.extensions.contains("pg_trgm")) {
    k.operator_class = "gin_trgm_ops";
    return {std::move(k), "gin"};
  }
  return {};
}

}  // namespace pgvigil
