// What the agent and the one-shot look share beyond the target itself: the server's machine, as far as it can be seen.
#pragma once

#include "agent/pg/conninfo.h"
#include "checks/history.h"

namespace pgvigil {

// The server runs on this machine, as far as its address tells.
bool is_local(const Conninfo& conninfo);
// The answers of all host probes: CPU, memory, disks, and the connections of the statements that run for long. What
// the server said of itself (its pid, its data directory) must be in the history before.
Observation see_host(const History& history, const Conninfo& conninfo, Time at);

}  // namespace pgvigil
