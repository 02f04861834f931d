#include "checks/plans/forced_generic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "checks/plans/role_settings.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double few = 0.02;  // of the rows that the plan keeps: what executions return

// Of one execution, as the server counts them.
std::optional<double> rows_returned(const Input& in, const TableReader& r) {
  std::set<std::string> ids(r.ids.begin(), r.ids.end());
  ids.insert(r.query.query_id);
  double calls = 0, rows = 0;
  for (const Statement& s : in.now(statements))
    if (s.database == r.query.database && ids.contains(s.query_id))
      calls += static_cast<double>(s.calls), rows += static_cast<double>(s.rows);
  return calls > 0 ? std::optional(rows / calls) : std::nullopt;
}

}  // namespace

void judge_forced_generic(const Input& in, const std::string& text, TableReader& r) {
  if (!r.scan || r.scan->index || r.scan->small || r.verdict == ScanVerdict::harmful) return;
  if (r.advice.kind != IndexAdvice::Kind::exists || r.advice.obstacle != Obstacle::statistics) return;
  if (r.scan->grouped || r.scan->filter.empty() || !r.scan->join_condition.empty() || r.use.limit) return;
  const ServerSetting* s = setting_for(in, "plan_cache_mode", r.query.user, r.query.database);
  const auto returned = rows_returned(in, r);
  if (s == nullptr || s->value != "force_generic_plan" || !returned || *returned > few * r.scan->rows_kept) return;
  if (text.find('$') == std::string::npos) return;
  r.verdict = ScanVerdict::harmful;
  r.confidence = Confidence::medium;
  r.scan->reason = fmt::format("planned without values it expects {}, its executions return {}",
                               words::counted(std::round(r.scan->rows_kept), "row"), words::number(*returned));
  r.scan->rows_kept = std::max(1.0, *returned);
  r.advice.obstacle = Obstacle::setting;
  r.advice.settings = {s->name};
  r.advice.why_not = fmt::format("{} on {} exists, but {} = {}{} lets no plan know the values it looks for",
                                 r.advice.index, r.advice.definition(), s->name, in_words(*s), owner_of(*s));
  r.basis += "; the rows that executions return say that the values are rare";
}

}  // namespace pgvigil
