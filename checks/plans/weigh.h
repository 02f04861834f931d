// What a plan alone does not tell: the values that a generic plan was made without, skew, and indexes that would serve.
#pragma once

#include <string>

#include "checks/plans/advice.h"
#include "checks/plans/judge.h"

namespace pgvigil {

// Changes the judge's verdict, confidence and reason where the catalogue knows better; `basis` says what they rest on.
void weigh(const KnownTable& table, const sql::RelationUse& use, const IndexAdvice& advice, bool generic, Scan& scan,
           std::string& basis);

// Bytes of the index that a node reads from end to end: its condition names no column that leads it. None where it
// does, or where the index is not known.
std::optional<double> walked_bytes(const Catalogue& catalogue, const std::string& database, const PlanNode& node);

// Rows that a node's index condition finds, to whatever LIMIT; none where nothing tells.
std::optional<double> rows_found(const KnownTable& table, const PlanNode& node, bool generic, bool limited);

}  // namespace pgvigil
