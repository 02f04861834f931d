// What the text asks of the relation that a scan reads.
#pragma once

#include <string_view>
#include <vector>

#include "checks/plans/judge.h"
#include "checks/plans/sql.h"
#include "checks/probes/relation_columns.h"

namespace pgvigil {

// TOAST is read where a condition must look into large values.
bool reads_toast(const sql::RelationUse& use, const std::vector<RelationColumn>& columns);
// Of the same relation, the one whose alias and whose columns the scan's condition shows.
const sql::RelationUse* use_of(const std::vector<sql::RelationUse>& uses, std::string_view schema,
                               std::string_view relation, std::string_view alias = {}, std::string_view filter = {});
// For views and partitions the text names another relation than the scan: the printed condition is SQL as well.
sql::RelationUse use_of_filter(const Scan& s, bool joins = false);
// What a policy or a view compares stands in the plan alone.
void add_unwritten(sql::RelationUse& use, const Scan& s);

}  // namespace pgvigil
