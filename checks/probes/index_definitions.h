// The parts of index definitions that the catalogue holds as expressions, of indexes on tables that plans read.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct IndexDefinition {
  std::string database = {}, name = {};  // as Index
  std::vector<std::string> keys = {};    // as PostgreSQL prints them: lower(email), (payload ->> 'k'::text)
  std::string predicate = {};            // "" for an index of all rows
};

extern const Probe<IndexDefinition> index_definitions;

}  // namespace pgvigil
