// What a column is compared with, as the text has it.
#pragma once

#include <string>

#include "checks/plans/sql.h"
#include "checks/plans/sql_tree.h"

namespace pgvigil::sql {

ColumnUse::With value_of(const Json& node);
std::string called(const Json& node, int depth = 0);  // the first function in it, subqueries left aside
// What kind of pattern it is, where the text still has it: prefix, infix, regex, "regex prefix", else "".
std::string pattern_kind(const Json& right, bool regular_expression);
std::string printed_constant(const Json& node);  // 'done', ('done', 'failed'); "" when not of constants alone

}  // namespace pgvigil::sql
