// Sessions that one application has left idle in a transaction: what they hold is its connections too.
#pragma once

#include <optional>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

namespace idle_holders {
inline constexpr Setting<Ratio> nearly_full{
    "nearly_full", 0.8, "share of all connections in use from which those that sit in a transaction are looked at"};
inline constexpr Setting<Ratio> held{"held", 0.5,
                                     "share of all connections that one application must hold so to be the cause"};
}  // namespace idle_holders

using LeftOpen = std::vector<const Session*>;  // the longest first

void describe_idle(const Session& s, Finding& f);
// An error path without a ROLLBACK leaves one connection after the other in its transaction, until none is free.
std::optional<Finding> holds_connections(const Input& in, const LeftOpen& all);

}  // namespace pgvigil
