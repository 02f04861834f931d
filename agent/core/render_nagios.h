// The report as one line of a Nagios plugin: the verdict, what and why, then figures behind a bar.
#pragma once

#include <string>

#include "agent/core/report.h"

namespace pgvigil {

std::string render_nagios(const Report& report);  // no line break at the end

}  // namespace pgvigil
