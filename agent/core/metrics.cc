#include "agent/core/metrics.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pgvigil {
namespace {

std::string valid(const std::string& s) {
  std::string out;
  decode_cell(Cell(s), out);
  return out;
}

std::string key_of(const std::vector<Label>& labels) {
  std::string key;
  for (const Label& l : labels) key.append(l.value).push_back('\0');
  return key;
}

// Families by name while they grow. A label set that comes again from the same source is added up.
class Page {
 public:
  Family& family(std::string_view name, std::string_view help, MetricKind kind) {
    auto it = families_.find(name);
    if (it == families_.end())
      it = families_.emplace(std::string(name), Family{std::string(name), std::string(help), kind, {}}).first;
    return it->second;
  }
  void add(std::string_view name, std::string_view help, MetricKind kind, std::vector<Label> labels, double value) {
    family(name, help, kind).samples.push_back({std::move(labels), value});
  }
  void gauge(std::string_view name, std::string_view help, std::vector<Label> labels, std::optional<double> value) {
    if (value) add(name, help, MetricKind::gauge, std::move(labels), *value);
  }
  void counter(std::string_view name, std::string_view help, std::vector<Label> labels, std::optional<double> value) {
    if (value) add(name, help, MetricKind::counter, std::move(labels), *value);
  }
  std::vector<Family> take() {
    std::vector<Family> all;
    for (auto& [name, f] : families_)
      if (!f.samples.empty()) all.push_back(std::move(f));
    return all;
  }

 private:
  std::map<std::string, Family, std::less<>> families_;
};

bool fresh(const AnyProbe& probe, const Answer& a, const Intervals& i, Time at) {
  const Cadence c = probe.about().cadence;
  // The page is made once a cycle: a sample is no staler than that.
  return seconds_between(a.at, at) <= 3 * (c == Cadence::sample ? std::max(i.sample, i.cycle) : i.of(c));
}

bool is_maximum(const Metric& m) { return m.value.starts_with("max_"); }

// The samples of one raw metric. Rows that share all labels are one series: counts add up, a maximum stays one.
std::vector<Sample> samples_of(const AnyProbe& probe, const Metric& m, const Rows& rows, const std::string& target) {
  std::vector<std::pair<std::string, std::size_t>> labels;
  for (const MetricLabel& l : m.labels) labels.emplace_back(l.name, probe.column(l.column));
  const bool maximum = is_maximum(m);
  const std::size_t column = m.value.empty() ? 0 : probe.column(m.value);
  std::vector<Sample> samples;
  std::map<std::string, std::size_t> seen;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::optional<double> v = m.value.empty() ? 1.0 : rows.number(r, column);
    if (!v || !std::isfinite(*v)) continue;
    Sample s{{{"target", target}}, *v * m.scale};
    for (const auto& [name, c] : labels) s.labels.push_back({name, valid(rows.cell(r, c).value_or(""))});
    const auto [it, is_new] = seen.emplace(key_of(s.labels), samples.size());
    if (is_new)
      samples.push_back(std::move(s));
    else if (maximum)
      samples[it->second].value = std::max(samples[it->second].value, s.value);
    else
      samples[it->second].value += s.value;
  }
  return samples;
}

// Cuts one target's samples of a family to the budget. A series that has its own place keeps it for as long as it
// exists; a free place goes to the largest that was never folded: a folded counter stays folded, so "other" only grows.
std::vector<Sample> within(SeriesBudget& budget, const Metric& m, const std::string& target, std::vector<Sample> all) {
  auto& b = budget.buckets[std::string(m.name) + '\0' + target];
  std::stable_sort(all.begin(), all.end(), [](const Sample& x, const Sample& y) { return x.value > y.value; });
  const bool is_new = b.own.empty() && b.folded.empty();  // later, a newcomer counts from its first value on
  std::set<std::string> own;
  std::map<std::string, double> folded;
  for (const Sample& s : all)
    if (auto key = key_of(s.labels); b.own.contains(key) && own.size() < budget.per_family) own.insert(std::move(key));
  std::vector<Sample> out;
  double sum = 0;
  for (Sample& s : all) {
    auto key = key_of(s.labels);
    const auto before = b.folded.find(key);
    const bool bound = m.kind == MetricKind::counter && before != b.folded.end();
    if (own.contains(key) || (own.size() < budget.per_family && !bound)) {
      own.insert(std::move(key));
      out.push_back(std::move(s));
      continue;
    }
    const double last = before != b.folded.end() ? before->second : is_new ? 0 : s.value;
    if (is_maximum(m))
      sum = std::max(sum, s.value);
    else
      sum += m.kind == MetricKind::counter ? (s.value >= last ? s.value - last : s.value) : s.value;
    folded.emplace(std::move(key), s.value);
  }
  b.total = m.kind == MetricKind::counter ? b.total + sum : sum;
  if (!folded.empty()) {
    budget.dropped[std::string(m.name)] += static_cast<double>(folded.size());
    Sample other{{{"target", target}}, b.total};
    for (const MetricLabel& l : m.labels) other.labels.push_back({std::string(l.name), "other"});
    out.push_back(std::move(other));
  }
  b.own = std::move(own);
  b.folded = std::move(folded);
  return out;
}

// The raw metrics of every probe. Where two probes make the same family, the first in catalogue order has it.
void probe_metrics(Page& page, const TargetMetrics& t, Time at, SeriesBudget& budget,
                   const std::vector<const AnyProbe*>& probes) {
  std::set<std::string_view> taken;
  for (const AnyProbe* probe : probes) {
    const Answer* a = t.history->latest(*probe);
    if (a == nullptr || !fresh(*probe, *a, t.intervals, at)) continue;
    const std::vector<Label> who{{"target", valid(t.target)}, {"probe", std::string(probe->id())}};
    page.gauge("pgvigil_probe_success", "Whether the newest answer of the probe came without a failure.", who,
               a->rows && a->failures.empty() ? 1 : 0);
    page.gauge("pgvigil_probe_duration_seconds", "Time between request and newest answer of the probe.", who,
               a->seconds);
    page.gauge("pgvigil_probe_answer_timestamp_seconds", "When the newest answer of the probe was made.", who,
               seconds_between(Time{}, a->at));
    if (!a->rows) continue;
    for (const Metric& m : probe->about().metrics) {
      if (!taken.insert(m.name).second) continue;
      auto kept = within(budget, m, valid(t.target), samples_of(*probe, m, *a->rows, valid(t.target)));
      auto& all = page.family(m.name, m.help, m.kind).samples;
      std::move(kept.begin(), kept.end(), std::back_inserter(all));
    }
  }
}

void finding_metrics(Page& page, const Report& r, const std::string& target) {
  std::map<std::vector<Label>, double> counts;
  for (const Result& result : r.results) {
    const std::string id(result.check->id);
    page.gauge("pgvigil_check_state", "What the check says, one series a check: found, fine or unknown.",
               {{"target", target},
                {"check", id},
                {"state", result.unknown            ? "unknown"
                          : result.findings.empty() ? "fine"
                                                    : "found"}},
               1);
    for (const Finding& f : result.findings)
      counts[{{"target", target},
              {"check", id},
              {"severity", std::string(to_string(f.severity))},
              {"role", std::string(to_string(f.role))},
              {"act_by", std::string(to_string(f.act_by))}}] += 1;
  }
  for (const auto& [labels, n] : counts)
    page.gauge("pgvigil_finding", "Findings of the newest report. Texts and objects are in the report, not here.",
               labels, n);
  std::map<std::string, Time> onsets;
  for (const Incident& i : r.incidents)
    if (i.since) {
      const auto it = onsets.emplace(i.lead().check, *i.since).first;
      it->second = std::min(it->second, *i.since);
    }
  for (const auto& [check, since] : onsets)
    page.gauge("pgvigil_incident_start_timestamp_seconds",
               "Onset of the incident that the check leads, where it was seen.", {{"target", target}, {"check", check}},
               seconds_between(Time{}, since));
}

// What has no id of its own (13, a statement that has just begun) is in "other", as are the many small ones.
void load_metrics(Page& page, const LoadLine& load, const std::string& target) {
  for (const auto& [by, v] : {std::pair{"cpu", load.on_cpu}, std::pair{"lock", load.lock}, std::pair{"io", load.io},
                              std::pair{"client", load.client}, std::pair{"other", load.other}})
    page.gauge("pgvigil_load_sessions", "Average active sessions, by what they spend their time on.",
               {{"target", target}, {"by", by}}, v);
  std::map<std::pair<std::string, std::string>, double> queries;
  double rest = load.active;
  for (const LoadLine::Query& q : load.queries) {
    queries[{valid(q.database), valid(q.id)}] += q.sessions;
    rest -= q.sessions;
  }
  queries[{"other", "other"}] = std::max(0.0, rest);
  for (const auto& [query, v] : queries)
    page.gauge("pgvigil_query_load_sessions", "Average active sessions, by the query that they run.",
               {{"target", target}, {"datname", query.first}, {"queryid", query.second}}, v);
}

void report_metrics(Page& page, const Report& r, const std::string& target) {
  const std::vector<Label> t{{"target", target}};
  page.gauge("pgvigil_up", "Whether the server answered in the newest cycle.", t, r.reachable);
  page.gauge("pg_up", "Whether the server answered in the newest cycle.", t, r.reachable);
  page.gauge("pgvigil_verdict", "The verdict of the newest report: 0 ok, 1 info, 2 warning, 3 critical.", t,
             static_cast<double>(r.verdict));
  page.gauge("pgvigil_verdict_partial", "Whether something that could change the verdict was not seen.", t, r.partial);
  page.gauge("pgvigil_report_timestamp_seconds", "When the newest report was made.", t, seconds_between(Time{}, r.at));
  page.gauge("pgvigil_blind_spots", "What could not be seen; the report says why and how to mend it.", t,
             static_cast<double>(r.blind_spots.size()));
  finding_metrics(page, r, target);
  if (!r.reachable) return;  // the figures below would be of a past cycle
  if (r.load.samples > 0) load_metrics(page, r.load, target);
  page.gauge("pgvigil_vcpus", "Number of vCPUs that the load is compared with.", t, r.load.vcpus);
  page.gauge("pgvigil_connections_used", "Client connections in use.", t, r.connections_used);
  page.gauge("pgvigil_connections_max", "Client connections that the server allows to ordinary roles.", t,
             r.connections_max);
  page.gauge("pgvigil_cpu_busy_ratio", "Share of the CPU in use, and where the figure comes from.",
             {{"target", target}, {"source", valid(r.cpu_source)}}, r.cpu_busy);
  page.gauge("pgvigil_own_connections", "Connections that pgvigil holds to the server.", t, r.cost.connections);
  if (r.cost.seconds > 0) {
    page.gauge("pgvigil_own_db_time_ratio", "Wall time of pgvigil's statements in the server, per second.", t,
               r.cost.db_seconds / r.cost.seconds);
    page.gauge("pgvigil_own_statement_rate", "Statements that pgvigil sends to the server, per second.", t,
               static_cast<double>(r.cost.statements) / r.cost.seconds);
  }
  page.counter("pgvigil_explains_total", "EXPLAINs of hot queries that were tried.", t,
               static_cast<double>(r.cost.explains));
  for (const auto& [reason, n] : r.cost.explain_failures)
    page.counter("pgvigil_explain_failures_total", "Hot queries that have no plan, by the reason.",
                 {{"target", target}, {"reason", valid(reason)}}, static_cast<double>(n));
}

void own_metrics(Page& page, const OwnStats& o) {
  page.gauge("pgvigil_build_info", "The version of the agent, as a label.", {{"version", valid(o.version)}}, 1);
  page.gauge("pgvigil_own_start_timestamp_seconds", "When the agent started.", {}, o.start_time);
  page.counter("pgvigil_own_cpu_seconds_total", "CPU time of the agent.", {}, o.cpu_seconds);
  page.gauge("pgvigil_own_resident_memory_bytes", "Resident memory of the agent.", {}, o.resident_bytes);
  page.gauge("pgvigil_own_open_files", "Open file descriptors of the agent.", {}, o.open_files);
  page.gauge("pgvigil_own_loop_lag_seconds", "How late the agent's event loop ran its last timer.", {},
             o.loop_lag_seconds);
  page.counter("pgvigil_own_reports_total", "Reports made, over all targets: one a cycle.", {}, o.reports);
  page.gauge("pgvigil_config_last_reload_successful", "Whether the newest reload of the configuration was taken.", {},
             o.reload_succeeded);
  page.gauge("pgvigil_config_last_reload_success_timestamp_seconds", "When a configuration was last taken.", {},
             o.reload_time);
  for (const OwnStats::Receiver& r : o.receivers) {
    const std::vector<Label> to{{"receiver", valid(r.name)}};
    page.counter("pgvigil_notifications_sent_total", "Alerts that this receiver accepted.", to, r.sent);
    page.counter("pgvigil_notifications_failed_total", "Tries to deliver to this receiver that failed.", to, r.failed);
    page.counter("pgvigil_notifications_dropped_total", "Alerts for this receiver that were given up.", to, r.dropped);
    page.gauge("pgvigil_notifications_queued", "Alerts that wait for this receiver.", to, r.queued);
    page.gauge("pgvigil_notifications_oldest_seconds", "How long the oldest of them has been waiting.", to,
               r.oldest_seconds);
  }
  page.gauge("pgvigil_silences", "Silences that have not ended.", {}, o.silences);
  page.gauge("pgvigil_state_degraded", "Whether the state directory cannot be written.", {}, o.state_degraded);
}

// A target that is no longer watched leaves no memory behind.
void forget_others(SeriesBudget& budget, std::span<const TargetMetrics> targets) {
  std::set<std::string, std::less<>> names;
  for (const TargetMetrics& t : targets) names.insert(valid(t.target));
  std::erase_if(budget.buckets, [&](const auto& b) { return !names.contains(b.first.substr(b.first.find('\0') + 1)); });
}

}  // namespace

std::vector<Family> metrics(std::span<const TargetMetrics> targets, const OwnStats& own, Time at, SeriesBudget& budget,
                            const std::vector<const AnyProbe*>& probes) {
  Page page;
  forget_others(budget, targets);
  for (const TargetMetrics& t : targets) {
    if (t.history != nullptr) probe_metrics(page, t, at, budget, probes);
    if (t.report != nullptr) report_metrics(page, *t.report, valid(t.target));
    if (t.report != nullptr)
      page.gauge("pgvigil_sends_alerts", "Whether this agent sends the target's alerts, or another one does.",
                 {{"target", valid(t.target)}}, t.sends);
  }
  own_metrics(page, own);
  for (const auto& [family, n] : budget.dropped)
    page.counter("pgvigil_series_dropped_total", "Series folded into \"other\" since the start, once for each page.",
                 {{"family", family}}, n);
  return page.take();
}

}  // namespace pgvigil
