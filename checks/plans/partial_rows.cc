#include "checks/plans/partial_rows.h"

#include <algorithm>

namespace pgvigil {
namespace {

constexpr double kFewKept = 0.05;  // of all: what is left of them is worth an index of its own

double commonest(const KnownTable& known, const sql::ColumnUse& u) {
  const RelationColumn* c = known.column(u.column);
  return c == nullptr ? 0 : c->commonest.value_or(0);
}

}  // namespace

void choose_rows(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints, WantedKeys& keys) {
  const sql::ColumnUse* most = nullptr;
  for (const sql::ColumnUse& u : use.uses)
    if (!u.negation.empty() && (most == nullptr || commonest(known, u) > commonest(known, *most))) most = &u;
  if (most == nullptr || !hints.kept || *hints.kept >= kFewKept || !keys.joined.empty()) return;
  if (keys.range && !keys.range_keeps_most) return;
  if (!keys.equal.empty()) {
    const auto found = rows_of_one(known, keys.equal, keys.equal.size());
    if (!found || *hints.kept * *known.table.rows > kFewKept * *found) return;
  }
  if (!sortable(known, most->column)) return;
  keys.predicate = most->negation;
  keys.rows_covered = known.table.rows.value_or(0) * std::max(*hints.kept, 1 - commonest(known, *most));
  if (keys.equal.empty() && !keys.range && keys.ordered.empty()) keys.ordered.push_back({most->column, most->column});
}

}  // namespace pgvigil
