// Look-ups that a setting keeps from the index: planned without their values, a rare one looks like a common one.
#pragma once

#include "checks/plans/scans.h"

namespace pgvigil {

// `r` is a reader whose plan was made without values, and which an index that exists would serve. Where
// plan_cache_mode = force_generic_plan holds for who runs it, and its executions return far fewer rows than that plan
// keeps, it is harmful and the setting is why.
void judge_forced_generic(const Input& in, const std::string& text, TableReader& r);

}  // namespace pgvigil
