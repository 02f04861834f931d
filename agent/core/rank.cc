// Ranking: which cause comes first, and which symptoms stand under it.
#include <fmt/format.h>

#include <algorithm>

#include "agent/core/describe.h"
#include "agent/core/evaluate.h"
#include "agent/core/incidents.h"
#include "agent/core/onset.h"
#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr std::string_view unreachable = "server_unreachable";  // mutes the rest of its target
constexpr double load_window = 30;                              // seconds of samples that "now" means
constexpr double together = 120;                                // seconds: an event this near an onset stands beside it

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

// What was not asked, does not exist on that version, or belongs to a machine that is not ours to see (PGV04) is a
// blind spot, but takes nothing away from the verdict on what the server itself says.
bool weighs(const Failure& f) { return f.sqlstate != "PGV03" && f.sqlstate != "PGV04" && f.sqlstate != "PGV06"; }

// One database answered and another did not: what was judged is not the whole server. Those that were left out on
// purpose (PGV03), dropped meanwhile (3D000) or closed to us (42501) are only blind spots.
bool misses_a_database(const Check& check, const History& history) {
  for (const ProbeRef& ref : check.reads) {
    const Answer* last = history.latest(*ref.probe);
    if (ref.probe->about().scope != Scope::database || last == nullptr || !last->rows) continue;
    for (const Failure& f : last->failures)
      if (f.sqlstate != "PGV03" && f.sqlstate != "PGV06" && f.sqlstate != "3D000" && f.sqlstate != "42501") return true;
  }
  return false;
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

void say(Report& report) {
  if (report.incidents.empty()) {
    const bool any =
        std::any_of(report.results.begin(), report.results.end(), [](const Result& r) { return !r.unknown; });
    report.headline = !any             ? "nothing could be judged"
                      : report.partial ? "nothing that could be seen is hurting this server now"
                                       : "nothing is hurting this server now";
    report.reason = fmt::format("{:.1f} active sessions{}", report.load.active,
                                report.load.vcpus ? fmt::format(" on {:g} vCPU", *report.load.vcpus) : std::string());
    return;
  }
  const Incident& first = report.incidents.front();
  report.headline = first.lead().sentence;
  if (!first.explained) {
    report.headline += "; its cause is not known";
    report.reason = first.suspects.empty() ? first.lead().basis : "nearest: " + words::list(first.suspects, 2);
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

Report judged(const Recording& r, const AllCheckSettings& settings) {
  Report report = rank(evaluate_all(r.history, r.context, settings, r.at), r.history, r.context, r.at);
  report.cost = r.cost;
  return report;
}

Report rank(std::vector<Result> results, const History& history, const Context& context, Time at) {
  static const CheckSettings none;
  const Input in(history, context, none, at);
  Report report;
  report.target = context.target;
  report.at = at;
  const Load seen = load(in, load_window);
  describe_server(in, seen, load_window, report);

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
  report.incidents = incidents_of(std::move(causes), std::move(symptoms), seen.active, report.posture);
  find_onsets(report.incidents, in);
  place_events(std::move(events), report);
  for (Incident& i : report.incidents)
    if (!i.explained) i.suspects = suspects(seen, report.load);
  clear_the_writers(seen, report);
  std::stable_sort(report.posture.begin(), report.posture.end(), worse);

  for (const Incident& i : report.incidents) report.verdict = std::max(report.verdict, i.severity);
  if (report.verdict == Severity::info) report.verdict = Severity::ok;
  report.results = std::move(results);
  place_blind_spots(in, report);
  for (const Result& r : report.results)
    if (r.check->role != Role::advice && (r.unknown ? weighs(*r.unknown) : misses_a_database(*r.check, history)))
      report.partial = true;
  say(report);
  return report;
}

}  // namespace pgvigil
