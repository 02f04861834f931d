// Sessions that pass a lock on a table, or one of the application's own, from one to the next.
#pragma once

#include <vector>

#include "checks/check.h"

namespace pgvigil {

// A finding for each such lock, worst first. `active`: all load, as load() gives it.
std::vector<Finding> convoys(const Input& in, double active);

}  // namespace pgvigil
