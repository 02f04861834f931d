#include "agent/core/incidents.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

namespace pgvigil {
namespace {

constexpr double least_share = 0.15;  // of the load: below it a cause does not account for the server's symptoms

std::string_view family(const Finding& f) {
  const Check* check = find_check(f.check);
  return check == nullptr || check->family.empty() ? std::string_view(f.check) : check->family;
}

bool declares(const Finding& cause, std::string_view effect) {
  const Check* check = find_check(cause.check);
  return cause.role == Role::cause && is_live(cause) && check != nullptr &&
         std::find(check->explains.begin(), check->explains.end(), effect) != check->explains.end();
}

template <class T>
std::optional<bool> meet(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.empty() || b.empty()) return std::nullopt;
  return std::any_of(a.begin(), a.end(), [&](const T& v) { return std::find(b.begin(), b.end(), v) != b.end(); });
}

// How well an incident's causes, and the causes that stand under them, explain a finding; none: not at all.
std::optional<Tie> explains(const Incident& incident, const Finding& effect) {
  std::optional<Tie> best;
  for (const auto* all : {&incident.causes, &incident.symptoms})
    for (const Finding& cause : *all)
      if (&cause != &effect && declares(cause, effect.check)) {
        const Tie t = tie(cause, effect);
        if (!best || t < *best) best = t;
      }
  return best;
}

void settle(Incident& incident, double active) {
  std::stable_sort(incident.causes.begin(), incident.causes.end(), worse);
  std::stable_sort(incident.symptoms.begin(), incident.symptoms.end(), worse);
  // Findings of several checks on one object say the same load twice: count each object once. What a cause explains
  // may carry the load for it: the queue behind an idle session.
  std::set<Object> counted;
  incident.load = 0;
  double explained = 0;
  for (const Finding& f : incident.causes)
    if (counted.insert(f.object).second) incident.load += f.load;
  for (const Finding& f : incident.symptoms)
    if (f.role == Role::cause) explained = std::max(explained, f.load);
  incident.load = std::max(incident.load, explained);
  if (active > 0) incident.share = std::min(1.0, incident.load / active);
  for (const auto* all : {&incident.causes, &incident.symptoms})
    for (const Finding& f : *all) {
      incident.severity = std::max(incident.severity, f.severity);
      incident.act_by = std::min(incident.act_by, f.act_by);
      if (f.since && !f.or_earlier && (!incident.since || *f.since < *incident.since)) incident.since = f.since;
    }
}

// The load that it accounts for, as far as that is sure.
double accounted(const Incident& i) { return i.load * (i.lead().confidence == Confidence::low ? 0.5 : 1); }

Incident opened(Finding lead) {
  Incident incident;
  incident.explained = lead.role == Role::cause;
  incident.severity = lead.severity;
  incident.act_by = lead.act_by;
  incident.causes.push_back(std::move(lead));
  return incident;
}

std::vector<Incident> by_family(std::vector<Finding> causes, std::vector<Finding>& posture) {
  std::vector<Incident> incidents;
  const auto of_family = [&](const Finding& f) {
    return std::find_if(incidents.begin(), incidents.end(),
                        [&](const Incident& i) { return family(i.lead()) == family(f); });
  };
  std::vector<Finding> lesser;
  for (Finding& f : causes)
    if (!is_live(f))
      lesser.push_back(std::move(f));
    else if (const auto it = of_family(f); it == incidents.end())
      incidents.push_back(opened(std::move(f)));
    else
      it->causes.push_back(std::move(f));
  // A lesser finding of the same family belongs to the incident (the small fifth table); alone it is posture.
  for (Finding& f : lesser)
    if (const auto it = of_family(f); it == incidents.end())
      posture.push_back(std::move(f));
    else
      it->causes.push_back(std::move(f));
  return incidents;
}

// The cause of a cause: the session that sits on a lock explains the queue behind it. Each cause is looked at alone: of
// two tables that are read whole, old statistics may explain one.
void fold_causes(std::vector<Incident>& incidents) {
  for (std::size_t from = 0; from < incidents.size(); ++from)
    for (std::size_t k = 0; k < incidents[from].causes.size();) {
      std::size_t best = incidents.size();
      Tie how = Tie::refuted;
      for (std::size_t to = 0; to < incidents.size(); ++to) {
        if (incidents[to].causes.empty()) continue;
        const auto t = explains(incidents[to], incidents[from].causes[k]);
        if (to == from && t != Tie::shown) continue;  // of one family anyway
        if (t && *t < how) best = to, how = *t;
      }
      if (best == incidents.size()) {
        ++k;
        continue;
      }
      auto& causes = incidents[from].causes;
      const bool last_live =
          best != from && std::count_if(causes.begin(), causes.end(), is_live) == 1 && is_live(causes[k]);
      const auto first = last_live ? causes.begin() : causes.begin() + static_cast<std::ptrdiff_t>(k);
      const auto end = last_live ? causes.end() : first + 1;
      auto& under = incidents[best].symptoms;
      std::move(first, end, std::back_inserter(under));
      causes.erase(first, end);
      if (causes.empty()) {
        std::move(incidents[from].symptoms.begin(), incidents[from].symptoms.end(), std::back_inserter(under));
        incidents[from].symptoms.clear();
      }
    }
  std::erase_if(incidents, [](const Incident& i) { return i.causes.empty(); });
}

}  // namespace

bool is_live(const Finding& f) {
  return f.severity >= Severity::warning && (f.act_by == ActBy::now || f.act_by == ActBy::today);
}

bool worse(const Finding& a, const Finding& b) {
  return std::tuple(b.severity, a.act_by, b.load, b.confidence, a.check, a.object) <
         std::tuple(a.severity, b.act_by, a.load, a.confidence, b.check, b.object);
}

Tie tie(const Finding& cause, const Finding& effect) {
  // A finding about one session is tied by that one: the others in it may be its victims.
  // A prepared transaction has no session: pid 0.
  const bool one_session = effect.object.kind == "session" && !effect.object.name.empty() && effect.object.name != "0";
  if (one_session && !cause.sessions.empty()) {
    const bool same = std::any_of(cause.sessions.begin(), cause.sessions.end(),
                                  [&](std::int64_t pid) { return std::to_string(pid) == effect.object.name; });
    return same ? Tie::shown : Tie::refuted;
  }
  bool compared = false;
  for (const auto& same : {meet(cause.sessions, effect.sessions), meet(cause.tables, effect.tables),
                           meet(cause.queries, effect.queries)}) {
    if (same == true) return Tie::shown;
    compared = compared || same.has_value();
  }
  return compared ? Tie::refuted : Tie::open;
}

bool stands_behind(const Finding& cause, const Finding& effect) {
  return declares(cause, effect.check) &&
         (meet(cause.sessions, effect.sessions) == true || meet(cause.tables, effect.tables) == true ||
          meet(cause.queries, effect.queries) == true);
}

std::vector<Incident> incidents_of(std::vector<Finding> causes, std::vector<Finding> symptoms, double active,
                                   std::vector<Finding>& posture) {
  std::stable_sort(causes.begin(), causes.end(), worse);
  std::vector<Incident> incidents = by_family(std::move(causes), posture);
  fold_causes(incidents);
  for (Incident& i : incidents) settle(i, active);
  std::stable_sort(incidents.begin(), incidents.end(), [](const Incident& a, const Incident& b) {
    return std::tuple(b.severity, a.act_by, accounted(b)) < std::tuple(a.severity, b.act_by, accounted(a));
  });
  std::vector<Finding> unexplained;
  for (Finding& s : symptoms) {
    // The server's symptoms (its CPU, its load) name no session; those that do should name the cause's.
    Incident* best = nullptr;
    Tie how{};
    for (Incident& i : incidents) {
      if (i.share < least_share && i.load > 0 && active >= 1) continue;
      const auto t = explains(i, s);
      if (t && (best == nullptr || *t < how)) best = &i, how = *t;
    }
    if (best != nullptr)
      best->symptoms.push_back(std::move(s));
    else
      (is_live(s) ? unexplained : posture).push_back(std::move(s));
  }
  // Symptoms that nothing explains are one incident: they are likely faces of one trouble. One that says itself who
  // does it, and what to do about it, leads the others as their cause.
  std::stable_sort(unexplained.begin(), unexplained.end(), worse);
  const auto names_its_own = std::find_if(unexplained.begin(), unexplained.end(), [](const Finding& f) {
    return !f.fix.empty() || (f.check == "connections_saturated" && !f.remedies.empty());
  });
  if (names_its_own != unexplained.end()) {
    names_its_own->role = Role::cause;
    std::rotate(unexplained.begin(), names_its_own, names_its_own + 1);
  }
  if (!unexplained.empty()) {
    Incident unknown_cause = opened(std::move(unexplained.front()));
    std::move(unexplained.begin() + 1, unexplained.end(), std::back_inserter(unknown_cause.symptoms));
    incidents.push_back(std::move(unknown_cause));
  }
  for (Incident& i : incidents) settle(i, active);
  std::stable_sort(incidents.begin(), incidents.end(), [](const Incident& a, const Incident& b) {
    return std::tuple(b.severity, a.act_by, b.explained, accounted(b)) <
           std::tuple(a.severity, b.act_by, a.explained, accounted(a));
  });
  return incidents;
}

}  // namespace pgvigil
