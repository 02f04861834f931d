// The rows that an index of some rows holds.
#pragma once

#include "checks/plans/wanted_keys.h"

namespace pgvigil {

// status <> 'done' keeps few rows, and none of the keys does: an index of these rows alone.
void choose_rows(const sql::RelationUse& use, const KnownTable& known, const AdviceHints& hints, WantedKeys& keys);

}  // namespace pgvigil
