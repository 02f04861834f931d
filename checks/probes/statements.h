// pg_stat_statements, without its texts: growth of each query that finishes.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Statement {
  std::string query_id = {}, database = {}, user = {};
  std::int64_t calls = 0, rows = 0;
  double total_seconds = 0;  // execution
  std::int64_t shared_blocks_hit = 0, shared_blocks_read = 0, temp_blocks_read = 0, temp_blocks_written = 0;
};

extern const Probe<Statement> statements;

}  // namespace pgvigil
