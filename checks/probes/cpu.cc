#include "checks/probes/cpu.h"

namespace pgvigil {

const Probe<Cpu> cpu{
    {.id = "cpu",
     .title = "CPU time of the host, the server's cgroup and the server's processes",
     .scope = Scope::host,
     .metrics =
         {{"pgvigil_cpu_cores", "CPUs that the source may use", MetricKind::gauge, "cores", {{"source", "source"}}},
          {"pgvigil_cpu_used_seconds_total",
           "CPU time used",
           MetricKind::counter,
           "used_seconds",
           {{"source", "source"}}},
          {"pgvigil_cpu_iowait_seconds_total",
           "CPU time spent idle while I/O was pending",
           MetricKind::counter,
           "iowait_seconds",
           {{"source", "source"}}},
          {"pgvigil_cpu_periods_total",
           "Quota periods of the cgroup",
           MetricKind::counter,
           "periods",
           {{"source", "source"}}},
          {"pgvigil_cpu_throttled_periods_total",
           "Quota periods in which the cgroup was held back",
           MetricKind::counter,
           "throttled_periods",
           {{"source", "source"}}}}},
    {{"source", &Cpu::source},
     {"cores", &Cpu::cores},
     {"used_seconds", &Cpu::used_seconds},
     {"user_seconds", &Cpu::user_seconds},
     {"system_seconds", &Cpu::system_seconds},
     {"iowait_seconds", &Cpu::iowait_seconds},
     {"periods", &Cpu::periods},
     {"throttled_periods", &Cpu::throttled_periods}},
    [](const Cpu& c) { return c.source; }};

}  // namespace pgvigil
