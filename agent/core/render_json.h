// The report as JSON: the one form that the HTTP API, the page and `diagnose --format json` share.
#pragma once

#include <string>

#include "agent/core/report.h"

namespace pgvigil {

// Schema 1. Fields are only ever added to a schema; a change of meaning raises the number.
// Absent figures are null. Times are RFC 3339 in UTC. The text is valid UTF-8 whatever the database holds.
// indent: spaces a level, -1 for a single line.
std::string render_json(const Report& report, int indent = -1);

}  // namespace pgvigil
