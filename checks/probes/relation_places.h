// In which schemas relations of these names are: for texts that name them without one, and whose search_path we do not
// know. Second wave; a look at the catalogue, and at the locks where a name is in several schemas.
#pragma once

#include <string_view>

#include "checks/probe.h"

namespace pgvigil {

struct RelationPlace {
  std::string database = {}, schema = {}, relation = {};  // unquoted
  std::int64_t rows_read = 0;                             // counter: by sequential scans and through indexes
  std::vector<std::int64_t> locked_by = {};               // pids; asked only for names that several schemas have
};

extern const Probe<RelationPlace> relation_places;

// A session's own: no other can read it, and in its session it hides the permanent one.
inline bool is_temporary(const RelationPlace& p) { return p.schema.starts_with("pg_temp_"); }

// Where a text's relations are to be looked for.
struct Places {
  std::vector<std::string> schemas;  // surely: the sessions that run it hold locks there
  std::vector<std::string> others;   // where its user's search_path does not have them
  bool guessed = false;              // several schemas have them, and nothing tells which is meant
  std::string basis;                 // how they were found: "the only schema that has it"
};
Places places_of(const Input& in, const std::string& database, std::string_view text,
                 const std::vector<std::int64_t>& pids);

}  // namespace pgvigil
