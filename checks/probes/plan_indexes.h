// The rows of `indexes` for the relations that plans of hot queries read, whatever their size. Third wave.
#pragma once

#include "checks/probes/indexes.h"

namespace pgvigil {

extern const Probe<Index> plan_indexes;

}  // namespace pgvigil
