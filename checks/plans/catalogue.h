// All that was seen of tables, put together from what several probes saw.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/index_definitions.h"
#include "checks/probes/indexes.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/tables.h"

namespace pgvigil {

struct KnownTable {
  Table table;  // sizes as measured where relpages says nothing
  std::vector<Index> indexes;
  std::vector<RelationColumn> columns;
  std::vector<IndexDefinition> definitions = {};       // of indexes with expressions or a predicate
  std::map<std::string, std::string> extensions = {};  // of its database: name, schema
  bool serves_starts_with = true;                      // from PostgreSQL 15 on a B-tree does
  bool measured = false;                               // its size was asked for
  bool outgrown = false;                               // it has grown far beyond what its statistics know
  std::size_t partitions = 0;                          // of it that were seen

  const RelationColumn* column(std::string_view name) const;  // quoted where it must be; null when not seen
};

// By database.
class Catalogue {
 public:
  explicit Catalogue(const Input& in);
  // Names are unquoted; without a schema, public's or the only one of that name. Null when not seen.
  const KnownTable* find(const std::string& database, std::string_view schema, std::string_view relation) const;
  const KnownTable* named(const std::string& database, const std::string& qualified) const;
  const std::map<std::string, KnownTable>& all() const { return all_; }
  // Was this valid index there at that time, and ever since? True also where it was never asked about.
  bool there_since(const std::string& database, const std::string& index, Time at) const;
  std::vector<sql::RelationUse> relations(const std::string& database, std::string_view text) const;

 private:
  void add_up_partitions();
  void date_indexes(const Input& in);
  std::map<std::string, Time> first_seen_;  // of valid indexes of tables that plans read
  std::map<std::string, KnownTable> all_;   // by database and qualified name
};

std::string described(const Table& t);  // "public.docs (1.9 M rows, 914 MB)"

}  // namespace pgvigil
