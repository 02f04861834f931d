// UTC that only goes forward: anchored once, carried by the monotonic clock, so that a change of the wall clock
// makes no interval negative and no cycle double.
#pragma once

#include "checks/time.h"

namespace pgvigil {

Time utc_now();

}  // namespace pgvigil
