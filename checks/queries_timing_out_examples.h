// Made-up pasts for queries_timing_out.
#pragma once

#include "checks/check.h"
#include "checks/probes/timeouts.h"

namespace pgvigil::timing_out {

struct Readers {
  int clients;
  double life;
};

// Readers whose executions end at `life` seconds and start again at once, seen every `gap` seconds; until `seldom`
// seconds ago the server was too busy for that.
Scenario readers(const std::vector<Readers>& groups, std::vector<Timeout> limits, std::int64_t rollbacks_per_second,
                 double seconds = 30, double gap = 1, double seldom = 1e9);

Timeout limit(const char* layer, const char* role, double seconds);

// Executions that all end at `life` seconds beside others that roll back; of their statement so many completed in half
// a minute, and took so long together.
Scenario counted(double life, std::int64_t calls, double total_seconds);

// No growth is seen: in one look, or soon after the agent's start.
Scenario counted_once(double mean, bool one_shot = true);

// The transactions that roll back are another database's.
Scenario rolled_back_elsewhere();
// One look of four seconds, all end at five seconds: twelve of them at once, and two while the counters were read.
Scenario in_bursts(std::int64_t rollbacks);

// All end at five seconds, and the counters of the databases are read each minute, the last time before the window.
Scenario read_seldom();
// One second, for half a minute; until then there was no limit, and executions took longer.
Scenario lowered();
// Writers that wait for a lock and give up after five seconds, again and again.
Scenario gives_up();

// Most end at five seconds, one of them lives on until eight; two cores.
Scenario late(int clients);

// All stand just below their limit.
Scenario at_the_brink(bool one_shot);

}  // namespace pgvigil::timing_out
