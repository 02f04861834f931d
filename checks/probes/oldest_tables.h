// The tables that hold a database's oldest transaction ids; asked only where those are old.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct OldTable {
  std::string database = {}, name = {}, owner = {};  // the name qualified, quoted; of TOAST: its table's
  bool by_multixact = false;                         // ordered by the age of multixacts
  std::int64_t age = 0;
  std::int64_t bytes = 0;  // from relpages
};

extern const Probe<OldTable> oldest_tables;

}  // namespace pgvigil
