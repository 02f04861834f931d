// Waits that are cut off before they are long: behind a transaction that sits idle nobody gets through, yet each wait
// is a new one.
#pragma once

#include <optional>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

struct Siege {
  double waiting = 0;       // sessions that stand there, on average
  double seconds = 0;       // for so long it has been seen so
  std::size_t gave_up = 0;  // executions that stood there and do so no more
};

// An idle session lets go of nothing: whoever stood behind it and does no more has given up. None where the waits last,
// or where most of the time nobody waits.
std::optional<Siege> siege_of(const std::vector<Snapshot<Session>>& samples, const Session& root, Time at);

}  // namespace pgvigil
