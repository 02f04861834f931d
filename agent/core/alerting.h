// From reports to edges: when an incident begins to alert, steps up once, and is over. Pure: time comes in.
//
// An incident is pending, then firing, then gone. A proven cause fires at once; what is led by a symptom must last.
// It resolves when it was absent for a while from reports that could have seen it: an unreachable server or a check
// that could not be judged is no evidence of recovery. One incident, one key: one firing, at most one update, one
// resolve. While the server is unreachable nothing else of the target fires or resolves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

// All in seconds.
struct AlertSettings {
  double for_warning = 60;  // how long a symptom must last before it alerts
  double for_critical = 30;
  double keep_firing = 30;   // how long an incident must be absent before it is over
  double flap_window = 600;  // in which one trouble that comes and goes makes at most `flap_edges` edges
  int flap_edges = 2;
  double interval = 10;  // expected between two steps; more than three of them is our own gap, and proves nothing
};

// One edge of one incident: what a receiver is told.
struct Notice {
  enum class Edge : std::uint8_t { firing, update, resolved };
  Edge edge = Edge::firing;
  std::string key;  // 16 hex digits; the same for every edge of one incident
  std::string target;
  Incident incident;                     // as last seen with its cause
  Time started{};                        // when it was first seen
  Time fired{};                          // when it began to alert
  Time at{};                             // of this edge
  std::string changed = {};              // update, resolved: what is different now, in a sentence
  std::vector<std::string> merged = {};  // keys of fired incidents that ended in this one without an edge of their own
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
  bool updated = false;
  Severity told_severity = Severity::ok;  // as of the last edge
  bool told_cause = false;
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

// `now` and the report's time are of one clock. A report that was already seen, or is old, changes nothing.
std::vector<Notice> step(AlertState& state, const Report& report, const AlertSettings& settings, Time now);

// 16 hex digits of what names an incident for good.
std::string incident_key(std::string_view target, Time started, std::string_view check, const Object& object);

}  // namespace pgvigil
