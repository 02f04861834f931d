// What is worth one message and needs no resolve: an event that stands beside no incident, and the posture, a digest
// of what can wait. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/alerting.h"

namespace pgvigil {

struct Noted {
  Time first{}, last{};  // seen
  bool told = false;
  std::optional<Time> since = {};  // of an event: when it happened, as told
};

struct NoteState {
  std::map<std::pair<std::string, Object>, Noted> known = {};  // by check and object
  std::optional<Time> digest_at = {};
};

struct NoteSettings {
  double lasts = 900;            // a posture finding is told when it was there for so long, seconds
  double digest_every = 86400;   // at most one digest of a target
  double forget = 30 * 86400.0;  // what was gone for so long is new again
  double event_waits = 60;       // for an incident that it stands beside, whose messages tell of it
  double another = 3600;         // an event that was gone for so long happened again; with a time of its own, at once
};

// Events that PostgreSQL's people should hear of today or now (each once), and at most one digest of posture. `open`:
// the incidents, as stepped with this report.
std::vector<Notice> take_notes(NoteState& state, const Report& report, const std::vector<OpenIncident>& open,
                               const NoteSettings& settings, Time now, const std::vector<Silence>& silences = {});

}  // namespace pgvigil
