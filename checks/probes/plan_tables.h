// The rows of `tables` for the relations that plans of hot queries read, whatever their size. Third wave.
#pragma once

#include "checks/probes/tables.h"

namespace pgvigil {

extern const Probe<Table> plan_tables;

}  // namespace pgvigil
