// Which servers the foreign tables are on that plans of hot queries read.
#pragma once

#include "checks/probe.h"
#include "checks/probes/plans.h"

namespace pgvigil {

struct ForeignTable {
  std::string database = {}, schema = {}, relation = {};  // unquoted
  std::string server = {}, wrapper = {};                  // reports_db, postgres_fdw
};

extern const Probe<ForeignTable> foreign_servers;

// "server reports_db, through public.remote_orders: 97 % of the planner's cost" where foreign scans are most of a plan:
// what is slow there no index here mends. "" where they are not.
std::string spent_elsewhere(const Input& in, const Plan& plan);

}  // namespace pgvigil
