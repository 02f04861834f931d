// The plan that a query would have with the index we recommend: HypoPG, where it is installed. Fifth wave.
#pragma once

#include "checks/probes/plans.h"

namespace pgvigil {

extern const Probe<Plan> hypothetical_plans;

}  // namespace pgvigil
