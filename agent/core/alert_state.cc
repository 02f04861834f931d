#include "agent/core/alert_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/core/recording.h"

namespace nlohmann {

template <>
struct adl_serializer<pgvigil::Time> {
  static void to_json(json& j, const pgvigil::Time& t) { j = t.time_since_epoch().count(); }
  static void from_json(const json& j, pgvigil::Time& t) { t = pgvigil::Time(pgvigil::Milliseconds(j.get<long>())); }
};

template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& j, const std::optional<T>& v) {
    if (v)
      j = *v;
    else
      j = nullptr;
  }
  static void from_json(const json& j, std::optional<T>& v) {
    if (j.is_null())
      v.reset();
    else
      v = j.get<T>();
  }
};

}  // namespace nlohmann

// One macro a struct, so that a field that is added is forgotten in one place only; a missing one keeps its default.
namespace pgvigil {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Object, kind, name, database)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Evidence, what, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Step, title, database, run_as, sql, relief, duration, lock, undo,
                                                caution, load_relieved, minutes, straight_path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Remedy, kind, summary, steps)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Finding, check, role, severity, act_by, object, sentence, evidence,
                                                remedies, confidence, basis, fix, load, tables, queries, sessions,
                                                since)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Incident, causes, symptoms, events, explained, suspects, severity,
                                                act_by, load, share, since)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Reach, severity, act_by)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Seen, cause, at)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(OpenIncident, key, started, pending_since, fired, absent_since, updated,
                                                became_critical, became_urgent, ours, told_cause, told, told_at,
                                                first_check, first_object, incident, checks, identities, edges, merged)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PastIncident, identities, edges)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(AlertState, open, past, last_step, last_report, after_gap)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Noted, first, last, told, since)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(NoteState, known, digest_at)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TargetAlerts, alerts, notes)

namespace {

// A file may hold anything; an enumerator that is none would be undefined behaviour later.
template <class E>
void bound(E& e, E last) {
  e = static_cast<E>(std::min(static_cast<unsigned>(e), static_cast<unsigned>(last)));
}

void bound(Incident& i) {
  bound(i.severity, Severity::critical);
  bound(i.act_by, ActBy::later);
  for (auto* side : {&i.causes, &i.symptoms, &i.events})
    for (Finding& f : *side) {
      bound(f.role, Role::advice);
      bound(f.severity, Severity::critical);
      bound(f.act_by, ActBy::later);
      bound(f.confidence, Confidence::high);
      for (Remedy& r : f.remedies) bound(r.kind, Remedy::Kind::cure);
    }
}

}  // namespace

std::string save_alerts(const TargetAlerts& alerts) {
  return nlohmann::json(alerts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

TargetAlerts load_alerts(const std::string& text) {
  try {
    auto loaded = nlohmann::json::parse(text).get<TargetAlerts>();
    for (OpenIncident& o : loaded.alerts.open) {
      bound(o.incident);
      bound(o.told.severity, Severity::critical);
      bound(o.told.act_by, ActBy::later);
    }
    std::erase_if(loaded.alerts.open, [](const OpenIncident& o) { return o.key.empty() || o.incident.causes.empty(); });
    return loaded;
  } catch (const nlohmann::json::exception& e) {
    throw BadRecording(std::string("the state of the alerts is damaged: ") + e.what());
  }
}

}  // namespace pgvigil
