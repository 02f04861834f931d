#include "checks/probes/memory.h"

namespace pgvigil {
namespace {

const std::vector<MetricLabel> labels{{"source", "source"}};

}  // namespace

const Probe<Memory> memory{
    {.id = "memory",
     .title = "Memory of the host and the server's cgroup",
     .scope = Scope::host,
     .metrics = {{"pgvigil_memory_size_bytes", "Memory that the source may use", MetricKind::gauge, "total", labels},
                 {"pgvigil_memory_available_bytes", "Memory that is free or can be made so", MetricKind::gauge,
                  "available", labels},
                 {"pgvigil_memory_swapped_in_bytes_total", "Memory read back from swap", MetricKind::counter,
                  "swapped_in", labels},
                 {"pgvigil_memory_oom_kills_total", "Processes that the kernel killed for want of memory",
                  MetricKind::counter, "oom_kills", labels}}},
    {{"source", &Memory::source},
     {"total", &Memory::total},
     {"available", &Memory::available},
     {"swap_total", &Memory::swap_total},
     {"swap_free", &Memory::swap_free},
     {"swapped_in", &Memory::swapped_in},
     {"oom_kills", &Memory::oom_kills}},
    [](const Memory& m) { return m.source; }};

}  // namespace pgvigil
