#include "checks/plans/counted.h"

#include <algorithm>

#include "checks/plans/executed.h"
#include "checks/plans/sql_tree.h"
#include "checks/probes/plan_tables.h"

namespace pgvigil {
namespace {

using How = sql::ColumnUse::How;
using sql::Json;

constexpr double kOnce = 1;  // a second

// Every row that it asks for has some value; nothing stops it early.
bool looks_up(const sql::RelationUse& use) {
  bool equal = false;
  for (const sql::ColumnUse& u : use.uses) {
    if (u.how == How::group) return false;
    equal = equal || u.how == How::equal || u.how == How::in_list;
  }
  return equal && !use.has_or && !use.limit;
}

// What is counted or summed up may need many rows to return one.
bool calls_functions(const Json& node, int depth = 0) {
  if (depth > sql::kDeepest || !node.is_structured()) return false;
  if (!node.is_object())
    return std::any_of(node.begin(), node.end(), [&](const Json& child) { return calls_functions(child, depth + 1); });
  if (node.contains("FuncCall")) return true;
  for (const auto& [key, child] : node.items())
    if (key != "whereClause" && calls_functions(child, depth + 1)) return true;
  return false;
}

}  // namespace

bool counted_as_scans(const Input& in, const HotEntry& query, std::string_view text,
                      const std::vector<sql::RelationUse>& uses, const KnownTable& table) {
  const double all = table.table.rows.value_or(0);
  if (uses.size() != 1 || !looks_up(uses[0]) || all <= 0) return false;
  auto read = in.rate(tables, table.table, &Table::seq_rows_read);
  if (!read) read = in.rate(plan_tables, table.table, &Table::seq_rows_read);
  if (read.value_or(0) < kOnce * all) return false;
  const Executed one = executed(in, query.load, query.ids);
  return one.calls >= enough_calls && one.rows < very_few * all && !calls_functions(sql::parse_tree(text));
}

}  // namespace pgvigil
