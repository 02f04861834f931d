#include "checks/plans/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "checks/plans/index_keys.h"
#include "checks/plans/wanted_keys.h"
#include "checks/plans/why_not.h"

namespace pgvigil {
namespace {

constexpr std::size_t kMostColumns = 5;
constexpr double kManyRows = 1000;  // of one value: a join that looks up one by one has its column in the index, too

class Advisor {
 public:
  Advisor(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints)
      : use_(use), known_(known), hints_(hints), keys_(wanted_keys(use, known, hints)) {
    // A flag halves the rows at best: an index that begins with another column serves more.
    std::stable_partition(keys_.equal.begin(), keys_.equal.end(), [&](const IndexKey& k) {
      const RelationColumn* c = k.text == k.column ? known_.column(k.column) : nullptr;
      return c == nullptr || c->type != "boolean";
    });
    out_.predicate = keys_.predicate;
    out_.rows_covered = keys_.rows_covered;
    out_.obstacle = keys_.obstacle;
  }

  IndexAdvice run() {
    const bool only_order = keys_.equal.empty() && keys_.joined.empty() && !keys_.range;
    if (only_order && !use_.either.empty() && arms()) return std::move(out_);
    if (btree()) {
      // What is there has the order alone; what selects may stand anywhere in the text.
      if (!only_order || !keys_.trigrams || out_.kind != IndexAdvice::Kind::exists) return std::move(out_);
      out_ = {};
    }
    if (container()) return std::move(out_);
    if (arms()) return std::move(out_);
    if (keys_.trigrams) out_.trigrams = keys_.trigrams->print();
    say(why_none(known_, use_, keys_.hindrance, keys_.obstacle));
    return std::move(out_);
  }

 private:
  // Values that no B-tree holds: what is left of the conditions serves if it finds few rows, else a hash index does.
  bool hash() {
    const auto long_ones = [&](const IndexKey& k) { return k.text == k.column && too_long(known_, k.column); };
    const auto one = std::find_if(keys_.equal.begin(), keys_.equal.end(), long_ones);
    const std::optional<IndexKey> hashed = one == keys_.equal.end() ? std::nullopt : std::optional(*one);
    for (auto* keys : {&keys_.equal, &keys_.joined, &keys_.ordered}) std::erase_if(*keys, long_ones);
    if (keys_.range && long_ones(*keys_.range)) keys_.range.reset();
    if (!hashed || rows_of_one(known_, keys_.equal, keys_.equal.size()).value_or(kManyRows + 1) <= kManyRows)
      return false;
    decide({*hashed}, 1, "hash");
    return true;
  }

  bool btree() {
    if (hash()) return true;
    std::vector<IndexKey> wanted;
    std::vector<std::string> equal_columns;
    for (const IndexKey& k : keys_.equal) equal_columns.push_back(k.text);
    const bool walks = hints_.in_order && !keys_.ordered.empty();  // and joins what it meets
    if (!walks && (keys_.equal.empty() || few_values(known_, equal_columns)))
      wanted = keys_.joined;  // reached through the other table
    for (const IndexKey& k : keys_.equal)
      if (!has_key(wanted, k.text)) wanted.push_back(k);
    if (!walks && !keys_.joined.empty() && rows_of_one(known_, keys_.equal, keys_.equal.size()).value_or(0) > kManyRows)
      for (const IndexKey& k : keys_.joined)
        if (!has_key(wanted, k.text)) wanted.push_back(k);
    // A container index beats a B-tree on a column of few values.
    if (keys_.contained && (few_values(known_, equal_columns) ||
                            rows_of_one(known_, keys_.equal, keys_.equal.size()).value_or(0) > kManyRows))
      return false;
    if (wanted.size() > kMostColumns) wanted.resize(kMostColumns);
    const std::size_t leading = wanted.size();
    // After a range the order is lost: an index serves either the range or the sort.
    if (keys_.range && !has_key(wanted, keys_.range->text) && wanted.size() < kMostColumns)
      wanted.push_back(*keys_.range);
    if (!keys_.range || (!keys_.ordered.empty() && keys_.ordered.front().text == keys_.range->text)) {
      if (keys_.range && !keys_.ordered.empty() && wanted.back().text == keys_.range->text &&
          keys_.range->operator_class.empty())
        wanted.back().order = keys_.ordered.front().order, wanted.back().direction = keys_.ordered.front().direction;
      for (const IndexKey& k : keys_.ordered)
        if (!has_key(wanted, k.text) && wanted.size() < kMostColumns) wanted.push_back(k);
    }
    // A box: what is out of the other bounds is left out within the index, its rows are not looked up.
    if (keys_.beside && leading == 0 && wanted.size() == 1 && wanted[0].text == keys_.range->text)
      wanted.push_back(*keys_.beside);
    if (wanted.empty()) return false;
    decide(wanted, leading, "btree");
    return true;
  }

  bool container() {
    if (!keys_.contained) return false;
    decide({*keys_.contained}, 1, keys_.method);
    return true;
  }

  // a = $1 OR b = $2: an index for each arm, which the planner combines.
  bool arms() {
    std::vector<IndexAdvice> each;
    for (const auto& uses : use_.either) {
      // An arm that looks into a subquery takes no index.
      if (std::any_of(uses.begin(), uses.end(), [](const auto& u) { return u.how == sql::ColumnUse::How::join; }))
        return false;
      sql::RelationUse arm{use_.schema, use_.relation, uses, use_.alias};
      IndexAdvice one = Advisor(arm, known_, {}).run();
      if (one.kind == IndexAdvice::Kind::none) return false;
      const auto same = [&](const IndexAdvice& a) { return a.definition() == one.definition(); };
      if (one.creates() && std::none_of(each.begin(), each.end(), same)) each.push_back(std::move(one));
    }
    if (each.empty()) return false;
    out_ = std::move(each.front());
    out_.beside.assign(std::make_move_iterator(each.begin() + 1), std::make_move_iterator(each.end()));
    return true;
  }

  void decide(std::vector<IndexKey> wanted, std::size_t equal, const std::string& method) {
    out_.method = method;
    out_.obstacle = Obstacle::none;
    for (const Index& i : known_.indexes)
      if (fits(i, wanted, equal, method) && i.is_valid && i.is_ready) return exists(i, wanted);
    // No index on a column can serve where the server casts it.
    for (auto k = wanted.begin(); k != wanted.end();)
      if (k->cast.empty()) {
        ++k;
      } else {
        if (!mismatch_) mismatch_ = *k;
        if (k - wanted.begin() < static_cast<std::ptrdiff_t>(equal)) --equal;
        k = wanted.erase(k);
      }
    if (wanted.empty()) return say(why_mismatched(known_, *mismatch_));
    for (const IndexKey& k : wanted) out_.columns.push_back(k.print());
    if (method == "btree") out_.rows_found = rows_of_one(known_, wanted, equal);
    out_.kind = IndexAdvice::Kind::create;
    for (const Index& i : known_.indexes)
      if (fits(i, wanted, equal, method)) {
        out_.kind = IndexAdvice::Kind::invalid_exists;
        out_.obstacle = Obstacle::exists_invalid;
        out_.index = i.name;
        out_.why_not = i.name + " is invalid: a build failed and left it behind";
        return;
      }
    for (const Index& i : known_.indexes)
      if (method == "btree" && i.method == "btree" && out_.predicate.empty() && !i.has_predicate && !i.is_unique &&
          i.is_valid && !i.columns.empty() && i.included.empty() && i.columns.size() < wanted.size() &&
          prefix(i, wanted))
        out_.replaces = i.name;
  }
  bool prefix(const Index& i, const std::vector<IndexKey>& wanted) const {
    for (std::size_t k = 0; k < i.columns.size(); ++k)
      if (!same_key(known_, i, k, wanted[k])) return false;
    return true;
  }
  bool fits(const Index& i, const std::vector<IndexKey>& wanted, std::size_t equal, const std::string& method) const {
    if (i.method != method || i.columns.empty()) return false;
    if (i.has_predicate || !out_.predicate.empty()) return false;
    return begins_with(known_, i, wanted, equal);
  }

  void exists(const Index& i, const std::vector<IndexKey>& wanted) {
    out_.kind = IndexAdvice::Kind::exists;
    out_.index = i.name;
    for (const IndexKey& k : wanted) {
      out_.columns.push_back(k.print());
      if (!k.cast.empty()) mismatch_ = k;
    }
    if (mismatch_) return say(why_mismatched(known_, *mismatch_));
    const bool or_over_tables = use_.has_or && use_.either.empty() && keys_.equal.empty() && !keys_.joined.empty();
    say(why_unused(i, wanted, use_, hints_, {keys_.hindrance, or_over_tables}));
  }

  void say(WhyNot why) {
    out_.obstacle = why.obstacle;
    out_.why_not = std::move(why.words);
    out_.settings = std::move(why.settings);
  }

  const sql::RelationUse& use_;
  const KnownTable& known_;
  const AdviceHints& hints_;
  IndexAdvice out_;
  WantedKeys keys_;
  std::optional<IndexKey> mismatch_;
};

}  // namespace

std::string_view to_string(Obstacle o) {
  static constexpr std::array<std::string_view, 10> names{"",          "exists_invalid", "cast",    "function",
                                                          "collation", "type_mismatch",  "setting", "statistics",
                                                          "rewrite",   "unselective"};
  return names[static_cast<std::size_t>(o)];
}

std::string IndexAdvice::definition() const {
  return fmt::format("{}({}){}", method == "btree" ? "" : "USING " + method + " ", fmt::join(columns, ", "),
                     predicate.empty() ? "" : " WHERE " + predicate);
}

IndexAdvice advise(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints) {
  return Advisor(use, known, hints).run();
}

}  // namespace pgvigil
