// Counters of checkpoints: by the clock, and by request (too much WAL, or a command).
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Checkpoints {
  std::int64_t timed = 0, requested = 0;
  double write_ms = 0, sync_ms = 0;
  std::int64_t buffers_written = 0;
  std::optional<double> counted_for = {};  // seconds since the counters were reset
};

extern const Probe<Checkpoints> checkpoints;

}  // namespace pgvigil
