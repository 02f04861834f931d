// Waits that are cut off before they are long: behind a transaction that goes on nobody gets through, yet each wait is
// a new one.
#pragma once

#include <optional>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

struct Siege {
  double waiting = 0;       // sessions that stand there whenever somebody does, on average
  double seconds = 0;       // for so long it has been seen so
  double lasts = 0;         // ... and for so long it may have been so: since the root began to do nothing else
  std::size_t gave_up = 0;  // executions that stood there and do so no more
  std::vector<const Session*> last = {};  // who stood there in the newest sample that shows anybody
};

// A transaction lets go of no row and no table before it ends: whoever stood behind it and does no more has given up.
// None where the waits last, or where nobody waits most of the time. `samples`: at least as long as the siege lives.
std::optional<Siege> siege_of(const std::vector<Snapshot<Session>>& samples, const Session& root, Time at);

}  // namespace pgvigil
