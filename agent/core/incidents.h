// From findings to incidents: causes of one trouble together, and what they explain under them.
#pragma once

#include <string_view>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

// Live harm: it makes the verdict. The rest is posture.
bool is_live(const Finding& f);
// Worse first: severity, then how soon, then load, then confidence; names last, so that the order is stable.
bool worse(const Finding& a, const Finding& b);

// Does what both findings name agree? The sessions, tables and queries of a trouble are those of its cause.
enum class Tie : std::uint8_t { shown, open, refuted };  // open: they name nothing that can be compared
Tie tie(const Finding& cause, const Finding& effect);

// It explains such findings, and names some of the same sessions, tables or queries, whenever these were seen.
bool stands_behind(const Finding& cause, const Finding& effect);

// Worst first. A cause that another one explains stands under it, with what it explains in turn; symptoms that nothing
// explains are one incident of their own. What is not live goes to `posture`. `active`: average active sessions.
std::vector<Incident> incidents_of(std::vector<Finding> causes, std::vector<Finding> symptoms, double active,
                                   std::vector<Finding>& posture);

}  // namespace pgvigil
