// Counters of pg_stat_database.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Database {
  std::string name = {};
  std::int64_t oid = 0;
  std::int64_t connections = 0;
  std::int64_t commits = 0, rollbacks = 0;
  std::int64_t blocks_read = 0, blocks_hit = 0;
  std::int64_t rows_returned = 0, rows_fetched = 0;  // tup_returned: scanned; tup_fetched: by index
  std::int64_t rows_inserted = 0, rows_updated = 0, rows_deleted = 0;
  std::int64_t temp_files = 0, temp_bytes = 0;
  std::int64_t deadlocks = 0, conflicts = 0;
  double block_read_ms = 0, block_write_ms = 0;
  std::optional<double> stats_reset = {};  // epoch seconds
  // 14+: sessions begun; those whose client vanished; ended by an error of their own; ended by an operator.
  std::optional<std::int64_t> sessions = {}, sessions_abandoned = {}, sessions_fatal = {}, sessions_killed = {};
};

extern const Probe<Database> databases;

}  // namespace pgvigil
