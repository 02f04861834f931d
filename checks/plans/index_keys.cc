#include "checks/plans/index_keys.h"

#include <algorithm>

namespace pgvigil {
namespace {

constexpr std::int64_t kStoredApart = 1 << 20;  // bytes

// Expressions print alike up to the casts and parentheses that the server adds.
std::string loosely(std::string_view expression) {
  std::string out;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const char c = expression[i];
    if (c == '(' || c == ')' || c == ' ' || c == '"') continue;
    const std::string_view rest = expression.substr(i);
    if (const std::size_t cast = rest.starts_with("::text") ? 6 : rest.starts_with("::regconfig") ? 11 : 0; cast > 0) {
      i += cast - 1;
      continue;
    }
    out += c;
  }
  return out;
}

std::string key_of(const KnownTable& known, const Index& i, std::size_t k) {
  if (!i.columns[k].empty()) return i.columns[k];
  for (const IndexDefinition& d : known.definitions)
    if (d.name == i.name && k < d.keys.size()) return d.keys[k];
  return "?";
}

}  // namespace

std::optional<double> distinct_values(const KnownTable& known, const std::string& name) {
  const RelationColumn* c = known.column(name);
  if (c == nullptr || !c->distinct || *c->distinct == 0) return std::nullopt;
  return *c->distinct > 0 ? *c->distinct : -*c->distinct * known.table.rows.value_or(1e6);
}

std::optional<double> rows_of_one(const KnownTable& known, const std::vector<IndexKey>& keys, std::size_t equal) {
  if (equal == 0 || !known.table.rows) return std::nullopt;
  double rows = *known.table.rows;
  for (std::size_t k = 0; k < equal; ++k) {
    const auto d = keys[k].text == keys[k].column ? distinct_values(known, keys[k].column) : std::nullopt;
    if (!d) return std::nullopt;
    rows /= *d;
  }
  return std::max(1.0, rows);
}

bool few_values(const KnownTable& known, const std::vector<std::string>& names) {
  double product = 1;
  for (const std::string& n : names) {
    const auto d = distinct_values(known, n);
    if (!d) return false;
    product *= *d;
  }
  return product < 20;
}

bool sortable(const KnownTable& known, const std::string& name) {
  if (known.columns.empty()) return true;  // nothing is known of them: the text is believed
  const RelationColumn* c = known.column(name);
  if (c == nullptr) return false;
  return c->type != "json" && c->type != "jsonb" && c->type != "xml" && c->type != "point" && c->type != "tsvector" &&
         c->type_category != "G" && c->average_width.value_or(0) < 1000;
}

bool is_text(const RelationColumn& c) {
  return c.type == "text" || c.type.starts_with("character varying") || c.type.starts_with("character(") ||
         c.type == "character";
}

bool is_citext(const RelationColumn& c) { return c.type == "citext" || c.type.ends_with(".citext"); }

namespace {

std::string backwards(const std::string& direction) {
  if (direction == "desc") return "";
  if (direction == "desc nulls last") return "nulls first";
  return direction == "nulls first" ? "desc nulls last" : "desc";
}

// Are the rows in the order of those keys that want one, read forwards or backwards? True where it was not asked.
bool in_order(const Index& i, const std::vector<IndexKey>& keys, bool back) {
  for (std::size_t k = 0; k < keys.size() && k < i.orders.size(); ++k)
    if (keys[k].direction && (back ? backwards(i.orders[k]) : i.orders[k]) != *keys[k].direction) return false;
  return true;
}

}  // namespace

bool same_key(const KnownTable& known, const Index& i, std::size_t k, const IndexKey& wanted) {
  const bool expression = wanted.text.find('(') != std::string::npos;
  if (expression != i.columns[k].empty()) return false;
  if (expression ? loosely(key_of(known, i, k)) != loosely(wanted.text) : i.columns[k] != wanted.text) return false;
  if (wanted.operator_class.empty()) return true;
  const std::string own = k < i.operator_classes.size() ? i.operator_classes[k] : "";
  const RelationColumn* c = known.column(wanted.column);
  return own == wanted.operator_class || (wanted.operator_class.ends_with("pattern_ops") &&
                                          (own.ends_with("pattern_ops") || (c != nullptr && c->c_collation)));
}

bool begins_with(const KnownTable& known, const Index& i, const std::vector<IndexKey>& keys, std::size_t equal) {
  if (i.columns.size() < keys.size()) return false;
  for (std::size_t k = 0; k < keys.size(); ++k) {
    bool found = false;
    for (std::size_t at = k < equal ? 0 : k; at < (k < equal ? equal : k + 1); ++at)
      found = found || same_key(known, i, at, keys[k]);
    if (!found) return false;
  }
  return in_order(i, keys, false) || in_order(i, keys, true);
}

bool all_long(const RelationColumn& c) {
  return c.can_toast && c.average_width && !c.correlation && !c.commonest && c.distinct.value_or(0) < 0;
}

// What is stored apart is longer than 2 kB even when compressed. Where no other column can be as long, it is this
// one's.
bool too_long(const KnownTable& known, const std::string& column) {
  const RelationColumn* c = known.column(column);
  if (c == nullptr || !c->can_toast || !c->average_width) return false;
  if (all_long(*c)) return true;
  const auto unbounded = [](const RelationColumn& o) { return o.can_toast && o.type.find('(') == std::string::npos; };
  return known.table.toast_bytes >= kStoredApart && unbounded(*c) && is_text(*c) &&
         std::count_if(known.columns.begin(), known.columns.end(), unbounded) == 1;
}

bool leads_with(const Index& i, const std::string& column) {
  return i.method == "btree" && i.is_valid && i.is_ready && !i.columns.empty() && i.columns[0] == column;
}
const Index* led_by(const KnownTable& known, const std::string& column) {
  for (const Index& i : known.indexes)
    if (leads_with(i, column) && !i.has_predicate) return &i;
  return nullptr;
}

std::string cast_by_server(const KnownTable& known, const sql::ColumnUse& u, std::string_view filter,
                           std::string_view alias) {
  const RelationColumn* c = known.column(u.column);
  if (c == nullptr || c->type.starts_with("character varying") || c->type == "name") return "";
  const std::string bare = u.column;
  for (const std::string& before : {"(" + bare + ")::", "." + bare + ")::"}) {
    const auto at = filter.find(before);
    if (at == std::string_view::npos) continue;
    // VERBOSE qualifies: the column of that name may be another relation's.
    if (before.front() == '.' && !alias.empty() && !filter.substr(0, at).ends_with(sql::quote_identifier(alias)))
      continue;
    const std::string_view type = filter.substr(at + before.size());
    const auto end = type.find_first_of(" )=<>!~");
    std::string cast(type.substr(0, end));
    if (!c->type.starts_with(cast)) return cast;
  }
  return "";
}

}  // namespace pgvigil
