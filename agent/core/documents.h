// The documents of the JSON API beside the report (docs/api.md), each in one line.
#pragma once

#include <string>
#include <vector>

#include "agent/core/alerting.h"
#include "agent/core/judged_plans.h"
#include "agent/core/keep.h"
#include "agent/core/metrics.h"
#include "agent/core/report.h"

namespace pgvigil {

std::string own_document(const OwnStats& own, bool keeps_history);  // `agent` of targets
// One of `targets[]`; `open` are the incidents that its alerts know.
std::string target_document(const Report& report, const std::vector<OpenIncident>& open);
// The elements of `findings[]` of one target, with commas between them.
std::string findings_document(const Report& report);
std::string queries_document(const Input& in, const std::vector<JudgedPlan>& plans);
std::string plans_document(const Input& in, const std::vector<JudgedPlan>& plans);
std::string activity_document(const Input& in, const Report& report);
std::string progress_document(const Input& in);
std::string events_document(const std::string& target, std::vector<Moment> moments);  // in any order

}  // namespace pgvigil
