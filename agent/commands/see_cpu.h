// What the agent and the one-shot look share beyond the target itself: the CPU, as far as it can be seen from here.
#pragma once

#include "agent/pg/conninfo.h"
#include "checks/history.h"

namespace pgvigil {

// The server runs on this machine, as far as its address tells.
bool is_local(const Conninfo& conninfo);
// CPU of the host, and by our own backend's pid of the server's cgroup and processes.
Answer see_cpu(const History& history, const Conninfo& conninfo, Time at);

}  // namespace pgvigil
