// Indexes of the tables that `tables` returns, and every invalid one.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Index {
  std::string database = {}, table = {}, name = {};  // qualified, quoted
  std::int64_t oid = 0;
  std::string owner = {};                          // of the table
  std::string method = {};                         // btree, gin, ...
  std::vector<std::string> columns = {};           // key columns; "" stands for an expression
  std::vector<std::string> operator_classes = {};  // of each key column; "" is the type's default
  std::vector<std::string> collations = {};        // of each key column; "" is the column's own
  std::vector<std::string> orders = {};            // "", "desc", "nulls first", "desc nulls last"; of each key column
  std::vector<std::string> included = {};
  bool is_unique = false, is_primary = false, is_constraint = false;
  bool is_valid = true, is_ready = true;
  bool has_predicate = false, has_expressions = false;
  std::int64_t bytes = 0;  // from relpages
  std::int64_t scans = 0;
};

extern const Probe<Index> indexes;
std::vector<Column<Index>> index_columns();  // shared with plan_indexes
std::string index_facts_sql();               // one row for each index of picked_indexes(indexrelid)
std::string index_key(const Index& i);

}  // namespace pgvigil
