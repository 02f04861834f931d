#include "checks/plans/temporary.h"

#include <algorithm>

#include "checks/probes/plan_tables.h"
#include "checks/probes/relation_places.h"

namespace pgvigil {
namespace {

constexpr double barely = 0.01;  // passes over the table a second: of executions that end, each would be one
constexpr double ended = 5;      // executions

bool has_twin(const Input& in, const KnownTable& table) {
  for (const auto& answer : in.series(relation_places, in.history().keep_seconds))
    for (const RelationPlace& p : answer.rows)
      if (is_temporary(p) && p.database == table.table.database && p.relation == table.table.relation) return true;
  return false;
}

}  // namespace

void judge_temporary(const Input& in, const KnownTable& table, TableReader& r) {
  if (r.verdict != ScanVerdict::harmful || !r.use.schema.empty() || !r.scan || r.scan->index) return;
  if (table.table.kind == "p" || !has_twin(in, table)) return;
  auto read = in.rate(tables, table.table, &Table::seq_rows_read);
  if (!read) read = in.rate(plan_tables, table.table, &Table::seq_rows_read);
  if (read && *read >= barely * table.table.rows.value_or(1)) return;
  r.basis += "; but a session has a temporary table of that name";
  r.confidence = Confidence::low;
  if (read && static_cast<double>(r.query.executions) >= ended) r.verdict = ScanVerdict::unsure;
}

}  // namespace pgvigil
