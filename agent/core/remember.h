// The memory that outlives the window: answers that nobody was asked for, made after each sweep from what was seen.
#pragma once

#include "agent/core/evaluate.h"

namespace pgvigil {

// To be added to the history it was made from. Its retention is that of the checks that judge by it.
Observation remember(const History& history, const Context& context, const AllCheckSettings& settings, Time at);

// Probes whose newest answer is such a memory: what to keep on disk, and to put back into a history at the start.
std::vector<const AnyProbe*> memories();

}  // namespace pgvigil
