// Made-up pasts for the examples of the checks of scans.
#pragma once

#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/probes/indexes.h"
#include "checks/probes/tables.h"

namespace pgvigil::scan_examples {

struct Past {
  std::string query = "SELECT data FROM docs WHERE dump_id = $1 AND path = $2 LIMIT $3";
  std::string plan = "";     // JSON; "": none
  std::string refused = "";  // sqlstate of an EXPLAIN that failed
  int sessions = 8;          // that run it in each sample
  double age = 6;            // of the oldest, seconds
  double opened = 0;         // seconds since these sessions were
  int others = 0;            // sessions busy with something else
  std::string application = "app";
  double rows = 600'000;
  std::int64_t live_rows = 0, dead_rows = 0;  // as the server counts them
  std::int64_t heap_bytes = 424LL << 20, toast_bytes = 490LL << 20;
  std::int64_t rows_read = 60'000'000;  // by sequential scans in the last minute
  std::vector<std::string> index = {};  // columns of its only index; none: no index
  bool invalid = false;
  std::string name = "docs";
  bool again = false;  // each sample sees other executions
  int samples = 7;
  double gap = 5;  // seconds between them
  bool size_known = true;
  bool configured = false;  // the plan is of a query named in the configuration
};

Scenario past(const Past& p);
// The plan of a look-up: Limit, Gather, Parallel Seq Scan with a condition that keeps `kept` rows in each process.
std::string scan_plan(const std::string& table, const std::string& filter, double kept);
std::string aggregate_plan(const std::string& table, double rows);
std::string incident_plan();  // of Past's query

}  // namespace pgvigil::scan_examples
