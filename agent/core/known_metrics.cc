#include "agent/core/known_metrics.h"

#include "agent/core/metrics.h"

namespace pgvigil {
namespace {

// A report and an agent that have a figure for everything: the page made of them shows every family once.
Report full_report(const Check& check) {
  Finding f;
  f.check = check.id;
  f.object = {"server", ""};
  Report r;
  r.target = "target";
  r.load.samples = 1;
  r.load.vcpus = r.connections_used = r.connections_max = r.cpu_busy = 1;
  r.cpu_source = "host";
  r.cost.seconds = 1;
  r.cost.explain_failures = {{"reason", 1}};
  r.results = {{&check, {f}}};
  Incident i;
  i.causes = {f};
  i.since = Time{};
  r.incidents = {i};
  return r;
}

OwnStats full_stats() {
  OwnStats o;
  for (auto* figure : {&o.start_time, &o.cpu_seconds, &o.resident_bytes, &o.open_files, &o.loop_lag_seconds, &o.reports,
                       &o.reload_succeeded, &o.reload_time, &o.state_degraded, &o.silences})
    *figure = 1;
  o.receivers = {{.name = "receiver"}};
  return o;
}

}  // namespace

std::map<std::string, KnownMetric, std::less<>> known_metrics(const Catalog& catalog) {
  std::map<std::string, KnownMetric, std::less<>> all;
  for (const AnyProbe* probe : catalog.probes)
    for (const Metric& m : probe->about().metrics) {
      KnownMetric known{std::string(m.help), m.kind, {"target"}, probe};
      for (const MetricLabel& l : m.labels) known.labels.emplace_back(l.name);
      all.emplace(m.name, std::move(known));
    }
  if (catalog.checks.empty() || catalog.probes.empty()) return all;
  History history;
  Observation o{Time{}, {}};
  o.answers[std::string(catalog.probes.front()->id())] = Answer{Time{}};
  history.add(std::move(o));
  const Report report = full_report(*catalog.checks.front());
  const TargetMetrics target{"target", &history, &report};
  SeriesBudget budget;
  budget.dropped = {{"family", 1}};
  for (const Family& f : metrics({&target, 1}, full_stats(), Time{}, budget, catalog.probes)) {
    KnownMetric known{f.help, f.kind};
    for (const Label& l : f.samples.front().labels) known.labels.push_back(l.name);
    all.emplace(f.name, std::move(known));
  }
  return all;
}

}  // namespace pgvigil
