// What one execution of a query reads and returns, as the server counts it.
#pragma once

#include "checks/plans/scans.h"

namespace pgvigil {

struct Executed {
  double calls = 0;            // of the last minute; in one look, where these are few, of all time
  double bytes = 0, rows = 0;  // of one: read from shared buffers, returned or changed
};
constexpr double enough_calls = 5;  // below which a mean says little

// Nothing where pg_stat_statements does not tell.
Executed executed(const Input& in, const QueryLoad& query, const std::vector<std::string>& ids);

// Executions return many rows where the plan takes it that they keep few, or few where it takes it that they keep most:
// corrects the verdict on a scan whose rows are the query's.
void judge_returned(const Input& in, const Catalogue& catalogue, const PlanNode& root, const KnownTable& table,
                    TableReader& r);

}  // namespace pgvigil
