// Memory of the host and of the server's cgroup.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Memory {
  std::string source = {};                     // host, cgroup
  std::int64_t total = 0, available = 0;       // bytes; available: free, or cache that can be dropped
  std::int64_t swap_total = 0, swap_free = 0;  // bytes; 0 of a cgroup
  std::int64_t swapped_in = 0;                 // bytes, a counter; 0 of a cgroup
  std::int64_t oom_kills = 0;                  // a counter
};

extern const Probe<Memory> memory;

}  // namespace pgvigil
