// Which expressions an index may hold.
#pragma once

#include <string>
#include <vector>

#include "checks/probes/relation_columns.h"

namespace pgvigil {

// Functions, operators and casts as sql::Expression lists them, computed from this column (null: its type is not
// known). False also for what we do not know, such as the user's own functions.
bool indexable(const std::vector<std::string>& functions, const RelationColumn* column);

}  // namespace pgvigil
