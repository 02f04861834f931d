// A session's own temporary table hides the permanent one of the same name: EXPLAIN in another session sees the other.
#pragma once

#include "checks/plans/scans.h"

namespace pgvigil {

// Where there is a temporary table of that name, and the permanent one is not being read as the plan says, the plan
// tells nothing about the query.
void judge_temporary(const Input& in, const KnownTable& table, TableReader& r);

}  // namespace pgvigil
