// Which index cures a scan, what it costs to build, and what to paste.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checks/finding.h"
#include "checks/plans/catalogue.h"
#include "checks/plans/sql.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/server.h"

namespace pgvigil {

// Why no new index is the cure.
enum class Obstacle : std::uint8_t {
  none,
  exists_invalid,  // a build failed and left it behind
  cast,            // the text casts the column of an index that exists
  function,        // ... or wraps it in a function, or computes with it
  collation,       // ... or compares under another collation
  type_mismatch,   // the parameter's type makes the server cast the column
  setting,         // planner settings forbid it
  statistics,      // the planner cannot know that it would help
  rewrite,         // the condition has to be written otherwise
  unselective      // it would not be used
};
std::string_view to_string(Obstacle o);  // "" for none

struct IndexAdvice {
  enum class Kind : std::uint8_t { create, exists, invalid_exists, none };
  Kind kind = Kind::none;
  std::string method = "btree";
  std::vector<std::string> columns;  // keys as CREATE INDEX takes them: columns, expressions, operator classes
  std::string predicate;             // of a partial index
  std::vector<IndexAdvice> beside;   // the other arms of an OR need these as well
  std::string index;                 // the one that exists
  std::string replaces;              // an index that the new one makes superfluous
  std::string why_not;               // for exists and none: why no new index is the cure, one sentence
  Obstacle obstacle = Obstacle::none;
  std::vector<std::string> settings = {};  // of the planner, that keep it from the index that exists
  std::optional<double> rows_found = {};   // by one look-up in the new index, where statistics tell
  double rows_covered = 0;                 // by a partial index
  std::string trigrams = {};               // of none: key of a GIN index, once the extension pg_trgm is there

  bool creates() const { return kind == Kind::create || kind == Kind::invalid_exists; }
  std::string definition() const;  // "(dump_id, path)", "USING gin (tags)", "(id) WHERE done IS NULL"
};

// What a plan adds to the text.
struct AdviceHints {
  std::string_view filter = {};                      // the scan's condition as printed: it shows casts
  std::map<std::string, std::string> settings = {};  // planner settings that are not the default
  std::string_view alias = {};                       // of the relation there
  bool in_order = false;                             // what is wanted is the first rows in the text's order
  std::optional<double> kept = {};                   // share of the rows that the whole condition keeps
};
// `use` is of `known`, from the query's text; equality before range before sort.
IndexAdvice advise(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints = {});

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
  const Server* server = nullptr;          // null: not seen
  const Duplicates* duplicates = nullptr;  // null: not checked
  double load = 0;                         // average active sessions it relieves
  std::vector<std::int64_t> pids;          // sessions to cancel as first aid
  std::vector<std::string> words;          // one of which stands in the text of each; empty: the table's name does
};
std::vector<Remedy> cure(const CureRequest& request);

// PostgreSQL's own style, at most 63 bytes, not among `taken`; unquoted: documents_dump_id_path_idx.
std::string index_name(const std::string& relation, std::span<const std::string> columns,
                       std::span<const std::string> taken);

}  // namespace pgvigil
