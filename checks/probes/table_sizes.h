// Exact sizes of the few tables whose relpages says nothing; one request each, so that a locked one costs only itself.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct TableSize {
  std::string database = {}, name = {};  // as in Table
  std::int64_t oid = 0;
  std::int64_t heap_bytes = 0, toast_bytes = 0;
};

extern const Probe<TableSize> table_sizes;

}  // namespace pgvigil
