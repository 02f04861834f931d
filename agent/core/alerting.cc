#include "agent/core/alerting.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "agent/core/same_incident.h"
#include "agent/core/text.h"

namespace pgvigil {
namespace {

constexpr std::size_t most_open = 1000, most_past = 256;
constexpr double oldest_report = 60;  // seconds; older ones say nothing about now
constexpr double looks_again = 2;     // for a proven cause that can wait until today: no blip

bool alerts(const Incident& i) {
  return !i.causes.empty() && i.severity >= Severity::warning && (i.act_by == ActBy::now || i.act_by == ActBy::today);
}
bool known_cause(const Incident& i) {
  return i.explained && i.lead().role == Role::cause && i.lead().confidence >= Confidence::medium;
}
bool proven(const Incident& i) { return known_cause(i) && i.act_by == ActBy::now; }

Notice notice_of(const OpenIncident& open, std::string_view target, Notice::Edge edge, std::string changed, Time now) {
  return {.edge = edge,
          .key = open.key,
          .target = std::string(target),
          .incident = open.incident,
          .started = open.started,
          .fired = open.fired.value_or(now),
          .at = now,
          .changed = std::move(changed),
          .merged = open.merged,
          .first_check = open.first_check,
          .first_object = open.first_object,
          .before = open.told,
          .reach = open.told,
          .ours = open.ours};
}

class Stepper {
 public:
  Stepper(AlertState& state, const Report& report, const AlertSettings& settings, Time now,
          const std::vector<Silence>& silences)
      : state_(state), report_(report), settings_(settings), now_(now), silences_(silences) {}

  std::vector<Notice> run() {
    const bool gap = note_gap();
    if (state_.last_report && report_.at <= *state_.last_report) return {};  // already seen
    if (seconds_between(report_.at, now_) > std::max(oldest_report, 3 * settings_.interval)) return {};
    state_.last_report = report_.at;
    prune();
    if (gap) restart_timers();
    match();
    for (OpenIncident& open : state_.open) advance(open, gap);
    std::erase_if(state_.open, [](const OpenIncident& o) { return o.key.empty(); });
    return std::move(notices_);
  }

 private:
  // True when we slept or the clock jumped. Two long waits in a row are a slow server, not a gap.
  bool note_gap() {
    bool gap = false;
    if (state_.last_step) {
      const double waited = seconds_between(*state_.last_step, now_);
      const bool longer = waited > 3 * settings_.interval;
      gap = waited < 0 || (longer && !state_.after_gap) || waited > 30 * settings_.interval;
      state_.after_gap = longer;
      if (waited < 0) {
        state_.last_report.reset();
        const auto clamp = [&](std::vector<Time>& edges) {
          for (Time& t : edges) t = std::min(t, now_);
        };
        for (OpenIncident& o : state_.open) clamp(o.edges);
        for (PastIncident& p : state_.past) clamp(p.edges);
      }
    }
    state_.last_step = now_;
    return gap;
  }

  void restart_timers() {
    for (OpenIncident& o : state_.open) {
      o.pending_since = now_;
      o.absent_since.reset();
    }
  }

  void prune() {
    const auto old = [&](Time t) { return seconds_between(t, now_) >= settings_.flap_window; };
    for (OpenIncident& o : state_.open) std::erase_if(o.edges, old);
    for (PastIncident& p : state_.past) std::erase_if(p.edges, old);
    std::erase_if(state_.past, [](const PastIncident& p) { return p.edges.empty(); });
  }

  // Which open incident each of the report's continues; the rest are new. Fills now_seen_ by key.
  void match() {
    std::vector<Incident> incidents;
    for (const Incident& i : report_.incidents)
      if (alerts(i)) incidents.push_back(i);
    muted_ = !report_.reachable || std::any_of(incidents.begin(), incidents.end(), is_unreachable);
    if (muted_) std::erase_if(incidents, [](const Incident& i) { return !is_unreachable(i); });

    std::vector<std::vector<OpenIncident*>> continues(incidents.size());
    for (OpenIncident& open : state_.open) {
      int best = 0;
      std::size_t owner = 0;
      for (std::size_t i = 0; i < incidents.size(); ++i)
        if (const int r = related(incidents[i], open); r > best) best = r, owner = i;
      if (best > 0) continues[owner].push_back(&open);
    }
    std::vector<OpenIncident> born;
    for (std::size_t i = 0; i < incidents.size(); ++i)
      if (!continues[i].empty()) take(*eldest(continues[i]), incidents[i]);
    for (std::size_t i = 0; i < incidents.size(); ++i) {
      const auto twin = [&](const OpenIncident& b) { return related(incidents[i], b) == 2; };
      if (continues[i].empty() && !folded(incidents[i]) && std::none_of(born.begin(), born.end(), twin) &&
          state_.open.size() + born.size() < most_open)
        born.push_back(open_new(incidents[i], born));
    }
    std::erase_if(state_.open, [](const OpenIncident& o) { return o.key.empty(); });
    for (OpenIncident& b : born) state_.open.push_back(std::move(b));
  }

  // One that people know about outlives a pending one; else the older. The others end in it silently.
  OpenIncident* eldest(std::vector<OpenIncident*>& same) {
    std::stable_sort(same.begin(), same.end(), [](const auto* a, const auto* b) { return a->fired && !b->fired; });
    OpenIncident& kept = *same.front();
    for (std::size_t i = 1; i < same.size(); ++i) {
      kept.identities.insert(same[i]->identities.begin(), same[i]->identities.end());
      kept.merged.insert(kept.merged.end(), same[i]->merged.begin(), same[i]->merged.end());
      if (same[i]->fired) kept.merged.push_back(same[i]->key);
      same[i]->key.clear();
    }
    return &kept;
  }

  void take(OpenIncident& open, const Incident& incident) {
    remember(open.identities, incident, now_, settings_.flap_window);
    open.checks = checks_of(incident);
    seen_.insert(open.key);
    if (known_cause(open.incident) && !known_cause(incident)) {  // keep the cause in words
      open.incident.severity = std::max(open.incident.severity, incident.severity);
      open.incident.act_by = std::min(open.incident.act_by, incident.act_by);
      return;
    }
    open.incident = incident;
  }

  // A symptom that split off an open incident says nothing new.
  bool folded(const Incident& incident) {
    if (incident.explained) return false;
    for (OpenIncident& open : state_.open) {
      if (open.key.empty() || related(incident, open) == 0) continue;
      remember(open.identities, incident, now_, settings_.flap_window);
      if (seen_.insert(open.key).second) open.checks = checks_of(incident);
      fold(open.incident, incident);
      return true;
    }
    return false;
  }

  // The key of what leads it, unless an incident that is open has it: its lead may have changed since.
  std::string free_key(const Incident& incident, const std::vector<OpenIncident>& born) const {
    Object object = incident.lead().object;
    for (int n = 2;; ++n) {
      std::string key = incident_key(report_.target, incident.lead().check, object);
      const auto same = [&](const OpenIncident& o) {
        return o.key == key || std::find(o.merged.begin(), o.merged.end(), key) != o.merged.end();
      };
      if (std::none_of(state_.open.begin(), state_.open.end(), same) && std::none_of(born.begin(), born.end(), same))
        return key;
      object.name = fmt::format("{} #{}", incident.lead().object.name, n);
    }
  }

  OpenIncident open_new(const Incident& incident, const std::vector<OpenIncident>& born) {
    OpenIncident open{.key = free_key(incident, born),
                      .started = now_,
                      .pending_since = now_,
                      .incident = incident,
                      .checks = checks_of(incident)};
    remember(open.identities, incident, now_, settings_.flap_window);
    for (const PastIncident& p : state_.past) {
      const int r = relation(incident, p.identities);
      if (r == 2 || (r == 1 && !incident.explained))
        open.edges.insert(open.edges.end(), p.edges.begin(), p.edges.end());
    }
    seen_.insert(open.key);
    return open;
  }

  void advance(OpenIncident& open, bool gap) {
    if (muted_ && !is_unreachable(open.incident)) {  // what was not looked at neither lasts nor is over
      open.pending_since = now_;
      open.absent_since.reset();
      return;
    }
    if (seen_.contains(open.key)) {
      open.absent_since.reset();
      if (!gap) open.fired ? step_up(open) : fire(open);
      return;
    }
    if (!report_.reachable || !could_see(report_, open)) {
      open.pending_since = now_;
      open.absent_since.reset();
      return;
    }
    if (!open.fired) {
      open.key.clear();
      return;
    }
    if (!open.absent_since) open.absent_since = now_;
    if (!gap && seconds_between(*open.absent_since, now_) >= settings_.keep_firing && edge_allowed(open)) resolve(open);
  }

  bool edge_allowed(const OpenIncident& open) const { return std::ssize(open.edges) < settings_.flap_edges; }

  bool silenced(const OpenIncident& open) const {
    return pgvigil::silenced(silences_, report_.target, open.incident, now_);
  }

  void fire(OpenIncident& open) {
    double wait = open.incident.severity == Severity::critical ? settings_.for_critical : settings_.for_warning;
    if (proven(open.incident))
      wait = 0;
    else if (known_cause(open.incident))
      wait = std::min(wait, looks_again * settings_.interval);
    if (seconds_between(open.pending_since, now_) < wait || !edge_allowed(open) || silenced(open)) return;
    open.fired = now_;
    open.edges.push_back(now_);
    open.first_check = open.incident.lead().check;
    open.first_object = open.incident.lead().object;
    tell(open, Notice::Edge::firing, "");
  }

  void step_up(OpenIncident& open) {
    const bool critical = open.incident.severity == Severity::critical && open.told.severity < Severity::critical &&
                          !open.became_critical;
    const bool urgent = open.incident.act_by == ActBy::now && open.told.act_by != ActBy::now && !open.became_urgent;
    const bool found = known_cause(open.incident) && !open.told_cause && !open.updated;
    const bool again = settings_.repeat > 0 && open.told_at &&
                       (seconds_between(*open.told_at, now_) >= settings_.repeat || *open.told_at > now_);
    if ((!critical && !urgent && !found && !again) || silenced(open)) return;
    std::string changed;
    const auto add = [&](bool when, std::string_view what) {
      if (when) changed += (changed.empty() ? "" : ", and ") + std::string(what);
    };
    add(found, "the cause is now known");
    add(critical, "it became critical");
    add(urgent, "it became urgent");
    if (changed.empty())
      changed = fmt::format("it still goes on, {}", span_in_words(seconds_between(*open.fired, now_)));
    open.updated |= found;
    open.became_critical |= critical;
    open.became_urgent |= urgent;
    tell(open, Notice::Edge::update, std::move(changed));
  }

  void resolve(OpenIncident& open) {
    open.edges.push_back(now_);
    notices_.push_back(ended(
        open, report_.target,
        fmt::format("not seen for {:.0f} s in complete reports", seconds_between(*open.absent_since, now_)), now_));
    if (state_.past.size() >= most_past) state_.past.erase(state_.past.begin());
    state_.past.push_back({std::move(open.identities), std::move(open.edges)});
    open.key.clear();
  }

  void tell(OpenIncident& open, Notice::Edge edge, std::string changed) {
    const Reach before = open.told;
    open.told = {std::max(before.severity, open.incident.severity), std::min(before.act_by, open.incident.act_by)};
    open.told_cause = known_cause(open.incident);
    open.told_at = now_;
    notices_.push_back(notice_of(open, report_.target, edge, std::move(changed), now_));
    notices_.back().before = before;
  }

  AlertState& state_;
  const Report& report_;
  const AlertSettings& settings_;
  const Time now_;
  const std::vector<Silence>& silences_;
  bool muted_ = false;
  std::set<std::string> seen_;  // keys of open incidents that this report shows
  std::vector<Notice> notices_;
};

}  // namespace

std::string_view to_string(Notice::Edge e) {
  static constexpr std::string_view names[] = {"firing", "update", "resolved", "note"};
  return names[static_cast<std::size_t>(e)];
}

std::string Notice::id() const {
  const auto ms = [](Time t) { return t.time_since_epoch().count(); };
  std::string text = fmt::format("{}-{}-{}", key, ms(fired), to_string(edge));
  if (edge == Edge::update) text += fmt::format("-{}", ms(at));
  return text;
}

// FNV-1a, so that a key does not depend on the build; fields are ended by a byte no text of PostgreSQL holds.
std::string incident_key(std::string_view target, std::string_view check, const Object& object) {
  std::uint64_t hash = 14695981039346656037ULL;
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash *= 1099511628211ULL;
  };
  add(target);
  add(check);
  add(object.kind);
  add(object.name);
  add(object.database);
  return fmt::format("{:016x}", hash);
}

Notice ended(const OpenIncident& open, std::string_view target, std::string changed, Time now) {
  return notice_of(open, target, Notice::Edge::resolved, std::move(changed), now);
}

std::vector<Notice> step(AlertState& state, const Report& report, const AlertSettings& settings, Time now,
                         const std::vector<Silence>& silences) {
  return Stepper(state, report, settings, now, silences).run();
}

}  // namespace pgvigil
