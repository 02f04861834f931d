// The scans of running queries, put together from what several probes saw: plans, texts, tables, indexes, columns.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/advice.h"
#include "checks/plans/catalogue.h"
#include "checks/plans/judge.h"
#include "checks/probes/plans.h"

namespace pgvigil {

// One query that reads a table, and how.
struct TableReader {
  QueryLoad query;               // sessions may be 0: named in the configuration, or short
  std::vector<std::string> ids;  // under which sessions show it, beside query.query_id
  // Where it is a statement in a function's body: "function public.find", its id and text. Of several in one query each
  // has its part of the load, by what it reads.
  std::string inside = {}, inner_id = {}, inner = {};
  ScanVerdict verdict = ScanVerdict::unsure;
  std::optional<Scan> scan;  // none: judged from the text alone
  sql::RelationUse use;
  IndexAdvice advice;
  std::vector<const KnownTable*> parts = {};  // partitions that are read so, where the others are not
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

// The newest plan of each query, by key: a sweep asks only for those that are due.
struct NewestPlan {
  const Plan* plan = nullptr;
  Time at{};
};
std::map<std::string, NewestPlan> newest_plans(const Input& in);

// What one plan scans, whether its query runs now or not.
struct PlanScans {
  bool harmful = false;                // one of its scans is
  double seq_rows = 0;                 // read by sequential scans in one execution
  std::vector<ReadTable> tables = {};  // of each the worst scan, and its cure
};
PlanScans scans_of(const Input& in, const Catalogue& catalogue, const Plan& plan);

// The tables that the index of its advice goes on: the whole, or those of its partitions that lack it.
std::vector<std::string> index_places(const KnownTable& known, const TableReader& reader);

// Sessions of a utility statement that reads whole tables by its nature: a dump, an index build, VACUUM.
bool read_by_utility(const Input& in, const KnownTable& table, double seconds);
// Evidence and cure that every finding about a table shares.
std::vector<Evidence> about(const KnownTable& table);
std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const IndexAdvice& advice, double relieved,
                            std::vector<std::int64_t> pids);
std::vector<Remedy> cure_of(const Input& in, const KnownTable& table, const TableReader& reader, double relieved,
                            std::vector<std::int64_t> pids);

}  // namespace pgvigil
