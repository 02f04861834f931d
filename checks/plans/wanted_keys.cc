#include "checks/plans/wanted_keys.h"

#include <algorithm>

#include "checks/plans/container_keys.h"
#include "checks/plans/immutable.h"
#include "checks/plans/partial_rows.h"
#include "checks/plans/why_not.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;
using sql::ColumnUse;

constexpr double kFewRows = 0.2;  // of all: a range that keeps so few leads, one that keeps all but these does not

class Keys {
 public:
  Keys(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints)
      : use_(use), known_(known), hints_(hints) {}

  WantedKeys run() {
    for (const ColumnUse& u : use_.uses) {
      const bool wrapped = u.how == How::function || u.how == How::cast;
      const How how = wrapped ? u.compared : u.how;
      if (!operator_of(u).empty()) hinder(u, Obstacle::rewrite);
      if (how == How::sort || how == How::group || how == How::other || how == How::contains) continue;
      if (how == How::is_null && keeps_most(u)) continue;
      auto k = key(u);
      if (!k) continue;
      if (how == How::like) {
        like(u, std::move(*k));
        continue;
      }
      if (how == How::range) {
        if (!has_key(out_.equal, k->text)) ranges_.push_back({std::move(*k), &u});
        continue;
      }
      auto& list = how == How::join ? out_.joined : out_.equal;
      if (!has_key(list, k->text)) list.push_back(std::move(*k));
    }
    if (use_.limit) order();
    choose_range();
    choose_rows(use_, known_, hints_, out_);
    contain();
    return std::move(out_);
  }

 private:
  // The key that serves this use, unless something keeps an index from it: then that is remembered.
  std::optional<IndexKey> key(const ColumnUse& u) {
    if (!known_.columns.empty() && known_.column(u.column) == nullptr) return std::nullopt;  // xmin, ctid, tableoid
    if (u.how == How::function || u.how == How::cast || (u.how == How::other && !u.expression.empty())) {
      const Obstacle kind = u.how == How::cast ? Obstacle::cast : Obstacle::function;
      if (!u.expression.empty() && indexable(u.functions, known_.column(u.column))) {
        const IndexKey wanted{u.expression, u.column};
        for (const Index& i : known_.indexes)  // ours already, whatever else there is
          if (!i.columns.empty() && same_key(known_, i, 0, wanted)) return wanted;
        if (led_by(known_, u.column) == nullptr) return wanted;
      }
      if (u.compared != How::other) hinder(u, kind);
      return std::nullopt;
    }
    if (!sortable(known_, u.column)) return std::nullopt;
    if (not_distinct(u)) {
      hinder(u, Obstacle::rewrite);
      return std::nullopt;
    }
    IndexKey k{u.column, u.column};
    k.cast = cast_by_server(known_, u, hints_.filter, hints_.alias);
    const RelationColumn* c = known_.column(u.column);
    if (!u.collation.empty() && !(c != nullptr && c->c_collation && u.collation == "C")) k.collation = u.collation;
    return k;
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
      if (hints_.in_order && !out_.ordered.empty() && out_.ordered.front().text == r.key.text) return 4;
      if (kept && *kept <= kFewRows) return 3;
      if (both_bounds(r) || r.use->how == How::like) return 2;
      return kept && *kept >= 1 - kFewRows ? 0 : 1;
    };
    const auto best = std::max_element(ranges_.begin(), ranges_.end(),
                                       [&](const Range& a, const Range& b) { return rank(a) < rank(b); });
    if (best == ranges_.end()) return;
    out_.range = best->key;
    out_.range_keeps_most = rank(*best) == 0;
    for (const Range& r : ranges_)
      if (!out_.beside && both_bounds(*best) && both_bounds(r) && r.key.text != out_.range->text) out_.beside = r.key;
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
    // ~ of a type that is no text: ltree
    if (u.how == How::like && c != nullptr && c->type_category == "U" && !is_citext(*c)) return contain(u);
    const std::string& detail = u.how == How::like ? u.detail : u.compared_detail;
    if ((c != nullptr && u.how == How::like && is_citext(*c)) || (detail == "starts" && !known_.serves_starts_with)) {
      hinder(u, Obstacle::rewrite);
      return;
    }
    const bool anywhere = detail == "infix" || detail == "ilike" || detail.starts_with("regex");
    const auto trigrams = known_.extensions.find("pg_trgm");
    const bool served = detail.empty() && pattern_index(u.column);
    if (served) k.operator_class = "text_pattern_ops";
    if (anywhere || (!served && detail.empty() && trigrams != known_.extensions.end())) {
      if (trigrams == known_.extensions.end()) {
        hinder(u, Obstacle::none);
        k.operator_class = "gin_trgm_ops";
        if (!out_.trigrams) out_.trigrams = std::move(k);
        return;
      }
      const bool plain = trigrams->second == "public" || trigrams->second == "pg_catalog";
      k.operator_class = (plain ? "" : trigrams->second + ".") + "gin_trgm_ops";
      if (!out_.contained) out_.contained = std::move(k), out_.method = "gin";
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
      out_.ordered.push_back(std::move(*k));
    }
  }

  void contain() {
    for (const ColumnUse& u : use_.uses) {
      const bool wrapped = u.how == How::function;
      if ((wrapped ? u.compared : u.how) == How::contains && !out_.contained) contain(u);
    }
  }
  void contain(const ColumnUse& u) {
    ContainerKey found = container_key(known_, u);
    if (found.obstacle != Obstacle::none) hinder(u, found.obstacle);
    out_.contained = std::move(found.key), out_.method = std::move(found.method);
  }

  // The first one is told.
  void hinder(const ColumnUse& u, Obstacle kind) {
    if (out_.hindrance == nullptr) out_.hindrance = &u, out_.obstacle = kind;
  }

  const sql::RelationUse& use_;
  const KnownTable& known_;
  const AdviceHints& hints_;
  WantedKeys out_;
  std::vector<Range> ranges_;
};

}  // namespace

bool has_key(const std::vector<IndexKey>& all, const std::string& text) {
  return std::any_of(all.begin(), all.end(), [&](const IndexKey& k) { return k.text == text; });
}

WantedKeys wanted_keys(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints) {
  return Keys(use, known, hints).run();
}

}  // namespace pgvigil
