// Made-up pasts for schema_changed.
#pragma once

#include "checks/check.h"

namespace pgvigil {

Scenario schema_dropped_index();
Scenario schema_renewed_index();
Scenario schema_copied();
Scenario schema_partitions();
Scenario schema_table_gone(bool exists);  // exists: under another name
Scenario schema_new_index();
Scenario schema_many_gone();
Scenario schema_one_shot();

}  // namespace pgvigil
