#include "agent/core/notes.h"

#include <algorithm>
#include <cmath>

namespace pgvigil {
namespace {

constexpr std::size_t most_known = 5000;
constexpr double moved = 60;  // seconds by which the time of one event may differ from report to report

Incident incident_of(std::vector<Finding> findings) {
  Incident i;
  i.severity = Severity::info;
  i.act_by = ActBy::later;
  for (const Finding& f : findings) {
    i.severity = std::max(i.severity, f.severity);
    i.act_by = std::min(i.act_by, f.act_by);
    if (f.since) i.since = i.since ? std::min(*i.since, *f.since) : *f.since;
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::pair(a.act_by, b.severity) < std::pair(b.act_by, a.severity);
  });
  i.causes = std::move(findings);
  return i;
}

class Notes {
 public:
  Notes(NoteState& state, const Report& report, const std::vector<OpenIncident>& open, const NoteSettings& settings,
        Time now, const std::vector<Silence>& silences)
      : state_(state), report_(report), open_(open), settings_(settings), now_(now), silences_(silences) {}

  std::vector<Notice> run() {
    std::erase_if(state_.known, [&](const auto& k) { return seconds_between(k.second.last, now_) > settings_.forget; });
    for (const OpenIncident& o : open_)  // the incident's message tells of it
      for (const Finding& f : o.incident.events)
        if (Noted* n = seen_event(f); n != nullptr && o.fired) n->told = true, n->since = f.since;
    for (const Finding& f : report_.events)
      if (f.act_by <= ActBy::today && f.severity >= Severity::warning)
        if (Noted* n = seen_event(f);
            n != nullptr && !n->told && seconds_between(n->first, now_) >= settings_.event_waits && !silenced(f)) {
          n->told = true;
          n->since = f.since;
          tell(incident_of({f}), f.check, f.object);
        }
    std::vector<Finding> due;
    for (const Finding& f : report_.posture)
      if (f.severity >= Severity::warning)
        if (Noted* n = seen(f);
            n != nullptr && !n->told && seconds_between(n->first, now_) >= settings_.lasts && !silenced(f))
          due.push_back(f);
    const bool may = !state_.digest_at || *state_.digest_at > now_ ||
                     seconds_between(*state_.digest_at, now_) >= settings_.digest_every;
    if (due.empty() || !may) return std::move(notices_);
    for (const Finding& f : due) state_.known[{f.check, f.object}].told = true;
    state_.digest_at = now_;
    tell(incident_of(std::move(due)), "posture", {"server", report_.target});
    return std::move(notices_);
  }

 private:
  Noted* seen(const Finding& f) {
    const std::pair key{f.check, f.object};
    auto it = state_.known.find(key);
    if (it == state_.known.end()) {
      if (state_.known.size() >= most_known) return nullptr;
      it = state_.known.emplace(key, Noted{now_, now_}).first;
    }
    it->second.first = std::min(it->second.first, now_);  // the clock went back
    it->second.last = now_;
    return &it->second;
  }

  // The same thing at another time is another event.
  Noted* seen_event(const Finding& f) {
    const auto before = state_.known.find({f.check, f.object});
    if (before != state_.known.end() && before->second.told) {
      const Noted& n = before->second;
      const bool later = f.since && n.since && std::abs(seconds_between(*n.since, *f.since)) > moved;
      if (later || seconds_between(n.last, now_) > settings_.another)
        before->second.told = false, before->second.first = now_;
    }
    return seen(f);
  }

  bool silenced(const Finding& f) const {
    return pgvigil::silenced(silences_, report_.target, {.causes = {f}, .symptoms = {}, .events = {}}, now_);
  }

  void tell(Incident incident, std::string check, Object object) {
    Notice n{.edge = Notice::Edge::note,
             .key = incident_key(report_.target, check, object),
             .target = report_.target,
             .incident = std::move(incident),
             .started = now_,
             .fired = now_,
             .at = now_};
    n.reach = {n.incident.severity, n.incident.act_by};
    n.first_check = std::move(check);
    n.first_object = std::move(object);
    notices_.push_back(std::move(n));
  }

  NoteState& state_;
  const Report& report_;
  const std::vector<OpenIncident>& open_;
  const NoteSettings& settings_;
  const Time now_;
  const std::vector<Silence>& silences_;
  std::vector<Notice> notices_;
};

}  // namespace

std::vector<Notice> take_notes(NoteState& state, const Report& report, const std::vector<OpenIncident>& open,
                               const NoteSettings& settings, Time now, const std::vector<Silence>& silences) {
  if (!report.reachable) return {};
  return Notes(state, report, open, settings, now, silences).run();
}

}  // namespace pgvigil
