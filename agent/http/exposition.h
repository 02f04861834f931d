// Families of samples as the Prometheus text format.
#pragma once

#include <string>
#include <vector>

#include "agent/core/metrics.h"

namespace pgvigil {

std::string exposition(const std::vector<Family>& families);

}  // namespace pgvigil
