#include "checks/plans/weigh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "checks/plans/index_keys.h"
#include "checks/plans/why_not.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;
using enum ScanVerdict;

constexpr double kGuessed = 200;        // the planner takes one row of so many to match what it knows nothing of
constexpr double kHandful = 5;          // rows
constexpr double kOpenRange = 1.0 / 3;  // of the rows: what the planner takes for granted of a > $1
constexpr double kScattered = 0.5;      // correlation below which neighbours in value are none in the table
constexpr double kCommon = 0.5,
                 kRare = 0.02;  // of the rows: a column most of which has one value, and some that few have

bool skewed(const KnownTable& t, const sql::RelationUse& use) {
  return std::any_of(use.uses.begin(), use.uses.end(), [&](const sql::ColumnUse& u) {
    const RelationColumn* c = u.how == How::equal ? t.column(u.column) : nullptr;
    return c != nullptr && c->commonest && c->rarest && *c->commonest >= kCommon && *c->rarest <= kRare;
  });
}

// Every condition is an equality, and statistics say that no value is rare.
bool evenly_spread(const KnownTable& t, const sql::RelationUse& use) {
  return std::all_of(use.uses.begin(), use.uses.end(), [&](const sql::ColumnUse& u) {
    if (u.how == How::sort || u.how == How::group) return true;
    const RelationColumn* c = u.how == How::equal ? t.column(u.column) : nullptr;
    return c != nullptr && c->commonest && c->rarest && *c->rarest > kRare;
  });
}

bool compares(const sql::RelationUse& use, How how) {
  return std::any_of(use.uses.begin(), use.uses.end(), [&](const auto& u) { return u.how == how; });
}

// A word of an expression as PostgreSQL prints it.
bool mentions(std::string_view expression, std::string_view column) {
  const auto part = [](char c) { return c == '_' || c == '"' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
  for (auto at = expression.find(column); at != std::string_view::npos; at = expression.find(column, at + 1)) {
    const std::size_t end = at + column.size();
    if ((at == 0 || !part(expression[at - 1])) && (end == expression.size() || !part(expression[end]))) return true;
  }
  return false;
}

// A valid index of some rows, whose condition is on a column that the query compares with a parameter: the values of
// real executions may imply it.
const IndexDefinition* partial_index(const KnownTable& t, const sql::RelationUse& use) {
  for (const Index& i : t.indexes) {
    if (!i.has_predicate || !i.is_valid || !i.is_ready) continue;
    for (const IndexDefinition& d : t.definitions) {
      if (d.name != i.name) continue;
      const auto implied = [&](const sql::ColumnUse& u) {
        // What constants imply the planner knows, and would use the index.
        return (u.how == How::equal || u.how == How::in_list) && u.with != sql::ColumnUse::With::constant &&
               mentions(d.predicate, u.column);
      };
      const auto leads = [&](const sql::ColumnUse& u) { return !d.keys.empty() && mentions(d.keys[0], u.column); };
      if (std::any_of(use.uses.begin(), use.uses.end(), implied) &&
          (std::any_of(use.uses.begin(), use.uses.end(), leads) || use.uses.size() == 1))
        return &d;
    }
  }
  return nullptr;
}

// A valid index on an expression of this column with the same functions and operators: what they are given stands in
// the text as a parameter ("payload ->> $1"), and may be what the index was made for.
const IndexDefinition* computed_index(const KnownTable& t, const sql::RelationUse& use) {
  const auto fits = [](const sql::ColumnUse& u, const std::string& key) {
    return u.how == How::function && u.expression.empty() && !u.detail.empty() && mentions(key, u.column) &&
           key.find(u.detail) != std::string::npos;
  };
  for (const Index& i : t.indexes)
    for (const IndexDefinition& d : t.definitions)
      if (d.name == i.name && i.is_valid && i.is_ready && !i.has_predicate && !d.keys.empty() && !i.columns.empty() &&
          i.columns[0].empty() &&
          std::any_of(use.uses.begin(), use.uses.end(), [&](const sql::ColumnUse& u) { return fits(u, d.keys[0]); }))
        return &d;
  return nullptr;
}

// Does the advised index have the rows in the order of the text's first column to sort by?
bool has_order(const sql::RelationUse& use, const IndexAdvice& advice) {
  const auto sort = std::find_if(use.uses.begin(), use.uses.end(), [](const sql::ColumnUse& u) {
    return u.how == How::sort || (!u.expression.empty() && u.compared == How::sort);
  });
  if (sort == use.uses.end()) return false;
  const std::string key = sort->how == How::sort ? sort->column : sort->expression;
  return std::any_of(advice.columns.begin(), advice.columns.end(), [&](const std::string& c) {
    return c == key || c.starts_with(key + " ") || c == "(" + key + ")";
  });
}

// Functions whose results differ nearly as often as what they are given.
bool keeps_apart(const sql::ColumnUse& u) {
  static const std::set<std::string, std::less<>> known{"lower", "upper",  "trim",      "btrim",    "ltrim",
                                                        "rtrim", "::text", "::varchar", "COALESCE", "::bigint"};
  return !u.functions.empty() &&
         std::all_of(u.functions.begin(), u.functions.end(), [](const std::string& f) { return known.contains(f); });
}

bool computed_equal(const sql::ColumnUse& u) {
  return (u.how == How::function || u.how == How::cast) && u.compared == How::equal;
}

// The planner takes one row of 200 to match a computed value: hardly two rows of this column have the same.
bool nearly_unique(const KnownTable& t, const sql::ColumnUse& u) {
  const auto distinct = distinct_values(t, u.column);
  return computed_equal(u) && keeps_apart(u) && distinct && t.table.rows.value_or(0) < kHandful * *distinct;
}

// No statistics say how many rows match: the planner takes a fixed share of them for granted.
bool guessed(const KnownTable& t, const sql::ColumnUse& u, bool generic) {
  if (distinct_values(t, u.column).value_or(kGuessed) < kGuessed) return false;
  if (u.how == How::function || u.how == How::cast) return u.compared == How::equal || u.compared == How::contains;
  if (u.how == How::like) return generic && u.detail != "prefix" && u.detail != "infix";
  return u.how == How::contains && generic;
}

// None where there are several, or none.
const sql::ColumnUse* only_condition(const sql::RelationUse& use) {
  const sql::ColumnUse* only = nullptr;
  for (const sql::ColumnUse& u : use.uses) {
    if (u.how == How::sort || u.how == How::group) continue;
    if (only != nullptr) return nullptr;
    only = &u;
  }
  return only;
}

// The only condition keeps the newest rows, and the table has them in that order.
bool at_the_end(const KnownTable& t, const sql::RelationUse& use) {
  const sql::ColumnUse* only = only_condition(use);
  const RelationColumn* c = only == nullptr || only->how != How::range ? nullptr : t.column(only->column);
  if (c == nullptr || !c->correlation) return false;
  return only->detail == "above" ? *c->correlation > 0.9 : only->detail == "below" && *c->correlation < -0.9;
}

// Is it only by such a guess that a LIMIT stops the scan early?
bool only_guessed(const KnownTable& t, const std::vector<sql::ColumnUse>& uses, bool generic) {
  bool any = false;
  for (const sql::ColumnUse& u : uses) {
    if (u.how == How::sort || u.how == How::group || u.how == How::other) continue;  // NOT, <>: nearly all rows match
    if (!guessed(t, u, generic)) return false;
    any = true;
  }
  return any;
}
bool only_guessed(const KnownTable& t, const sql::RelationUse& use, bool generic) {
  if (use.either.empty()) return only_guessed(t, use.uses, generic);
  return std::all_of(use.either.begin(), use.either.end(),
                     [&](const auto& arm) { return only_guessed(t, arm, generic); });
}

// A piece of a text is cut out and compared.
bool cuts(const sql::ColumnUse& u) {
  return u.how == How::function &&
         (u.detail == "left" || u.detail == "right" || u.detail == "substr" || u.detail == "substring");
}

// Values that a function has, whatever it is given; about so many where they are few as a rule.
std::optional<double> values_of(const sql::ColumnUse& u) {
  constexpr double letters = 50;
  static constexpr std::pair<std::string_view, double> known[] = {
      {"sign", 3},         {"isfinite", 2},      {"jsonb_typeof", 6},        {"json_typeof", 6},
      {"length", 50},      {"char_length", 50},  {"octet_length", 50},       {"character_length", 50},
      {"cardinality", 20}, {"array_length", 20}, {"jsonb_array_length", 20}, {"ascii", letters}};
  if (u.how != How::function) return std::nullopt;
  if (const auto last = u.expression.rfind(", "); cuts(u) && last != std::string::npos) {
    const double characters = std::strtod(u.expression.c_str() + last + 2, nullptr);
    return characters > 0 && characters <= 2 ? std::optional(letters) : std::nullopt;
  }
  for (const auto& [name, values] : known)
    if (u.detail == name) return values;
  return std::nullopt;
}

// Values that the only condition's part of a time, its remainder or its function has: a weekday is one of seven,
// whatever the planner takes for granted.
std::optional<double> few_parts(const sql::RelationUse& use) {
  static constexpr std::pair<std::string_view, double> known[] = {
      {"dow", 7}, {"isodow", 7}, {"month", 12}, {"year", 50}, {"quarter", 4}, {"hour", 24}, {"day", 31}};
  const sql::ColumnUse* only = only_condition(use);
  if (only == nullptr || !computed_equal(*only)) return std::nullopt;
  if (const auto values = values_of(*only)) return values;
  if (const auto by = only->expression.find(" % ");
      by != std::string::npos && !only->functions.empty() && only->functions.back() == "%") {
    const double values = std::strtod(only->expression.c_str() + by + 3, nullptr);
    return values > 0 && values <= kGuessed ? std::optional(values) : std::nullopt;
  }
  for (const auto& [part, values] : known)
    if (only->expression.find(fmt::format("EXTRACT({} FROM ", part)) != std::string::npos ||
        only->expression.find(fmt::format("date_part('{}', ", part)) != std::string::npos)
      return values;
  return std::nullopt;
}

// Every condition is what a function says of a row.
bool only_calls(const sql::RelationUse& use) {
  return !use.uses.empty() && std::all_of(use.uses.begin(), use.uses.end(), [](const sql::ColumnUse& u) {
    return u.how == How::sort || u.how == How::group || !operator_of(u).empty() ||
           (u.how == How::function && u.compared == How::other) || (u.how == How::like && u.detail == "starts");
  });
}

void say(Scan& s, ScanVerdict v, Confidence c, std::string reason) {
  s.verdict = v;
  s.confidence = c;
  s.reason = std::move(reason);
}

// The index is there, nothing in the text keeps it from serving, and yet the plan scans.
void unused(const sql::RelationUse& use, const IndexAdvice& advice, bool generic, Scan& s) {
  const bool selective = !s.filter.empty() && s.rows_kept < very_few * s.rows_read;
  if (generic && (compares(use, How::like) || use.optional))
    return say(s, rightful, Confidence::low,
               fmt::format("with values {} serves it: only the plan without values has to scan", advice.index));
  if (!selective)
    return say(s, rightful, Confidence::medium,
               fmt::format("{} exists, and reading the table whole is cheaper", advice.index));
}

// More rows than the table has pages match one value, and neighbours in value are none in the table.
bool everywhere(const KnownTable& t, const sql::RelationUse& use, const Scan& s) {
  const sql::ColumnUse* only = only_condition(use);
  const RelationColumn* c = only == nullptr || only->how != How::equal ? nullptr : t.column(only->column);
  const double pages = static_cast<double>(t.table.heap_bytes) / 8192;
  return c != nullptr && c->correlation && std::abs(*c->correlation) < kScattered && !s.index && !s.first_sorted &&
         !use.limit && s.loops < 2 && s.join_condition.empty() && !s.grouped && s.rows_kept > 1.5 * pages;
}

std::vector<sql::ColumnUse> uses_in(const KnownTable& table, const PlanNode& node, const std::string& condition) {
  const std::string alias = sql::quote_identifier(node.alias.empty() ? node.relation : node.alias);
  auto all = sql::relations(
      fmt::format("SELECT FROM {} {} WHERE {}", sql::quote_identifier(table.table.relation), alias, condition));
  return all.empty() ? std::vector<sql::ColumnUse>() : std::move(all.front().uses);
}

// The share of the rows that these equalities keep, by statistics.
std::optional<double> equal_share(const KnownTable& table, const std::vector<sql::ColumnUse>& uses) {
  double share = 1;
  bool any = false;
  for (const sql::ColumnUse& u : uses) {
    const RelationColumn* c = table.column(u.column);
    if (u.how != How::equal && u.how != How::in_list && u.how != How::join) continue;
    if (c == nullptr || !c->distinct || *c->distinct == 0) return std::nullopt;
    share /= *c->distinct > 0 ? *c->distinct : -*c->distinct * *table.table.rows;
    any = true;
  }
  return any ? std::optional(share) : std::nullopt;
}

}  // namespace

std::optional<double> walked_bytes(const Catalogue& catalogue, const std::string& database, const PlanNode& node) {
  if (node.index.empty() || node.index_condition.empty()) return std::nullopt;
  for (const auto& [key, known] : catalogue.all()) {
    if (known.table.database != database) continue;
    for (const Index& i : known.indexes) {
      if (i.columns.empty() || i.columns[0].empty()) continue;
      if (i.name.substr(i.name.rfind('.') + 1) != sql::quote_identifier(node.index)) continue;
      if (!node.schema.empty() && known.table.schema != node.schema) continue;
      if (i.method == "brin") {  // it finds blocks: of values that lie scattered, nearly all of them
        const RelationColumn* c = known.column(i.columns[0]);
        const bool scattered = c != nullptr && c->correlation && std::abs(*c->correlation) < kScattered;
        return scattered ? std::optional(static_cast<double>(known.table.heap_bytes)) : std::nullopt;
      }
      if (i.method != "btree" || mentions(node.index_condition, i.columns[0])) return std::nullopt;
      return static_cast<double>(i.bytes);
    }
  }
  return std::nullopt;
}

std::optional<double> rows_found(const KnownTable& table, const PlanNode& node, bool generic, bool limited) {
  if (!table.table.rows || *table.table.rows <= 0) return std::nullopt;
  const double all = *table.table.rows;
  const auto uses = uses_in(table, node, node.index_condition);
  if (const auto share = equal_share(table, uses)) return std::max(1.0, all * *share);
  const auto ranges = std::count_if(uses.begin(), uses.end(), [](const auto& u) { return u.how == How::range; });
  if (ranges == 0) return std::nullopt;
  // The next page begins anywhere; without a LIMIT such a range is a recent one, and what it finds is not known.
  if (generic) return limited && ranges == 1 ? std::optional(all * kOpenRange) : std::nullopt;
  const auto share = equal_share(table, uses_in(table, node, node.filter));
  // An estimate of one row may stand for none.
  return share && node.rows > 1 ? std::optional(std::min(all, node.rows / *share)) : std::nullopt;
}

void weigh(const KnownTable& table, const sql::RelationUse& use, const IndexAdvice& advice, bool generic, Scan& s,
           std::string& basis) {
  if (generic && (s.verdict != rightful || s.index || skewed(table, use)))
    if (const IndexDefinition* partial = partial_index(table, use)) {
      basis += "; with values a partial index might serve";
      return say(s, rightful, Confidence::low,
                 fmt::format("with values that it covers, {} (WHERE {}) serves it", partial->name, partial->predicate));
    }
  if (s.small) return;
  if (table.outgrown && advice.kind == IndexAdvice::Kind::exists && advice.obstacle == Obstacle::statistics &&
      !s.filter.empty())
    return say(s, harmful, Confidence::medium,
               fmt::format("{} would serve it, but most rows came after the last ANALYZE", advice.index));
  if (s.verdict == harmful && advice.kind == IndexAdvice::Kind::exists && advice.obstacle == Obstacle::statistics)
    return unused(use, advice, generic, s);
  if (const auto parts = few_parts(use); parts && s.verdict == harmful && !s.index && !s.filter.empty())
    return say(s, rightful, Confidence::medium,
               fmt::format("its condition is on one of some {:.0f} values, and each has many rows", *parts));
  if (s.verdict != harmful && !s.filter.empty() && !s.index && advice.obstacle == Obstacle::rewrite && only_calls(use))
    return say(s, harmful, Confidence::low,
               "its condition is a function's answer, of which the planner takes a third of the rows for granted");
  if (s.verdict == rightful && s.stopped_early && !s.index && !generic && advice.creates() && at_the_end(table, use))
    return say(s, harmful, Confidence::medium,
               "its rows lie at the end of the table: LIMIT stops the scan only after all before them");
  if (s.verdict == rightful && s.stopped_early && advice.kind != IndexAdvice::Kind::exists && !few_parts(use) &&
      only_guessed(table, use, generic)) {
    const bool few =
        std::any_of(use.uses.begin(), use.uses.end(), [&](const auto& u) { return nearly_unique(table, u); });
    say(s, harmful, few ? Confidence::medium : Confidence::low,
        "LIMIT stops the scan early only if the planner's guess is right: no statistics tell how many rows match");
  }
  if (s.first_sorted && s.verdict == harmful && !(advice.creates() && has_order(use, advice)))
    return say(s, rightful, Confidence::low, "no index has the rows of its condition in the order that is asked for");
  if (generic && s.verdict == harmful && !s.index && advice.kind == IndexAdvice::Kind::none)
    if (const IndexDefinition* computed = computed_index(table, use)) {
      basis += "; with values an index on an expression might serve";
      return say(s, rightful, Confidence::low,
                 fmt::format("with the values that {} is made for, it serves", computed->name));
    }
  if (const auto* only = only_condition(use); only != nullptr && s.verdict == harmful && !s.index && cuts(*only) &&
                                              computed_equal(*only) && only->expression.empty())
    return say(s, unsure, Confidence::low,
               fmt::format("how many rows have the same piece of {} is not known", only->column));
  if (s.verdict == harmful && advice.kind == IndexAdvice::Kind::none && advice.obstacle == Obstacle::unselective)
    return say(s, rightful, Confidence::low, "no index can serve its condition");

  if (s.verdict == harmful && everywhere(table, use, s))
    return say(s, rightful, Confidence::medium,
               "its rows lie scattered in nearly all pages: an index would have to read them, too");

  const bool ranges = compares(use, How::range), equal = compares(use, How::equal) || compares(use, How::in_list);
  if (generic && ranges && !equal && s.grouped && s.verdict == harmful && !s.filter.empty()) {
    return say(s, unsure, Confidence::low,
               "planned without values: how much the range keeps is a guess, and it is summed up");
  }
  if (!generic || s.verdict == harmful || !advice.creates() || s.filter.empty()) return;
  if (s.rows_read <= 0 || s.bytes_read <= 0) return;
  if (skewed(table, use)) {
    const bool few_wanted = use.limit || use.locks;
    return say(s, harmful, few_wanted ? Confidence::medium : Confidence::low,
               "most rows have one value of its column: a query for a rarer one reads them all");
  }
  if (s.verdict == unsure && evenly_spread(table, use))
    return say(s, rightful, Confidence::medium, "its columns have few values, and each of them many rows");
  if (ranges && s.verdict == unsure)
    return s.grouped ? say(s, unsure, Confidence::low, "planned without values: how much the range keeps is a guess")
                     : say(s, harmful, Confidence::low,
                           "no index serves its range, and without values the plan cannot tell how little it keeps");
}

}  // namespace pgvigil
