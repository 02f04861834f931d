#include "checks/probes/known_plans.h"

#include <algorithm>

namespace pgvigil {
namespace {

const std::vector<MetricLabel> labels{{"datname", "database"}, {"queryid", "query_id"}, {"source", "source"}};

std::vector<MetricLabel> with_plan() {
  std::vector<MetricLabel> all = labels;
  all.push_back({"plan", "shape"});
  return all;
}

std::string field(std::string text) {
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

}  // namespace

std::string PlanRead::title() const { return index.empty() ? way : way + " using " + index; }

std::string to_text(const PlanRead& r) {
  return field(r.schema) + '\t' + field(r.relation) + '\t' + r.way + '\t' + field(r.index);
}

PlanRead plan_read(std::string_view text) {
  std::string parts[4];
  for (std::size_t k = 0; k < 4; ++k) {
    const auto end = k == 3 ? std::string_view::npos : text.find('\t');
    parts[k] = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return {parts[0], parts[1], parts[2], parts[3]};
}

std::vector<PlanRead> plan_reads(const std::vector<std::string>& texts) {
  std::vector<PlanRead> all;
  for (const std::string& t : texts) all.push_back(plan_read(t));
  return all;
}

const Probe<KnownPlan> known_plans{
    {.id = "known_plans",
     .title = "Remembered plans of hot queries",
     .scope = Scope::host,
     .cadence = Cadence::sweep,
     .metrics = {{"pgvigil_plan_info", "The plan of a hot query: `plan` changes with its shape", MetricKind::gauge,
                  "hot", with_plan()},
                 {"pgvigil_plan_cost", "What the planner thinks that one execution of a hot query costs",
                  MetricKind::gauge, "hot_cost", labels},
                 {"pgvigil_plan_seq_scan_rows", "Rows that one execution of a hot query reads by sequential scans",
                  MetricKind::gauge, "seq_rows", labels},
                 {"pgvigil_plan_harmful_scan", "Whether a scan in the plan of a hot query is harmful",
                  MetricKind::gauge, "harmful", labels},
                 {"pgvigil_plan_changes_total", "Changes of the plan's shape, of queries that are remembered",
                  MetricKind::counter, "changes", labels}},
     .wave = 0},
    {{"database", &KnownPlan::database},
     {"query_id", &KnownPlan::query_id},
     {"source", &KnownPlan::source},
     {"query", &KnownPlan::query},
     {"name", &KnownPlan::name},
     {"last_hot", &KnownPlan::last_hot},
     {"changes", &KnownPlan::changes},
     {"shape", &KnownPlan::shape},
     {"root", &KnownPlan::root},
     {"cost", &KnownPlan::cost},
     {"reads", &KnownPlan::reads},
     {"changed_at", &KnownPlan::changed_at},
     {"before_shape", &KnownPlan::before_shape},
     {"before_root", &KnownPlan::before_root},
     {"before_cost", &KnownPlan::before_cost},
     {"before_reads", &KnownPlan::before_reads},
     {"hot", &KnownPlan::hot},
     {"hot_cost", &KnownPlan::hot_cost},
     {"seq_rows", &KnownPlan::seq_rows},
     {"harmful", &KnownPlan::harmful}},
    [](const KnownPlan& p) { return p.database + "\n" + p.query_id + "\n" + p.source; }};

}  // namespace pgvigil
