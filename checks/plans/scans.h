// The scans of running queries, put together from what several probes saw: plans, texts, tables, indexes, columns.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/advice.h"
#include "checks/plans/judge.h"
#include "checks/plans/sql.h"
#include "checks/probes/plans.h"

namespace pgvigil {

struct KnownTable {
  Table table;  // sizes as measured where relpages says nothing
  std::vector<Index> indexes;
  std::vector<RelationColumn> columns;
};

// All that was seen of tables, by database.
class Catalogue {
 public:
  explicit Catalogue(const Input& in);
  // Names are unquoted; without a schema, public's or the only one of that name. Null when not seen.
  const KnownTable* find(const std::string& database, std::string_view schema, std::string_view relation) const;
  const std::map<std::string, KnownTable>& all() const { return all_; }
  std::vector<sql::RelationUse> relations(const std::string& database, std::string_view text) const;

 private:
  std::map<std::string, KnownTable> all_;  // by database and qualified name
};

// One query that reads a table, and how.
struct TableReader {
  QueryLoad query;  // sessions may be 0: named in the configuration, or short
  ScanVerdict verdict = ScanVerdict::unsure;
  std::optional<Scan> scan;  // none: judged from the text alone
  sql::RelationUse use;
  IndexAdvice advice;
  Confidence confidence = Confidence::low;
  std::string basis;
  bool configured = false;  // named in the configuration
};
struct ReadTable {
  const KnownTable* known = nullptr;
  std::vector<TableReader> readers;  // by load, largest first
  double sessions(ScanVerdict verdict) const;
};
// Tables that hot queries read sequentially, with every reader known; without a plan a reader is judged by its text.
std::vector<ReadTable> read_tables(const Input& in, const Catalogue& catalogue, const Load& load,
                                   std::int64_t floor_bytes);

// Sessions of a utility statement that reads whole tables by its nature: a dump, an index build, VACUUM.
bool read_by_utility(const Input& in, const KnownTable& table, double seconds);
// Evidence and cure that every finding about a table shares.
std::vector<Evidence> about(const KnownTable& table);
std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const IndexAdvice& advice, double relieved,
                            std::vector<std::int64_t> pids);
std::string described(const Table& t);  // "public.docs (1.9 M rows, 914 MB)"

}  // namespace pgvigil
