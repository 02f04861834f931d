#include "agent/core/same_incident.h"

#include <algorithm>
#include <set>

#include "agent/core/incidents.h"

namespace pgvigil {
namespace {

constexpr std::string_view unreachable = "server_unreachable";
constexpr std::size_t most_identities = 500;

// A table's schema may be known only some looks later: "page_views" is "public.page_views" then.
bool is_same(const Object& a, const Object& b) {
  return a == b || (a.kind == "table" && b.kind == "table" && a.database == b.database &&
                    (a.name.ends_with("." + b.name) || b.name.ends_with("." + a.name)));
}

const Seen* seen_before(const Finding& f, const Identities& known) {
  if (const auto it = known.find({f.check, f.object}); it != known.end()) return &it->second;
  const auto it = std::find_if(known.begin(), known.end(), [&](const auto& k) {
    return k.first.first == f.check && is_same(k.first.second, f.object);
  });
  return it == known.end() ? nullptr : &it->second;
}

}  // namespace

bool is_unreachable(const Incident& i) { return i.lead().check == unreachable; }

int relation(const Incident& incident, const Identities& known) {
  int best = 0;
  for (const Finding& f : incident.causes)
    if (const Seen* seen = seen_before(f, known)) best = std::max(best, seen->cause ? 2 : 1);
  for (const Finding& f : incident.symptoms)
    if (seen_before(f, known) != nullptr) best = std::max(best, 1);
  return best;
}

int related(const Incident& incident, const OpenIncident& open) {
  if (is_unreachable(incident) != is_unreachable(open.incident)) return 0;
  if (const int shared = relation(incident, open.identities); shared > 0) return shared;
  const auto& told = open.incident.causes;
  const bool behind = std::any_of(incident.causes.begin(), incident.causes.end(), [&](const Finding& cause) {
    return std::any_of(told.begin(), told.end(), [&](const Finding& f) { return stands_behind(cause, f); });
  });
  return behind ? 1 : 0;
}

void remember(Identities& known, const Incident& incident, Time now, double window) {
  std::erase_if(known, [&](const auto& k) { return seconds_between(k.second.at, now) > window; });
  const auto note = [&](const Finding& f, bool cause) {
    if (known.size() >= most_identities && !known.contains({f.check, f.object})) return;
    Seen& seen = known[{f.check, f.object}];
    seen = {seen.cause || cause, now};
  };
  for (const Finding& f : incident.causes) note(f, true);
  for (const Finding& f : incident.symptoms) note(f, false);
}

std::vector<std::string> checks_of(const Incident& incident) {
  std::set<std::string> checks;
  for (const Finding& f : incident.causes) checks.insert(f.check);
  for (const Finding& f : incident.symptoms) checks.insert(f.check);
  return {checks.begin(), checks.end()};
}

bool could_see(const Report& report, const OpenIncident& open) {
  if (report.results.empty()) return false;
  return std::none_of(report.results.begin(), report.results.end(), [&](const Result& r) {
    return r.check != nullptr && r.unknown &&
           std::find(open.checks.begin(), open.checks.end(), r.check->id) != open.checks.end();
  });
}

void fold(Incident& into, const Incident& more) {
  const auto add = [&](const Finding& f) {
    const auto same = [&](const Finding& g) { return g.check == f.check && g.object == f.object; };
    if (std::none_of(into.causes.begin(), into.causes.end(), same) &&
        std::none_of(into.symptoms.begin(), into.symptoms.end(), same))
      into.symptoms.push_back(f);
  };
  std::for_each(more.causes.begin(), more.causes.end(), add);
  std::for_each(more.symptoms.begin(), more.symptoms.end(), add);
  into.severity = std::max(into.severity, more.severity);
  into.act_by = std::min(into.act_by, more.act_by);
}

}  // namespace pgvigil
