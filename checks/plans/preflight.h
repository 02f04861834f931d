// Would a remedy's step go through now, and what is in its way? Judged from what was seen; nothing is asked for it.
#pragma once

#include <vector>

#include "checks/check.h"

namespace pgvigil {

// Gives each step its preflight. A step that drops what a later one of the same remedy makes anew is counted for it.
void preflight(const Input& in, const std::vector<Remedy*>& remedies);

}  // namespace pgvigil
