// Columns and their statistics, of the relations that plans of hot queries read.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct RelationColumn {
  std::string database = {}, table = {};  // qualified, quoted, as in Table
  std::string column = {};                // quoted where it must be
  std::int64_t position = 0;
  std::string type = {};           // format_type; of a domain, of what it is made of
  std::string type_category = {};  // pg_type.typcategory
  bool not_null = false;
  bool can_toast = false;               // attstorage is not plain
  bool c_collation = false;             // compares by bytes: a plain B-tree then serves LIKE 'abc%'
  std::optional<double> distinct = {};  // pg_stats.n_distinct; none without statistics or the right to see them
  std::optional<double> null_fraction = {}, average_width = {}, correlation = {};
  std::optional<double> commonest = {}, rarest = {};  // shares of rows, among the most common values
  std::optional<double> past = {};  // of a date or time: the share of its values that lie before the present
};

extern const Probe<RelationColumn> relation_columns;

}  // namespace pgvigil
