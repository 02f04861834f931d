// The rows of `tables` for the relations that plans of hot queries read, whatever their size. Third wave.
#pragma once

#include "checks/probes/tables.h"

namespace pgvigil {

extern const Probe<Table> plan_tables;
// One request per database for the relations in recent plans and the tables read without an index; at most 40 each.
// Parameters: schemas and relations, as text arrays of one length. Shared with plan_indexes and relation_columns.
std::vector<Request> plan_relation_requests(const Input& in);

}  // namespace pgvigil
