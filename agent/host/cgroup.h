// The cgroup of a process: its CPU time, its quota, how often it was held back, and its memory. Versions 1 and 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "checks/probes/cpu.h"
#include "checks/probes/memory.h"

namespace pgvigil::host {

// The cgroup of this process, or the one above it whose quota binds. `cores` is that quota, or `online` without one.
// None when it is not visible from here, or when it is the whole machine. Quotas above the root of a cgroup namespace
// cannot be seen.
std::optional<Cpu> read_cgroup(const std::string& root, std::int64_t pid, double online, double ticks_per_second);
// The same for memory, where a limit below `total` bytes binds.
std::optional<Memory> read_memory_cgroup(const std::string& root, std::int64_t pid, std::int64_t total);

}  // namespace pgvigil::host
