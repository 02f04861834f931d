#include "checks/plans/why_not.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include "checks/plans/immutable.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;
using sql::ColumnUse;

// random_page_cost above which index scans are out of the question (the default is 4)
constexpr double kDearPages = 10;

// A function that is not known to give the same result in all of a query.
bool may_be_volatile(const std::string& function) {
  static const std::set<std::string, std::less<>> stable{"now",
                                                         "current_setting",
                                                         "transaction_timestamp",
                                                         "statement_timestamp",
                                                         "to_timestamp",
                                                         "to_date",
                                                         "to_char",
                                                         "date_trunc",
                                                         "date_part",
                                                         "extract",
                                                         "age",
                                                         "date",
                                                         "unnest",
                                                         "string_to_array",
                                                         "make_interval",
                                                         "make_timestamptz",
                                                         "regexp_split_to_array"};
  return !function.empty() && !stable.contains(function) && !indexable({function}, nullptr);
}

// The planner settings that keep it from this index.
std::vector<std::string> avoided_by(const Index& index, const AdviceHints& hints) {
  const auto off = [&](const char* setting) {
    const auto it = hints.settings.find(setting);
    return it != hints.settings.end() && it->second == "off";
  };
  const auto cost = hints.settings.find("random_page_cost");
  const bool dear = cost != hints.settings.end() && std::strtod(cost->second.c_str(), nullptr) > kDearPages;
  if (!off("enable_indexscan") && !(off("enable_bitmapscan") && index.method != "btree") && !dear) return {};
  std::vector<std::string> which;
  if (dear) which.push_back(cost->first);
  for (const auto& [setting, value] : hints.settings)
    if (setting.starts_with("enable_") && value == "off" && setting != "enable_partition_pruning")
      which.push_back(setting);
  return which;
}

// A use that compares the column of a key under another collation than the index has.
const ColumnUse* other_collation(const Index& index, const std::vector<IndexKey>& wanted, const sql::RelationUse& use) {
  for (const ColumnUse& u : use.uses)
    for (std::size_t k = 0; k < wanted.size(); ++k)
      if (!u.collation.empty() && u.column == wanted[k].column &&
          u.collation != (k < index.collations.size() ? index.collations[k] : ""))
        return &u;
  return nullptr;
}

std::string words_of(const KnownTable& known, const ColumnUse& u) {
  const Index* i = led_by(known, u.column);
  const std::string name =
      i == nullptr ? "" : fmt::format("{} on ({}) exists, but ", i->name, fmt::join(i->columns, ", "));
  if (u.detail == "any")
    return fmt::format("$n = ANY (array column) cannot use an index: written as {} @> ARRAY[...] a GIN index serves it",
                       u.column);
  if (!operator_of(u).empty())
    return fmt::format("{}() takes no index, the operator {} does: written as {} {} $n, an index can serve it",
                       u.detail, operator_of(u), u.column, operator_of(u));
  if (not_distinct(u))
    return fmt::format(
        "{}IS NOT DISTINCT FROM cannot use an index: written as {} = $n OR ($n IS NULL AND {} IS NULL) one on {} "
        "serves it",
        name, u.column, u.column, u.column);
  if (u.expression.empty() && (u.detail == "->" || u.detail == "->>" || u.detail == "#>" || u.detail == "#>>"))
    return fmt::format(
        "{}the query compares a field of {} ({}), whose name is a literal and was taken out: an index on "
        "that expression, as the query writes it, serves it; pgvigil explain prints it for the whole text",
        name, u.column, u.detail);
  if (u.how == How::cast)
    return fmt::format("{}the query casts {} to {} before it compares: no index on the column can serve it", name,
                       u.column, u.detail);
  return fmt::format("{}the query compares {}({}), not the column: an index on that expression could serve it{}", name,
                     u.detail, u.column,
                     u.expression.empty() || !indexable(u.functions, known.column(u.column))
                         ? ", if it gives the same result at all times (IMMUTABLE)"
                         : "");
}

}  // namespace

bool not_distinct(const ColumnUse& use) { return use.how == How::equal && use.detail == "not distinct"; }

std::string_view operator_of(const ColumnUse& use) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"jsonb_path_exists", "@?"}, {"jsonb_path_match", "@@"}, {"jsonb_contains", "@>"}, {"jsonb_exists", "?"},
      {"arraycontains", "@>"},     {"arrayoverlap", "&&"},     {"ts_match_vq", "@@"},    {"regexp_like", "~"}};
  if (use.how == How::function && use.compared == How::other)
    for (const auto& [function, op] : known)
      if (use.detail == function) return op;
  static constexpr std::pair<std::string_view, std::string_view> above[] = {
      {"similarity", "%"}, {"word_similarity", "%>"}, {"strict_word_similarity", "%>>"}};
  if (use.how == How::function && use.compared == How::range && use.compared_detail == "above")
    for (const auto& [function, op] : above)
      if (use.detail == function) return op;
  return "";
}

WhyNot why_mismatched(const KnownTable& known, const IndexKey& mismatch) {
  const Index* i = led_by(known, mismatch.column);
  return {Obstacle::type_mismatch,
          fmt::format("{}{} is cast to {} before it is compared: the parameter has another type than the column",
                      i == nullptr ? "" : i->name + " exists, but ", mismatch.column, mismatch.cast)};
}

WhyNot why_unused(const Index& index, const std::vector<IndexKey>& wanted, const sql::RelationUse& use,
                  const AdviceHints& hints, const Hindrance& hindrance) {
  const std::string name = fmt::format("{} on ({}) exists", index.name, fmt::join(index.columns, ", "));
  if (std::vector<std::string> settings = avoided_by(index, hints); !settings.empty()) {
    std::vector<std::string> told;
    for (const std::string& s : settings) told.push_back(fmt::format("{} = {}", s, hints.settings.at(s)));
    return {Obstacle::setting, fmt::format("{}, but the planner is told to avoid it: {}", name, fmt::join(told, ", ")),
            std::move(settings)};
  }
  if (const ColumnUse* u = other_collation(index, wanted, use))
    return {Obstacle::collation,
            fmt::format("{}, but the query compares {} under collation {}", name, u->column, u->collation)};
  if (const ColumnUse* u = hindrance.use) {
    const bool cast = u->how == How::cast;
    return {cast ? Obstacle::cast : Obstacle::function,
            fmt::format("{}, but the query compares {}, not the column {}", name, cast ? "a cast" : u->detail + "()",
                        u->column)};
  }
  for (const ColumnUse& u : use.uses) {
    const bool is_key =
        std::any_of(wanted.begin(), wanted.end(), [&](const IndexKey& k) { return k.text == u.column; });
    if (is_key && may_be_volatile(u.called))
      return {Obstacle::function,
              fmt::format("{}, but it cannot serve where the query calls {}(), unless that is STABLE or IMMUTABLE",
                          name, u.called)};
  }
  if (hindrance.or_over_tables)
    return {
        Obstacle::rewrite,
        name + ", but what selects is an OR over several tables: written as a UNION, each arm of it can use an index"};
  return {Obstacle::statistics, name + " and fits, yet the plan does not use it: look at the statistics first"};
}

WhyNot why_none(const KnownTable& known, const sql::RelationUse& use, const ColumnUse* hindrance, Obstacle so_far) {
  if (hindrance == nullptr)
    return use.has_or ? WhyNot{Obstacle::rewrite,
                               "its conditions are joined by OR: each column would need an index of its own"}
                      : WhyNot{Obstacle::unselective,
                               "the query's text compares no column of it that a plain index could serve"};
  const ColumnUse& u = *hindrance;
  const bool pattern = u.how == How::like || u.compared == How::like;
  const RelationColumn* c = known.column(u.column);
  if (pattern && c != nullptr && is_citext(*c))
    return {Obstacle::rewrite,
            fmt::format("no index serves LIKE of citext: written as lower({}::text) LIKE lower($n), one on "
                        "(lower({}::text) text_pattern_ops) does",
                        u.column, u.column)};
  if (pattern && (u.how == How::like ? u.detail : u.compared_detail) == "starts")
    return {Obstacle::rewrite, fmt::format("before PostgreSQL 15 no B-tree serves starts_with() and ^@: written as {} "
                                           "LIKE 'abc%', one on ({} text_pattern_ops) does",
                                           u.column, u.column)};
  if (!pattern || u.detail == "any" || !operator_of(u).empty() || not_distinct(u)) return {so_far, words_of(known, u)};
  return {
      Obstacle::rewrite,
      fmt::format("the pattern on {} {}: a trigram index (extension pg_trgm) serves it", u.column,
                  (u.how == How::like ? u.detail : u.compared_detail) == "infix" ? "begins with a wildcard"
                                                                                 : "is not anchored or ignores case")};
}

}  // namespace pgvigil
