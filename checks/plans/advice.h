// Which index cures a scan, what it costs to build, and what to paste.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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
// `use` is of one table, from the query's text; equality before range before sort. `existing` and `columns` are that
// table's. `filter` is the scan's condition as the plan prints it, "" without a plan: it shows casts.
IndexAdvice advise(const sql::RelationUse& use, std::span<const Index> existing,
                   std::span<const RelationColumn> columns, std::string_view filter = {});

// Predicted by formulas measured on 13 to 18 (docs/design.md), in bytes. With n rows and W = 8 * ceil((8 + key
// widths, aligned) / 8):
//   a sort spills when n * (W + overhead) > maintenance_work_mem (24 bytes from 17 on, 48 and rounding before),
//   and always in a parallel build;
//   its temporary files then are n * (W + 4) * 8192 / 8176; the validation of CONCURRENTLY sorts n row addresses
//   (24 bytes in memory, 12 on disk) after it; temp_file_limit must cover the larger of the two;
//   the index has n * (W + 4) bytes at 90 % fill plus its upper pages, less with deduplication.
struct BuildForecast {
  double index_bytes = 0;
  double temp_bytes = 0;      // largest single sort of a serial build with the server's maintenance_work_mem
  double memory_to_stay = 0;  // maintenance_work_mem with which a serial build spills nothing
  double minutes = 0;         // rough, on an idle server
  bool known = false;         // false: the row count is a guess from the size
};
BuildForecast forecast(const Table& table, std::span<const std::string> columns, std::span<const RelationColumn> facts,
                       const Server& on);

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

// PostgreSQL's own style, at most 63 bytes, not among `taken`; unquoted: documents_dump_id_path_idx.
std::string index_name(const std::string& relation, std::span<const std::string> columns,
                       std::span<const std::string> taken);

}  // namespace pgvigil
