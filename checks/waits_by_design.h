// Who waits for a lock and should: nothing is wrong, and nobody is to be ended for it.
#pragma once

#include <map>

#include "checks/probes/activity.h"

namespace pgvigil {

using ByPid = std::map<std::int64_t, const Session*>;

// For as long as others take: the phases of a concurrent index build, autovacuum, maintenance behind maintenance, and
// a node that stands by. `all`: the sessions of the same sample.
bool waits_by_design(const Session& s, const ByPid& all);

}  // namespace pgvigil
