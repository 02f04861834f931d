// What a target's alerts must not forget over a restart, as text for the store.
#pragma once

#include <string>

#include "agent/core/alerting.h"
#include "agent/core/notes.h"

namespace pgvigil {

struct TargetAlerts {
  AlertState alerts = {};
  NoteState notes = {};
};

std::string save_alerts(const TargetAlerts& alerts);
TargetAlerts load_alerts(const std::string& text);  // throws BadRecording

}  // namespace pgvigil
