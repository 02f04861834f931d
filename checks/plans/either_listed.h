// a = $1 OR b IN (SELECT ...): such a list is no join, and the planner takes half of all rows for granted to be on it.
#pragma once

#include "checks/plans/catalogue.h"
#include "checks/plans/judge.h"
#include "checks/plans/sql.h"

namespace pgvigil {

// Corrects the verdict on a scan by how long the lists are.
void judge_either_listed(const KnownTable& table, const sql::RelationUse& use, const PlanNode& root, Scan& scan);

}  // namespace pgvigil
