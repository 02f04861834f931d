// What a target is in a line, its findings as a flat list, and what happened to it.
#include <algorithm>
#include <tuple>

#include "agent/core/documents.h"
#include "agent/core/json_parts.h"
#include "agent/core/text.h"

namespace pgvigil {
namespace {

using json::Json;
using json::number;

constexpr std::size_t most_events = 1'000;

std::string_view state(const OpenIncident& o) { return !o.fired ? "pending" : o.absent_since ? "resolving" : "firing"; }

Json alert(const OpenIncident& o) {
  const Finding& lead = o.incident.lead();
  return {{"check", lead.check},         {"object", lead.object.name},
          {"state", state(o)},           {"severity", to_string(o.incident.severity)},
          {"since", rfc3339(o.started)}, {"sentence", lead.sentence}};
}

void add(std::string& out, const Report& r, std::string_view part, const Json& incident,
         const std::vector<Finding>& findings) {
  for (const Finding& f : findings) {
    Json one{{"target", r.target}, {"part", part}, {"incident", incident}};
    one.update(json::finding(f));
    out += (out.empty() ? "" : ",") + json::in_one_line(one);
  }
}

}  // namespace

std::string own_document(const OwnStats& own, bool keeps_history) {
  const Time start = after(Time{}, own.start_time.value_or(0));
  return json::in_one_line({{"version", own.version},
                            {"start_time", rfc3339(start)},
                            {"cpu_seconds", number(own.cpu_seconds.value_or(0))},
                            {"resident_bytes", number(own.resident_bytes)},
                            {"loop_lag_seconds", number(own.loop_lag_seconds.value_or(0))},
                            {"state_degraded", keeps_history ? Json(own.state_degraded.value_or(0) > 0) : Json()}});
}

std::string target_document(const Report& r, const std::vector<OpenIncident>& open) {
  const Incident* worst = r.incidents.empty() ? nullptr : &r.incidents.front();
  Json alerts = Json::array();
  for (const OpenIncident& o : open) alerts.push_back(alert(o));
  return json::in_one_line({{"target", r.target},
                            {"at", rfc3339(r.at)},
                            {"version", json::text_or_null(r.version)},
                            {"in_recovery", r.in_recovery},
                            {"reachable", r.reachable},
                            {"verdict", to_string(r.verdict)},
                            {"act_by", worst != nullptr ? Json(to_string(worst->act_by)) : Json()},
                            {"partial", r.partial},
                            {"headline", r.headline},
                            {"since", worst != nullptr ? json::time(worst->since) : Json()},
                            {"load", number(r.load.active)},
                            {"vcpus", number(r.load.vcpus)},
                            {"cpu_busy", number(r.cpu_busy)},
                            {"connections_used", number(r.connections_used)},
                            {"connections_max", number(r.connections_max)},
                            {"observed_seconds", number(r.cost.seconds)},
                            {"alerts", std::move(alerts)}});
}

std::string findings_document(const Report& r) {
  std::string out;
  for (std::size_t i = 0; i < r.incidents.size(); ++i) {
    add(out, r, "cause", i, r.incidents[i].causes);
    add(out, r, "symptom", i, r.incidents[i].symptoms);
    add(out, r, "event", i, r.incidents[i].events);
  }
  add(out, r, "event", nullptr, r.events);
  add(out, r, "posture", nullptr, r.posture);
  return out;
}

std::string events_document(const std::string& target, std::vector<Moment> moments) {
  std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) { return a.at < b.at; });
  if (moments.size() > most_events)
    moments.erase(moments.begin(), moments.end() - static_cast<std::ptrdiff_t>(most_events));
  return json::in_one_line({{"schema", 1}, {"target", target}, {"events", json::list(moments, [](const Moment& m) {
                                                                  return Json{{"at", rfc3339(m.at)},
                                                                              {"kind", m.kind},
                                                                              {"check", m.check},
                                                                              {"severity", to_string(m.severity)},
                                                                              {"object", m.object.name},
                                                                              {"database", m.object.database},
                                                                              {"sentence", m.sentence},
                                                                              {"started", rfc3339(m.started)},
                                                                              {"key", m.key}};
                                                                })}});
}

}  // namespace pgvigil
