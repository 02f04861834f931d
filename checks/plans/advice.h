// Which index cures a scan, what it costs to build, and what to paste.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checks/finding.h"
#include "checks/plans/sql.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/indexes.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"

namespace pgvigil {

struct IndexAdvice {
  enum class Kind : std::uint8_t { create, exists, invalid_exists, none };
  Kind kind = Kind::none;
  std::vector<std::string> columns;  // quoted
  std::string index;                 // the one that exists
  std::string why_not;               // for exists and none: why no new index is the cure, one sentence
};
// `uses` of one table, from the query's text; equality before range before sort.
IndexAdvice advise(const sql::RelationUse& use, std::span<const Index> existing,
                   std::span<const RelationColumn> columns);

// Predicted by the formulas measured on 13 to 18 (docs/design.md); bytes.
struct BuildForecast {
  double index_bytes = 0;
  double temp_bytes = 0;      // largest single sort of a serial build with the server's maintenance_work_mem
  double memory_to_stay = 0;  // maintenance_work_mem with which a serial build spills nothing
  double minutes = 0;         // rough, on an idle server
  bool known = false;         // false: the row count is unknown
};
BuildForecast forecast(const Table& table, std::span<const std::string> columns, std::span<const RelationColumn> facts,
                       const Server& server);

// The cure as steps to paste: drop an invalid leftover, make room (temp limit), build, analyse; first aid apart.
struct CureRequest {
  const Table* table = nullptr;
  IndexAdvice advice;
  std::span<const RelationColumn> columns;
  std::span<const Index> existing;
  const Server* server = nullptr;
  const Duplicates* duplicates = nullptr;  // null: not checked
  double load = 0;                         // average active sessions it relieves
  std::vector<std::int64_t> pids;          // sessions to cancel as first aid
};
std::vector<Remedy> cure(const CureRequest& request);

}  // namespace pgvigil
