// Is what a report shows an incident that is open already? By the findings they share, over the flap window.
#pragma once

#include "agent/core/alerting.h"

namespace pgvigil {

bool is_unreachable(const Incident& incident);

// 2: shares what leads it; 1: shares a finding; 0: nothing.
int relation(const Incident& incident, const Identities& known);
// The same; 1 also where it names what stands behind that which was told first: the hot row behind a queue. An
// unreachable server is an incident of its own, whatever it explains.
int related(const Incident& incident, const OpenIncident& open);
// Adds what the incident shows now; what was not seen for `window` seconds is forgotten.
void remember(Identities& known, const Incident& incident, Time now, double window);

std::vector<std::string> checks_of(const Incident& incident);
// Could this report have seen the incident? A check that is no longer in the catalogue's results was switched off.
bool could_see(const Report& report, const OpenIncident& open);
// Puts the findings of `more` under `into`.
void fold(Incident& into, const Incident& more);

}  // namespace pgvigil
