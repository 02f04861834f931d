// How much pg_stat_statements may hold, and how often it had to forget.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct StatementsInfo {
  std::int64_t most = 0;                     // pg_stat_statements.max
  std::optional<std::int64_t> evicted = {};  // times that it dropped its least used entries (14 on)
};

extern const Probe<StatementsInfo> statements_info;

}  // namespace pgvigil
