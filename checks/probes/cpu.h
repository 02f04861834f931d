// CPU time from procfs and the cgroup: cumulative, so that rates come from two answers.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Cpu {
  std::string source = {};  // host, cgroup, processes (the server's own, reaped children counted)
  double cores = 0;         // capacity: vCPUs, or the cgroup's quota
  double used_seconds = 0;  // counter
  double user_seconds = 0, system_seconds = 0, iowait_seconds = 0;  // counters; 0 where the source has none
  std::int64_t periods = 0, throttled_periods = 0;                  // cgroup counters
};

extern const Probe<Cpu> cpu;

}  // namespace pgvigil
