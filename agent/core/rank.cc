// Ranking: which cause comes first, and which symptoms stand under it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "agent/core/evaluate.h"
#include "checks/load.h"
#include "checks/probes/connections.h"
#include "checks/probes/cpu.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

constexpr std::string_view unreachable = "server_unreachable";  // mutes the rest of its target
constexpr double load_window = 30;                              // seconds of samples that "now" means
constexpr double least_share = 0.15;  // of the load: below it a cause does not account for the server's symptoms
constexpr double together = 120;      // seconds: an event this near an onset stands beside it

bool is_live(const Finding& f) {
  return f.severity >= Severity::warning && (f.act_by == ActBy::now || f.act_by == ActBy::today);
}

std::string_view family(const Finding& f) {
  const Check* check = find_check(f.check);
  return check == nullptr || check->family.empty() ? std::string_view(f.check) : check->family;
}

bool explains(const Incident& incident, const Finding& symptom) {
  for (const Finding& cause : incident.causes) {
    const Check* check = find_check(cause.check);
    if (cause.role == Role::cause && is_live(cause) && check != nullptr &&
        std::find(check->explains.begin(), check->explains.end(), symptom.check) != check->explains.end())
      return true;
  }
  return false;
}

// Worse first: severity, then how soon, then load, then confidence; names last, so that the order is stable.
bool before(const Finding& a, const Finding& b) {
  return std::tuple(b.severity, a.act_by, b.load, b.confidence, a.check, a.object) <
         std::tuple(a.severity, b.act_by, a.load, a.confidence, b.check, b.object);
}

void settle(Incident& incident, double active) {
  std::stable_sort(incident.causes.begin(), incident.causes.end(), before);
  std::stable_sort(incident.symptoms.begin(), incident.symptoms.end(), before);
  // Findings of several checks on one object say the same load twice: count each object once.
  std::set<Object> counted;
  incident.load = 0;
  for (const Finding& f : incident.causes)
    if (counted.insert(f.object).second) incident.load += f.load;
  if (active > 0) incident.share = std::min(1.0, incident.load / active);
  for (const auto* all : {&incident.causes, &incident.symptoms})
    for (const Finding& f : *all) {
      incident.severity = std::max(incident.severity, f.severity);
      incident.act_by = std::min(incident.act_by, f.act_by);
      if (f.since && (!incident.since || *f.since < *incident.since)) incident.since = f.since;
    }
}

Incident opened(Finding lead) {
  Incident incident;
  incident.explained = lead.role == Role::cause;
  incident.severity = lead.severity;
  incident.act_by = lead.act_by;
  incident.causes.push_back(std::move(lead));
  return incident;
}

std::vector<Incident> incidents_of(std::vector<Finding> causes, std::vector<Finding> symptoms, double active,
                                   std::vector<Finding>& posture) {
  std::vector<Incident> incidents;
  const auto of_family = [&](const Finding& f) {
    return std::find_if(incidents.begin(), incidents.end(),
                        [&](const Incident& i) { return family(i.lead()) == family(f); });
  };
  for (Finding& f : causes)
    if (is_live(f)) {
      const auto it = of_family(f);
      if (it == incidents.end())
        incidents.push_back(opened(std::move(f)));
      else
        it->causes.push_back(std::move(f));
      f.check.clear();  // taken
    }
  // A lesser finding of the same family belongs to the incident (the small fifth table); alone it is posture.
  for (Finding& f : causes)
    if (!f.check.empty()) {
      const auto it = of_family(f);
      if (it == incidents.end())
        posture.push_back(std::move(f));
      else
        it->causes.push_back(std::move(f));
    }
  for (Incident& i : incidents) settle(i, active);
  std::stable_sort(incidents.begin(), incidents.end(), [](const Incident& a, const Incident& b) {
    return std::tuple(b.severity, a.act_by, b.load) < std::tuple(a.severity, b.act_by, a.load);
  });
  std::vector<Finding> unexplained;
  for (Finding& s : symptoms) {
    const auto it = std::find_if(incidents.begin(), incidents.end(), [&](const Incident& i) {
      return explains(i, s) && (i.share >= least_share || i.load == 0 || active < 1);
    });
    if (it != incidents.end())
      it->symptoms.push_back(std::move(s));
    else if (is_live(s))
      unexplained.push_back(std::move(s));
    else
      posture.push_back(std::move(s));
  }
  // Symptoms that nothing explains are one incident: they are likely faces of one trouble.
  std::stable_sort(unexplained.begin(), unexplained.end(), before);
  if (!unexplained.empty()) {
    Incident unknown_cause = opened(std::move(unexplained.front()));
    unknown_cause.explained = false;
    for (std::size_t k = 1; k < unexplained.size(); ++k) unknown_cause.symptoms.push_back(std::move(unexplained[k]));
    incidents.push_back(std::move(unknown_cause));
  }
  for (Incident& i : incidents) settle(i, active);
  std::stable_sort(incidents.begin(), incidents.end(), [](const Incident& a, const Incident& b) {
    return std::tuple(b.severity, a.act_by, b.explained, b.load) <
           std::tuple(a.severity, b.act_by, a.explained, a.load);
  });
  return incidents;
}

void place_events(std::vector<Finding> events, Report& report) {
  for (Finding& e : events) {
    const auto beside = [&](const Incident& i) {
      for (const Finding& c : i.causes)
        for (const std::string& t : e.tables)
          if (std::find(c.tables.begin(), c.tables.end(), t) != c.tables.end()) return true;
      return e.since && i.since && std::abs(seconds_between(*e.since, *i.since)) <= together;
    };
    const auto it = std::find_if(report.incidents.begin(), report.incidents.end(), beside);
    (it == report.incidents.end() ? report.events : it->events).push_back(std::move(e));
  }
}

void place_blind_spots(const std::vector<Result>& results, const History& history, Report& report) {
  for (const AnyProbe* probe : all_probes()) {
    const Answer* last = history.latest(*probe);
    if (last == nullptr) continue;
    for (const Failure& f : last->failures) {
      const std::string title(probe->about().title);
      BlindSpot spot{f.database.empty() ? title : title + " in " + f.database, f.message, f.mend, {}};
      for (const Result& r : results)
        for (const ProbeRef& ref : r.check->reads)
          if (ref.probe == probe && r.unknown) spot.checks.emplace_back(r.check->id);
      const auto same = [&](const BlindSpot& b) { return b.what == spot.what && b.why == spot.why; };
      if (std::none_of(report.blind_spots.begin(), report.blind_spots.end(), same))
        report.blind_spots.push_back(std::move(spot));
    }
  }
}

void describe_server(const Input& in, const Load& seen, Report& report) {
  report.load = {seen.active, seen.by[0], seen.by[1],   seen.by[2],   seen.by[3],
                 seen.by[4],  vcpus(in),  seen.seconds, seen.samples, {}};
  std::map<std::string, int> waits;
  for (const auto& sample : in.series(activity, load_window))
    for (const Session& s : sample.rows)
      if (is_active(s) && spends(s) == Spends::other) ++waits[s.wait_event_type + ":" + s.wait_event];
  int most = 0;
  for (const auto& [wait, n] : waits)
    if (n > most) {
      most = n;
      report.load.top_wait = wait;
    }
  const auto servers = in.now(server);
  if (!servers.empty()) {
    const Server& s = servers.front();
    report.version = s.version;
    report.in_recovery = s.in_recovery;
    report.connections_max =
        static_cast<double>(s.max_connections - s.superuser_reserved_connections - s.reserved_connections);
  }
  if (in.seen(connections) != nullptr) {
    double used = 0;
    for (const ConnectionGroup& g : in.now(connections)) used += static_cast<double>(g.count);
    report.connections_used = used;
  }
  // The nearest view of the server's CPU that can be seen: its own processes, its cgroup, the host.
  for (const std::string_view source : {"processes", "cgroup", "host"})
    for (const Cpu& c : in.now(cpu))
      if (c.source == source && report.cpu_source.empty())
        if (const auto used = in.rate(cpu, c, &Cpu::used_seconds, load_window); used && c.cores > 0) {
          report.cpu_busy = std::min(1.0, *used / c.cores);
          report.cpu_source = c.source;
        }
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

void say(Report& report) {
  if (report.incidents.empty()) {
    const bool any =
        std::any_of(report.results.begin(), report.results.end(), [](const Result& r) { return !r.unknown; });
    report.headline = any ? "nothing is hurting this server now" : "nothing could be judged";
    report.reason = fmt::format("{:.1f} active sessions{}", report.load.active,
                                report.load.vcpus ? fmt::format(" on {:g} vCPU", *report.load.vcpus) : std::string());
    return;
  }
  const Incident& first = report.incidents.front();
  report.headline = first.lead().sentence;
  if (!first.explained) {
    report.headline += "; its cause is not known";
    report.reason = first.lead().basis;
    return;
  }
  std::vector<std::string> fixes;
  for (const Finding& f : first.causes)
    if (!f.fix.empty() && std::find(fixes.begin(), fixes.end(), f.fix) == fixes.end()) fixes.push_back(f.fix);
  if (!fixes.empty()) report.reason = fmt::format("the cure: {}. ", fmt::join(fixes, "; "));
  if (first.share > 0) report.reason += percent(first.share) + " of the load. ";
  report.reason += fmt::format("confidence: {}", to_string(first.lead().confidence));
}

}  // namespace

Report rank(std::vector<Result> results, const History& history, const Context& context, Time at) {
  static const CheckSettings none;
  const Input in(history, context, none, at);
  Report report;
  report.target = context.target;
  report.at = at;
  const Load seen = load(in, load_window);
  describe_server(in, seen, report);

  std::vector<Finding> causes, symptoms, events;
  report.reachable = std::none_of(results.begin(), results.end(),
                                  [](const Result& r) { return r.check->id == unreachable && !r.findings.empty(); });
  for (const Result& r : results) {
    if (!report.reachable && r.check->id != unreachable) continue;  // judged on what was seen before: stale
    for (const Finding& f : r.findings) {
      const bool later = f.act_by == ActBy::this_week || f.act_by == ActBy::later;
      if (f.role == Role::event)
        events.push_back(f);
      else if (f.role == Role::advice || later)
        report.posture.push_back(f);
      else
        (f.role == Role::cause ? causes : symptoms).push_back(f);
    }
    if (!r.unknown && r.findings.empty() && !r.fine.empty())
      report.ruled_out.push_back({std::string(r.check->id), std::string(r.check->title), r.fine});
  }
  std::stable_sort(causes.begin(), causes.end(), before);
  report.incidents = incidents_of(std::move(causes), std::move(symptoms), seen.active, report.posture);
  place_events(std::move(events), report);
  place_blind_spots(results, history, report);
  std::stable_sort(report.posture.begin(), report.posture.end(), before);

  for (const Incident& i : report.incidents) report.verdict = std::max(report.verdict, i.severity);
  if (report.verdict == Severity::info) report.verdict = Severity::ok;
  report.results = std::move(results);
  for (const Result& r : report.results)
    if (r.unknown && r.check->role != Role::advice && r.unknown->sqlstate != "PGV03") report.partial = true;
  say(report);
  return report;
}

}  // namespace pgvigil
