// What transaction ids and multixacts have in common when they run out.
#pragma once

#include "checks/check.h"
#include "checks/probes/database_ages.h"

namespace pgvigil {

struct Wraparound {
  bool multixact = false;
  double warn = 0, crit = 0;                // ages
  double now_left = 0, now = 0, today = 0;  // ids left, and seconds left, from which to act
};

std::vector<Finding> wraparound(const Input& in, const Wraparound& w);
std::string wraparound_fine(const Input& in, bool multixact);

}  // namespace pgvigil
