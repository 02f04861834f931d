// Commands that are no queries: LOCK TABLE, TRUNCATE, ALTER TABLE, CREATE INDEX, VACUUM, CLUSTER ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::sql {

struct Relation {
  std::string schema, relation;  // unquoted; schema "" when the text does not say
};
// The relations that such a command names, each once; empty for a query, and where it does not parse.
std::vector<Relation> command_relations(std::string_view text);

}  // namespace pgvigil::sql
