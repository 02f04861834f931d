// The report as Markdown, to be pasted into the incident's channel or ticket.
#pragma once

#include <string>

#include "agent/core/report.h"

namespace pgvigil {

std::string render_markdown(const Report& report);

}  // namespace pgvigil
