// From a window of observations to a report. Pure: the same window, settings and time give the same report.
#pragma once

#include <map>
#include <string>

#include "agent/core/recording.h"
#include "agent/core/report.h"

namespace pgvigil {

using AllCheckSettings = std::map<std::string, CheckSettings, std::less<>>;  // by check id

Result evaluate(const Check& check, const Input& input);
std::vector<Result> evaluate_all(const History& history, const Context& context, const AllCheckSettings& settings,
                                 Time at);
// Causes by load, severity and confidence; symptoms folded under the cause that explains them.
Report rank(std::vector<Result> results, const History& history, const Context& context, Time at);
// Both, of what was recorded.
Report judged(const Recording& recording, const AllCheckSettings& settings);

}  // namespace pgvigil
