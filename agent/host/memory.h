// Memory of the machine the server runs on, and of the server's cgroup.
#pragma once

#include "agent/host/postmaster.h"

namespace pgvigil {

// Rows of the probe `memory`: host, and the cgroup where one binds and is visible. Answer::at is left to the caller.
Answer read_memory(const HostOptions& options);

}  // namespace pgvigil
