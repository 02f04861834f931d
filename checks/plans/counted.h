// A look-up without a plan: does what the server counts show that each execution reads the whole table?
#pragma once

#include <string_view>
#include <vector>

#include "checks/hot_queries.h"
#include "checks/plans/catalogue.h"

namespace pgvigil {

// True where the text is of this table alone and asks for columns of rows with some value, its executions return few
// rows, and sequential scans read the table as often as once a second. Whether an index would serve it is not looked
// at.
bool counted_as_scans(const Input& in, const HotEntry& query, std::string_view text,
                      const std::vector<sql::RelationUse>& uses, const KnownTable& table);

}  // namespace pgvigil
