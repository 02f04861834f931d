// How far the transaction ids of each database have run since its oldest rows were frozen.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct DatabaseAge {
  std::string database = {};
  std::int64_t xid_age = 0, multixact_age = 0;  // of about 2.1 bn
  std::int64_t next_xid = 0;                    // of the server, counted on past 2^32
  std::int64_t freeze_max_age = 200'000'000, multixact_freeze_max_age = 400'000'000;
  bool allows_connections = true;
};

extern const Probe<DatabaseAge> database_ages;

}  // namespace pgvigil
