// From reports to edges: when an incident begins to alert, steps up once, and is over. Pure: time comes in.
//
// An incident is pending, then firing, then gone. A proven cause fires at once, or after two more looks
// where it can wait until today; what is led by a symptom must last.
// It resolves when it was absent for a while from reports that could have seen it: an unreachable server or a check
// that could not be judged is no evidence of recovery. One incident, one key: one firing, one resolve, and between them
// at most one update each that the cause is known, that it became critical, and that it became urgent. While the server
// is unreachable nothing else of the target fires or resolves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/report.h"
#include "agent/core/silence.h"

namespace pgvigil {

// All in seconds.
struct AlertSettings {
  double for_warning = 60;  // how long a symptom must last before it alerts
  double for_critical = 30;
  double keep_firing = 30;   // how long an incident must be absent before it is over
  double flap_window = 600;  // in which one trouble that comes and goes makes at most `flap_edges` edges
  int flap_edges = 2;
  double repeat = 0;     // an incident that goes on is told again after so long; 0: never
  double interval = 10;  // expected between two steps; more than three of them is our own gap, and proves nothing
};

// How far an incident reaches: what routing goes by.
struct Reach {
  Severity severity = Severity::ok;
  ActBy act_by = ActBy::later;
  bool operator==(const Reach&) const = default;
};

// One edge of one incident: what a receiver is told.
struct Notice {
  enum class Edge : std::uint8_t { firing, update, resolved, note };  // note: said once, and never resolved
  Edge edge = Edge::firing;
  std::string key;  // 16 hex digits; the same for every edge of one incident, of every agent that watches the server,
                    // and when the same trouble comes again
  std::string target;
  Incident incident;                     // as last seen with its cause
  Time started{};                        // when it was first seen
  Time fired{};                          // when it began to alert
  Time at{};                             // of this edge
  std::string changed = {};              // update, resolved: what is different now, in a sentence
  std::vector<std::string> merged = {};  // keys of fired incidents that ended in this one without an edge of their own
  std::string first_check = {};          // what led it when it fired: the name by which receivers know it
  Object first_object = {};
  Reach before = {};  // as told so far; firing: nothing
  Reach reach = {};   // the furthest of all its edges: whoever was told of it is told of its end
  bool ours = false;  // see OpenIncident

  // Of this very edge: who has seen it needs no second one.
  std::string id() const;
};
std::string_view to_string(Notice::Edge e);

// A finding's identity over time: check and object. The value says whether it led, and when it was last seen.
struct Seen {
  bool cause = false;
  Time at{};
};
using Identities = std::map<std::pair<std::string, Object>, Seen>;

// An incident that is pending (no `fired` yet) or firing.
struct OpenIncident {
  std::string key;
  Time started{};
  Time pending_since{};
  std::optional<Time> fired = {};
  std::optional<Time> absent_since = {};
  bool updated = false, became_critical = false, became_urgent = false;  // said in an update
  bool ours = false;  // this agent told of it, or was alone: it tells of its end
  bool told_cause = false;
  Reach told = {};  // the furthest that was told
  std::optional<Time> told_at = {};
  std::string first_check = {};
  Object first_object = {};
  Incident incident;
  std::vector<std::string> checks = {};  // that must have been judged before its absence means anything
  Identities identities = {};
  std::vector<Time> edges = {};  // of this trouble, within the flap window
  std::vector<std::string> merged = {};
};

struct PastIncident {
  Identities identities;
  std::vector<Time> edges;
};

// One per target. A default-constructed one has seen nothing.
struct AlertState {
  std::vector<OpenIncident> open = {};  // oldest first
  std::vector<PastIncident> past = {};  // resolved within the flap window
  std::optional<Time> last_step = {}, last_report = {};
  bool after_gap = false;
};

// `now` and the report's time are of one clock. A report that was already seen, or is old, changes nothing. What is
// silenced neither fires nor steps up; it fires when the silence ends before it does. What had fired still resolves.
std::vector<Notice> step(AlertState& state, const Report& report, const AlertSettings& settings, Time now,
                         const std::vector<Silence>& silences = {});

// The resolve of an incident that is no longer looked at.
Notice ended(const OpenIncident& open, std::string_view target, std::string changed, Time now);

// 16 hex digits of what names an incident.
std::string incident_key(std::string_view target, std::string_view check, const Object& object);

}  // namespace pgvigil
