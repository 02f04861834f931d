// Relations that are new since the first look at their database, and what became of those that are missed.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct SchemaChange {
  std::string database = {};
  std::int64_t oid = 0;
  bool exists = true;                     // false: a missed relation is gone
  bool is_new = false;                    // its oid is above that of the first look
  std::string name = {}, table = {};      // qualified, quoted; table: of an index
  std::string kind = {};                  // as pg_class: r, p, m, i, I
  std::string parent = {};                // of a partition, and of its indexes: the topmost table
  std::string persistence = {};           // p, u (unlogged)
  std::vector<std::string> columns = {};  // of an index; "" stands for an expression
  std::int64_t usable_indexes = 0;        // of a table
  bool has_key = false;                   // a primary key, or a unique index
  std::int64_t pages = 0, live_rows = 0;
};

extern const Probe<SchemaChange> schema_changes;

}  // namespace pgvigil
