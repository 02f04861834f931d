// A LIMIT that is to stop a scan soon: does it? The planner takes it that rows that match lie scattered; the server
// counts what executions read.
#pragma once

#include <string_view>

#include "checks/plans/scans.h"

namespace pgvigil {

// Corrects the verdict of a scan that the plan expects to stop early.
void judge_limit_walk(const Input& in, std::string_view plan_json, std::int64_t floor_bytes, const KnownTable& table,
                      TableReader& r);

}  // namespace pgvigil
