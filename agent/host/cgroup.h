// The cgroup of a process: its CPU time, its quota, and how often it was held back. Versions 1 and 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "checks/probes/cpu.h"

namespace pgvigil::host {

// The cgroup of this process, or the one above it whose quota binds. `cores` is that quota, or `online` without one.
// None when it is not visible from here, or when it is the whole machine.
std::optional<Cpu> read_cgroup(const std::string& root, std::int64_t pid, double online, double ticks_per_second);

}  // namespace pgvigil::host
