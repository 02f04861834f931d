// pg_stat_statements, without its texts: growth of each query that finishes.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Statement {
  std::string query_id = {}, database = {}, user = {};
  std::int64_t calls = 0, rows = 0;
  double total_seconds = 0;  // execution
  std::int64_t shared_blocks_hit = 0, shared_blocks_read = 0, temp_blocks_read = 0, temp_blocks_written = 0;
  // JIT compilation, most of it within total_seconds. None before 15, or where the extension is of an older release.
  std::optional<double> jit_seconds = {};
};

extern const Probe<Statement> statements;

}  // namespace pgvigil
