// What a database holds, in a row: cheap at 100,000 tables, and enough to know when to look closer (schema_changes).
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct SchemaState {
  std::string database = {};
  std::int64_t tables = 0;  // partitions are not counted
  std::int64_t partitions = 0;
  std::int64_t indexes = 0;
  std::int64_t columns = 0;     // of the tables; one that is dropped still counts
  std::int64_t newest_oid = 0;  // of any relation of users
};

extern const Probe<SchemaState> schema_state;

}  // namespace pgvigil
