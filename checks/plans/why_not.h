// Why no index serves a query as it is written, in words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checks/plans/advice.h"
#include "checks/plans/index_keys.h"

namespace pgvigil {

struct WhyNot {
  Obstacle obstacle = Obstacle::none;
  std::string words = {};
  std::vector<std::string> settings = {};  // of the planner, that keep it from the index
};

// No operator class knows IS NOT DISTINCT FROM.
bool not_distinct(const sql::ColumnUse& use);
// The operator that an index serves, of a function that does the same and that none serves; "" of all others.
std::string_view operator_of(const sql::ColumnUse& use);

// The server casts this key's column, so that no index on it serves.
WhyNot why_mismatched(const KnownTable& known, const IndexKey& mismatch);

struct Hindrance {
  const sql::ColumnUse* use = nullptr;  // what the text does to a column that an index could lead to; null: nothing
  bool or_over_tables = false;          // it selects by an OR that spans tables
};
// The index has the keys wanted, and yet the plan does not use it.
WhyNot why_unused(const Index& index, const std::vector<IndexKey>& wanted, const sql::RelationUse& use,
                  const AdviceHints& hints, const Hindrance& hindrance);
// Nothing in the text leads to an index at all; `so_far`: the kind of obstacle that `hindrance` is.
WhyNot why_none(const KnownTable& known, const sql::RelationUse& use, const sql::ColumnUse* hindrance, Obstacle so_far);

}  // namespace pgvigil
