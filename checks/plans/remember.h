// Memory of plans and times that outlives the window. Pure: the newest memory in the history and what was seen since
// give the next one, so that a replay remembers the same. Bounded: of the queries, the least recently hot go.
#pragma once

#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/plans/plan_tree.h"
#include "checks/probes/known_plans.h"
#include "checks/probes/usual_times.h"

namespace pgvigil {

constexpr Setting<Seconds> retention{"retention", 86'400,
                                     "a change this long ago has become the usual, and is told no more"};

// Each holds what the check that asks would have to know at this moment, whether the agent has stored it or not.
std::vector<KnownPlan> remembered_plans(const Input& in, double retention_seconds);
std::vector<UsualTime> remembered_times(const Input& in, double retention_seconds);

// "13:05:04 UTC", with its date when that is not the day of `now`.
std::string utc_clock(Time t, Time now);

// For the metrics: what the newest plans of hot queries read, and whether a scan in them is harmful.
void describe_hot(const Input& in, std::vector<KnownPlan>& plans);

// How a plan reads its relations, each way once, at most `most`.
std::vector<PlanRead> reads_of(const PlanTree& plan, std::size_t most = 24);
// Two shapes are told apart by this: 16 hexadecimal digits.
std::string shape_hash(const std::string& plan_json);

}  // namespace pgvigil
