#include "checks/plans/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;
using Names = std::vector<std::string>;

constexpr std::size_t kMostColumns = 5;

bool has(const Names& all, const std::string& name) { return std::find(all.begin(), all.end(), name) != all.end(); }

const RelationColumn* fact(std::span<const RelationColumn> columns, const std::string& name) {
  for (const RelationColumn& c : columns)
    if (c.column == name) return &c;
  return nullptr;
}

// Can a B-tree on the bare column serve a comparison?
bool sortable(std::span<const RelationColumn> columns, const std::string& name) {
  if (columns.empty()) return true;  // nothing is known of them: the text is believed
  const RelationColumn* c = fact(columns, name);
  if (c == nullptr) return false;
  return c->type != "json" && c->type != "jsonb" && c->type != "xml" && c->type != "point" && c->type != "tsvector" &&
         c->type_category != "A" && c->type_category != "G" && c->average_width.value_or(0) < 1000;
}

bool few_values(std::span<const RelationColumn> columns, const Names& names) {
  double product = 1;
  for (const std::string& n : names) {
    const RelationColumn* c = fact(columns, n);
    if (c == nullptr || !c->distinct || *c->distinct <= 0) return false;
    product *= *c->distinct;
  }
  return product < 20;
}

bool plain_btree(const Index& i) {
  return i.method == "btree" && !i.has_predicate && !i.columns.empty() && !has(i.columns, "");
}

// The index begins with these equality columns, in whatever order, and then with the rest in theirs.
bool begins_with(const Index& i, const Names& columns, std::size_t equal) {
  if (i.columns.size() < columns.size()) return false;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const auto end = k < equal ? i.columns.begin() + static_cast<std::ptrdiff_t>(equal) : i.columns.end();
    if (k < equal ? std::find(i.columns.begin(), end, columns[k]) == end : i.columns[k] != columns[k]) return false;
  }
  return true;
}

std::string no_column(const sql::RelationUse& use) {
  for (const auto& u : use.uses) {
    if (u.how == How::function)
      return fmt::format("the query compares {}({}), not the column: an index on that expression could serve it",
                         u.detail, u.column);
    if (u.how == How::cast)
      return fmt::format("the query casts {} to {} before it compares: no index on the column can serve it", u.column,
                         u.detail);
    if (u.how == How::like)
      return fmt::format("the pattern on {} {}", u.column,
                         u.detail == "infix" ? "begins with a wildcard: a trigram index (pg_trgm) could serve it"
                                             : "needs an index with text_pattern_ops, or a trigram index (pg_trgm)");
  }
  if (use.has_or) return "its conditions are joined by OR: each column would need an index of its own";
  return "the query's text compares no column of it that a plain index could serve";
}

std::string why_not_used(const Index& i, const sql::RelationUse& use, const Names& columns, std::string_view filter) {
  const std::string name = fmt::format("{} on ({}) exists", i.name, fmt::join(i.columns, ", "));
  for (const std::string& c : columns)
    if (filter.find("(" + c + ")::") != std::string_view::npos ||
        filter.find("." + c + ")::") != std::string_view::npos)
      return fmt::format("{}, but {} is cast before it is compared: the parameter has another type than the column",
                         name, c);
  for (const auto& u : use.uses)
    if (u.how == How::function || u.how == How::cast)
      return fmt::format("{}, but the query compares {}, not the column {}", name,
                         u.how == How::cast ? "a cast" : u.detail + "()", u.column);
  return name +
         " and fits, yet the plan does not use it: look at statistics, at types of parameters, and at enable_* "
         "settings";
}

}  // namespace

IndexAdvice advise(const sql::RelationUse& use, std::span<const Index> existing,
                   std::span<const RelationColumn> columns, std::string_view filter) {
  Names equal, joined, ordered;
  std::optional<std::string> range;
  for (const auto& u : use.uses) {
    if (!sortable(columns, u.column)) continue;
    if ((u.how == How::equal || u.how == How::in_list || u.how == How::is_null) && !has(equal, u.column))
      equal.push_back(u.column);
    if (u.how == How::join && !has(joined, u.column)) joined.push_back(u.column);
    if (u.how == How::range && !range) range = u.column;
  }
  std::string direction;
  for (const auto& u : use.uses) {
    if (u.how != How::sort || !use.limit || !sortable(columns, u.column)) continue;
    if (ordered.empty()) direction = u.detail;
    if (u.detail != direction) break;  // an index reads in one direction
    ordered.push_back(u.column);
  }

  IndexAdvice out;
  Names& wanted = out.columns;
  if (equal.empty() || few_values(columns, equal)) wanted = joined;  // reached through the other table
  for (const std::string& c : equal)
    if (!has(wanted, c)) wanted.push_back(c);
  if (wanted.size() > kMostColumns) wanted.resize(kMostColumns);
  const std::size_t leading = wanted.size();
  // After a range the order is lost: an index serves either the range or the sort.
  if (range && !has(wanted, *range) && wanted.size() < kMostColumns) wanted.push_back(*range);
  if (!range || (!ordered.empty() && ordered.front() == *range))
    for (const std::string& c : ordered)
      if (!has(wanted, c) && wanted.size() < kMostColumns) wanted.push_back(c);
  if (wanted.empty()) {
    out.why_not = no_column(use);
    return out;
  }
  for (const Index& i : existing)
    if (plain_btree(i) && i.is_valid && i.is_ready && begins_with(i, wanted, leading)) {
      out.kind = IndexAdvice::Kind::exists;
      out.index = i.name;
      out.why_not = why_not_used(i, use, wanted, filter);
      return out;
    }
  out.kind = IndexAdvice::Kind::create;
  for (const Index& i : existing)
    if (plain_btree(i) && begins_with(i, wanted, leading)) {
      out.kind = IndexAdvice::Kind::invalid_exists;
      out.index = i.name;
      out.why_not = i.name + " is invalid: a build failed and left it behind";
    }
  return out;
}

BuildForecast forecast(const Table& table, std::span<const std::string> columns, std::span<const RelationColumn> facts,
                       const Server& on) {
  BuildForecast f;
  f.known = table.rows && *table.rows > 0;
  double width = 8, distinct = 1;
  bool every_distinct = true, deduplicates = on.version_num >= 130000;
  const auto heap = static_cast<double>(table.heap_bytes);
  const double n = f.known ? *table.rows : heap / 60;  // short rows, so that the guess errs on the safe side
  for (const std::string& name : columns) {
    const RelationColumn* c = fact(facts, name);
    const std::string type = c == nullptr ? "" : c->type;
    const bool four = type == "integer" || type == "date" || type == "real";
    const bool two = type == "smallint", one = type == "boolean" || type == "\"char\"";
    const bool eight =
        type == "bigint" || type == "double precision" || type.starts_with("timestamp") || type == "money";
    double w = four ? 4 : two ? 2 : one ? 1 : eight ? 8 : type == "uuid" ? 16 : 32;
    if (!four && !two && !one && !eight && c != nullptr && c->average_width) w = *c->average_width;
    const double align = eight ? 8 : four ? 4 : two ? 2 : one || w < 127 ? 1 : 4;
    width = std::ceil(width / align) * align + w;
    if (c == nullptr || !c->distinct || *c->distinct == 0)
      every_distinct = false;
    else
      distinct *= *c->distinct < 0 ? -*c->distinct * n : *c->distinct;
    if (type.starts_with("numeric") || type == "real" || type == "double precision" || type == "jsonb")
      deduplicates = false;
  }
  const double w = 8 * std::ceil(width / 8);
  const auto memory = static_cast<double>(on.maintenance_work_mem);
  // A tuple in memory: itself in its allocator's chunk, and 24 bytes of the sorted array. Up to 15 a chunk has a
  // header of 16 or 24 bytes, and some allocators round up to a power of two; the larger figure is the safe one.
  const double chunk = on.version_num >= 170000   ? w
                       : on.version_num >= 160000 ? w + 16
                                                  : std::max(std::exp2(std::ceil(std::log2(w))) + 16, w + 24);
  const double in_memory = n * (chunk + 24);

  // As plan_create_index_workers: one worker at 8 MB, one more for each factor of 3, 32 MB of memory for each process.
  std::int64_t workers = 0;
  for (double size = heap; size >= 8 * 1024 * 1024 && workers < on.max_parallel_maintenance_workers; size /= 3)
    ++workers;
  while (workers > 0 && memory / static_cast<double>(workers + 1) < 32 * 1024 * 1024) --workers;

  const double sort = workers > 0 || in_memory > memory ? n * (w + 4) * 8192 / 8176 : 0;
  const double validation = n * 24 > memory ? n * 12 : 0;
  f.temp_bytes = std::max(sort, validation);
  const double step = 16 * 1024 * 1024;
  f.memory_to_stay = std::ceil(std::max(in_memory, n * 24) * 1.1 / step) * step;

  double leaf = n * (w + 4);
  distinct = std::min(distinct, n);
  if (deduplicates && every_distinct && distinct >= 1 && n / distinct > 1.05) {
    const double each = n / distinct;  // rows of a key: posting tuples of at most 812 bytes, 6 for each row
    const double tuples = std::ceil(each * 6 / std::max(6.0, 812 - w));
    leaf = std::min(leaf, distinct * (tuples * (w + 4) + each * 6));
  }
  f.index_bytes = leaf / (8152 * 0.9) * 8192 * (1 + (w + 4) / 7337);
  f.minutes = (1 + heap / 200e6 + n * 1.5e-6 + f.temp_bytes / 150e6) / 60;
  return f;
}

}  // namespace pgvigil
