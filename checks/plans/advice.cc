#include "checks/plans/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "checks/plans/container_keys.h"
#include "checks/plans/immutable.h"
#include "checks/plans/index_keys.h"
#include "checks/plans/why_not.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;
using sql::ColumnUse;
using Names = std::vector<std::string>;

constexpr std::size_t kMostColumns = 5;
constexpr double kFewRows = 0.2;    // of all: a range that keeps so few leads, one that keeps all but these does not
constexpr double kFewKept = 0.05;   // of all: what is left of them is worth an index of its own
constexpr double kManyRows = 1000;  // of one value: a join that looks up one by one has its column in the index, too

bool has_key(const std::vector<IndexKey>& all, const std::string& text) {
  return std::any_of(all.begin(), all.end(), [&](const IndexKey& k) { return k.text == text; });
}

class Advisor {
 public:
  Advisor(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints)
      : use_(use), known_(known), hints_(hints) {}

  IndexAdvice run() {
    collect();
    const bool only_order = equal_.empty() && joined_.empty() && !range_;
    if (only_order && !use_.either.empty() && arms()) return std::move(out_);
    if (btree()) return std::move(out_);
    if (container()) return std::move(out_);
    if (arms()) return std::move(out_);
    say(why_none(known_, use_, obstacle_, out_.obstacle));
    return std::move(out_);
  }

 private:
  // The key that serves this use, unless something keeps an index from it: then that is remembered.
  std::optional<IndexKey> key(const ColumnUse& u) {
    if (u.how == How::function || u.how == How::cast || (u.how == How::other && !u.expression.empty())) {
      const Obstacle kind = u.how == How::cast ? Obstacle::cast : Obstacle::function;
      if (!u.expression.empty() && indexable(u.functions, known_.column(u.column))) {
        const IndexKey wanted{u.expression, u.column};
        for (const Index& i : known_.indexes)  // ours already, whatever else there is
          if (!i.columns.empty() && same_key(known_, i, 0, wanted)) return wanted;
        if (led_by(known_, u.column) == nullptr) return wanted;
      }
      if (u.compared != How::other && obstacle_ == nullptr) obstacle_ = &u, out_.obstacle = kind;
      return std::nullopt;
    }
    if (!sortable(known_, u.column)) return std::nullopt;
    if (not_distinct(u)) {
      if (obstacle_ == nullptr) obstacle_ = &u, out_.obstacle = Obstacle::rewrite;
      return std::nullopt;
    }
    IndexKey k{u.column, u.column};
    k.cast = cast_by_server(known_, u, hints_.filter, hints_.alias);
    const RelationColumn* c = known_.column(u.column);
    if (!u.collation.empty() && !(c != nullptr && c->c_collation && u.collation == "C")) k.collation = u.collation;
    return k;
  }

  void collect() {
    for (const ColumnUse& u : use_.uses) {
      const bool wrapped = u.how == How::function || u.how == How::cast;
      const How how = wrapped ? u.compared : u.how;
      if (!operator_of(u).empty() && obstacle_ == nullptr) obstacle_ = &u, out_.obstacle = Obstacle::rewrite;
      if (how == How::sort || how == How::group || how == How::other || how == How::contains) continue;
      if (how == How::is_null && keeps_most(u)) continue;
      auto k = key(u);
      if (!k) continue;
      if (how == How::like) {
        like(u, std::move(*k));
        continue;
      }
      if (how == How::range) {
        if (!has_key(equal_, k->text)) ranges_.push_back({std::move(*k), &u});
        continue;
      }
      auto& list = how == How::join ? joined_ : equal_;
      if (!has_key(list, k->text)) list.push_back(std::move(*k));
    }
    if (use_.limit) order();
    choose_range();
    choose_rows();
  }

  struct Range {
    IndexKey key;
    const ColumnUse* use;
  };

  static bool both_bounds(const Range& r) { return r.use->how == How::range && r.use->detail == "between"; }

  // The share of the rows that it keeps, where it asks for what is past or to come. A parameter, too, is the present as
  // a rule: starts_at <= $1 AND ends_at > $1.
  std::optional<double> kept_by_clock(const Range& r) const {
    const RelationColumn* c = known_.column(r.use->column);
    const bool present = r.use->with == ColumnUse::With::now || r.use->with == ColumnUse::With::parameter;
    if (r.use->how != How::range || both_bounds(r) || !present || c == nullptr || !c->past) return std::nullopt;
    return r.use->detail == "below" ? *c->past : 1 - *c->past;
  }

  // Of several ranges the one that keeps the fewest rows leads, as far as that can be told; else the first.
  void choose_range() {
    const auto rank = [&](const Range& r) {
      const auto kept = kept_by_clock(r);
      if (hints_.in_order && !ordered_.empty() && ordered_.front().text == r.key.text) return 4;
      if (kept && *kept <= kFewRows) return 3;
      if (both_bounds(r) || r.use->how == How::like) return 2;
      return kept && *kept >= 1 - kFewRows ? 0 : 1;
    };
    const auto best = std::max_element(ranges_.begin(), ranges_.end(),
                                       [&](const Range& a, const Range& b) { return rank(a) < rank(b); });
    if (best == ranges_.end()) return;
    range_ = best->key;
    range_keeps_most_ = rank(*best) == 0;
    for (const Range& r : ranges_)
      if (!beside_ && both_bounds(*best) && both_bounds(r) && r.key.text != range_->text) beside_ = r.key;
  }

  // status <> 'done' keeps few rows, and nothing else does: an index of these alone.
  void choose_rows() {
    const ColumnUse* most = nullptr;
    const auto commonest = [&](const ColumnUse& u) {
      const RelationColumn* c = known_.column(u.column);
      return c == nullptr ? 0 : c->commonest.value_or(0);
    };
    for (const ColumnUse& u : use_.uses)
      if (!u.negation.empty() && (most == nullptr || commonest(u) > commonest(*most))) most = &u;
    if (most == nullptr || !hints_.kept || *hints_.kept >= kFewKept || !joined_.empty()) return;
    if (range_ && !range_keeps_most_) return;
    if (!equal_.empty()) {
      const auto found = rows_found(equal_, equal_.size());
      if (!found || *hints_.kept * *known_.table.rows > kFewKept * *found) return;
    }
    auto k = key(*most);
    if (!k) return;
    out_.predicate = most->negation;
    out_.rows_covered = known_.table.rows.value_or(0) * std::max(*hints_.kept, 1 - commonest(*most));
    if (equal_.empty() && !range_ && ordered_.empty()) ordered_.push_back(std::move(*k));
  }

  bool joins() const {
    return std::any_of(use_.uses.begin(), use_.uses.end(), [](const ColumnUse& u) { return u.how == How::join; });
  }

  bool keeps_most(const ColumnUse& u) const {
    if ((u.how == How::is_null ? u.detail : u.compared_detail) == "not") return null_share(u) < 0.9;
    if (null_share(u) <= 0 && joins()) return true;  // what has no partner: it is the join that finds it
    return null_share(u) >= 0.5 && use_.uses.size() > 1;
  }

  double null_share(const ColumnUse& u) const {
    const RelationColumn* c = known_.column(u.column);
    return c == nullptr ? 0 : c->null_fraction.value_or(0);
  }

  void like(const ColumnUse& u, IndexKey k) {
    const RelationColumn* c = known_.column(u.column);
    const std::string& detail = u.how == How::like ? u.detail : u.compared_detail;
    if ((c != nullptr && u.how == How::like && is_citext(*c)) || (detail == "starts" && !known_.serves_starts_with)) {
      if (obstacle_ == nullptr) obstacle_ = &u, out_.obstacle = Obstacle::rewrite;
      return;
    }
    const bool anywhere = detail == "infix" || detail == "ilike" || detail.starts_with("regex");
    const auto trigrams = known_.extensions.find("pg_trgm");
    const bool served = detail.empty() && pattern_index(u.column);
    if (served) k.operator_class = "text_pattern_ops";
    if (anywhere || (!served && detail.empty() && trigrams != known_.extensions.end())) {
      if (trigrams == known_.extensions.end()) {
        if (obstacle_ == nullptr) obstacle_ = &u;
        return;
      }
      const bool plain = trigrams->second == "public" || trigrams->second == "pg_catalog";
      k.operator_class = (plain ? "" : trigrams->second + ".") + "gin_trgm_ops";
      if (!contained_) contained_ = std::move(k), contained_method_ = "gin";
      return;
    }
    if (!served && u.how != How::like) k.operator_class = "text_pattern_ops";
    if (!served && u.how == How::like && c != nullptr && is_text(*c) && !c->c_collation)
      k.operator_class = c->type == "text"                          ? "text_pattern_ops"
                         : c->type.starts_with("character varying") ? "varchar_pattern_ops"
                                                                    : "bpchar_pattern_ops";
    ranges_.push_back({std::move(k), &u});
  }

  // An index whose order is that of bytes.
  bool pattern_index(const std::string& column) const {
    return std::any_of(known_.indexes.begin(), known_.indexes.end(), [&](const Index& i) {
      return leads_with(i, column) && !i.operator_classes.empty() && i.operator_classes[0].ends_with("pattern_ops");
    });
  }

  void order() {
    std::vector<const ColumnUse*> sorts;
    for (const ColumnUse& u : use_.uses)
      if (u.how == How::sort || (!u.expression.empty() && u.compared == How::sort)) sorts.push_back(&u);
    const auto direction = [](const ColumnUse& u) { return u.how == How::sort ? u.detail : u.compared_detail; };
    const bool plain = std::all_of(sorts.begin(), sorts.end(), [&](const ColumnUse* u) {
      const std::string d = direction(*u);
      return d == direction(*sorts[0]) && (d.empty() || d == "desc");  // read forwards or backwards
    });
    for (const ColumnUse* u : sorts) {
      auto k = key(*u);
      if (!k) break;
      std::string d = direction(*u);
      std::transform(d.begin(), d.end(), d.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
      k->direction = direction(*u);
      if (!plain) k->order = d;
      ordered_.push_back(std::move(*k));
    }
  }

  // Values that no B-tree holds: what is left of the conditions serves if it finds few rows, else a hash index does.
  bool hash() {
    const auto long_ones = [&](const IndexKey& k) { return k.text == k.column && too_long(known_, k.column); };
    const auto one = std::find_if(equal_.begin(), equal_.end(), long_ones);
    const std::optional<IndexKey> hashed = one == equal_.end() ? std::nullopt : std::optional(*one);
    for (auto* keys : {&equal_, &joined_, &ordered_}) std::erase_if(*keys, long_ones);
    if (range_ && long_ones(*range_)) range_.reset();
    if (!hashed || rows_found(equal_, equal_.size()).value_or(kManyRows + 1) <= kManyRows) return false;
    decide({*hashed}, 1, "hash");
    return true;
  }

  bool btree() {
    if (hash()) return true;
    std::vector<IndexKey> wanted;
    Names equal_columns;
    for (const IndexKey& k : equal_) equal_columns.push_back(k.text);
    const bool walks = hints_.in_order && !ordered_.empty();  // and joins what it meets
    if (!walks && (equal_.empty() || few_values(known_, equal_columns)))
      wanted = joined_;  // reached through the other table
    for (const IndexKey& k : equal_)
      if (!has_key(wanted, k.text)) wanted.push_back(k);
    if (!walks && !joined_.empty() && rows_found(equal_, equal_.size()).value_or(0) > kManyRows)
      for (const IndexKey& k : joined_)
        if (!has_key(wanted, k.text)) wanted.push_back(k);
    // A container index beats a B-tree on a column of few values.
    if (contained() && (few_values(known_, equal_columns) || rows_found(equal_, equal_.size()).value_or(0) > kManyRows))
      return false;
    if (wanted.size() > kMostColumns) wanted.resize(kMostColumns);
    const std::size_t leading = wanted.size();
    // After a range the order is lost: an index serves either the range or the sort.
    if (range_ && !has_key(wanted, range_->text) && wanted.size() < kMostColumns) wanted.push_back(*range_);
    if (!range_ || (!ordered_.empty() && ordered_.front().text == range_->text)) {
      if (range_ && !ordered_.empty() && wanted.back().text == range_->text && range_->operator_class.empty())
        wanted.back().order = ordered_.front().order, wanted.back().direction = ordered_.front().direction;
      for (const IndexKey& k : ordered_)
        if (!has_key(wanted, k.text) && wanted.size() < kMostColumns) wanted.push_back(k);
    }
    // A box: what is out of the other bounds is left out within the index, its rows are not looked up.
    if (beside_ && leading == 0 && wanted.size() == 1 && wanted[0].text == range_->text) wanted.push_back(*beside_);
    if (wanted.empty()) return false;
    decide(wanted, leading, "btree");
    return true;
  }

  bool contained() {
    for (const ColumnUse& u : use_.uses) {
      const bool wrapped = u.how == How::function;
      if ((wrapped ? u.compared : u.how) != How::contains || contained_) continue;
      ContainerKey found = container_key(known_, u);
      if (found.obstacle != Obstacle::none && obstacle_ == nullptr) obstacle_ = &u, out_.obstacle = found.obstacle;
      contained_ = std::move(found.key), contained_method_ = std::move(found.method);
    }
    return contained_.has_value();
  }

  bool container() {
    if (!contained()) return false;
    decide({*contained_}, 1, contained_method_);
    return true;
  }

  // a = $1 OR b = $2: an index for each arm, which the planner combines.
  bool arms() {
    std::vector<IndexAdvice> each;
    for (const auto& uses : use_.either) {
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
    out_.rows_found = rows_found(wanted, equal);
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
  // By the statistics of the columns that are compared for equality.
  std::optional<double> rows_found(const std::vector<IndexKey>& wanted, std::size_t equal) const {
    if (equal == 0 || out_.method != "btree" || !known_.table.rows) return std::nullopt;
    double rows = *known_.table.rows;
    for (std::size_t k = 0; k < equal; ++k) {
      const auto d = wanted[k].text == wanted[k].column ? distinct_values(known_, wanted[k].column) : std::nullopt;
      if (!d) return std::nullopt;
      rows /= *d;
    }
    return std::max(1.0, rows);
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
    const bool or_over_tables = use_.has_or && use_.either.empty() && equal_.empty() && !joined_.empty();
    say(why_unused(i, wanted, use_, hints_, {obstacle_, or_over_tables}));
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
  std::vector<IndexKey> equal_, joined_, ordered_;
  std::vector<Range> ranges_;
  std::optional<IndexKey> range_, beside_, contained_;
  bool range_keeps_most_ = false;
  std::string contained_method_;
  const ColumnUse* obstacle_ = nullptr;
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
