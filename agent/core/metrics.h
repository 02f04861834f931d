// The metrics page as values: families of samples from the newest answers, the reports and the agent's own figures.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/core/report.h"
#include "checks/check.h"

namespace pgvigil {

struct Label {
  std::string name, value;
  auto operator<=>(const Label&) const = default;
};
struct Sample {
  std::vector<Label> labels;
  double value = 0;
};
struct Family {
  std::string name, help;
  MetricKind kind = MetricKind::gauge;
  std::vector<Sample> samples;
};

struct TargetMetrics {
  std::string target;
  const History* history = nullptr;  // null: nothing was asked yet
  const Report* report = nullptr;    // null: nothing was judged yet
  Intervals intervals = {};
  bool sends = true;  // false: another agent sends its alerts
};

// The agent's own figures. What is not known stays nullopt and is not exported.
struct OwnStats {
  std::string version;
  std::optional<double> start_time;  // epoch seconds
  std::optional<double> cpu_seconds, resident_bytes, open_files, loop_lag_seconds;
  std::optional<double> reports;                        // counter
  std::optional<double> reload_succeeded, reload_time;  // 0 or 1; epoch seconds of the last good one
  std::optional<double> state_degraded;                 // 1: the state directory cannot be written
  std::optional<double> silences;
  struct Receiver {
    std::string name;
    double sent = 0, failed = 0, dropped = 0;  // counters
    double queued = 0, oldest_seconds = 0;
  };
  std::vector<Receiver> receivers = {};
};

// What the series budget remembers from page to page, so that a series neither flickers nor a counter falls:
// who has a place of its own, and how far the "other" bucket has counted.
struct SeriesBudget {
  std::size_t per_family = 200;  // series of a target in one family; the rest is summed up as "other"
  struct Bucket {
    std::set<std::string> own;
    std::map<std::string, double> folded;  // last value of each folded counter
    double total = 0;                      // of the "other" counter; never falls
  };
  std::map<std::string, Bucket, std::less<>> buckets = {};  // by family and target
  std::map<std::string, double, std::less<>> dropped = {};  // by family
};

// Every family once, in the order of their names; every label set once. Probes' own names keep their labels and
// get `target` in front. Findings are counted by check, severity, role and act_by: objects and texts are no labels.
// budget: the one of the page before. probes: whose answers to look for.
std::vector<Family> metrics(std::span<const TargetMetrics> targets, const OwnStats& own, Time at, SeriesBudget& budget,
                            const std::vector<const AnyProbe*>& probes = all_probes());

}  // namespace pgvigil
