// What a report says beside its findings: the load and where it goes, CPU, connections, who is hurt, what was not seen.
#pragma once

#include "agent/core/report.h"

namespace pgvigil {

// `seen` is the load of the time that "now" means, `seconds` long.
void describe_server(const Input& in, const Load& seen, double seconds, Report& report);
// What stands nearest to symptoms that nothing explains: the queries, tables and waits that carry the load.
std::vector<std::string> suspects(const Load& seen, const LoadLine& line);
void place_blind_spots(const Input& in, Report& report);  // from its results
// The writers are a usual suspect; where they carry next to nothing, that is said.
void clear_the_writers(const Load& seen, Report& report);

}  // namespace pgvigil
