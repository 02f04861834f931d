// Who is told of what. Finer routing is Alertmanager's.
#pragma once

#include <string>
#include <vector>

#include "agent/core/alerting.h"

namespace pgvigil {

struct Route {
  ActBy act_by = ActBy::later;            // what has to be done by then, or sooner; "now" is what wakes people
  Severity severity = Severity::warning;  // at least
  std::vector<std::string> targets = {};  // globs; empty: all
  std::vector<std::string> checks = {};   // globs on what leads the incident, or led it when it fired; empty: all
  bool send_resolved = true;
};

// An incident that was told once goes on to whoever was told, whatever became of its severity since.
bool wants(const Route& route, const Notice& notice);

}  // namespace pgvigil
