// What a query's text compares, sorts by and looks into, as keys that an index may have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checks/plans/advice.h"
#include "checks/plans/index_keys.h"

namespace pgvigil {

struct WantedKeys {
  std::vector<IndexKey> equal, joined, ordered;
  std::optional<IndexKey> range, beside;  // `beside`: another range with both bounds
  bool range_keeps_most = false;
  std::optional<IndexKey> contained;  // of a GIN or GiST index
  std::string method = {};            // ... which of them
  std::optional<IndexKey> trigrams;   // of a GIN index, had the database the extension pg_trgm
  std::string predicate = {};         // of an index of some rows, and how many these are
  double rows_covered = 0;
  const sql::ColumnUse* hindrance = nullptr;  // what the text does to a column that an index could lead to
  Obstacle obstacle = Obstacle::none;
};
WantedKeys wanted_keys(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints);

bool has_key(const std::vector<IndexKey>& all, const std::string& text);

}  // namespace pgvigil
