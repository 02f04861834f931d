// What to ask, and when. Pure: the loop brings the time and does the asking.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/core/evaluate.h"

namespace pgvigil {

// First-wave probes of these cadences, in one scope.
std::vector<const AnyProbe*> probes_of(Scope scope, std::initializer_list<Cadence> cadences);

// Without those that the server would refuse: they are not asked, so that its log stays clean; the refusals are
// answers as any other.
std::vector<const AnyProbe*> askable(const std::vector<const AnyProbe*>& probes, const History& history,
                                     const Context& context, Time at, Observation& refusals);

using Wave = std::vector<std::pair<const AnyProbe*, std::vector<Request>>>;
// The second-wave requests that this history calls for; the waves are 2, 3, ... last_wave().
Wave plan_wave(int wave, const History& history, const Context& context, Time at);
int last_wave();

// The load has jumped: worth a cycle and a sweep at once. At least as many sessions as vCPUs are active, and
// well more than in the minute before.
bool load_jumped(const History& history, const Context& context, Time at);

// The database that carries most of the load, clearly more than `home` does; "" when none stands out.
std::string busiest_database(const History& history, const Context& context, const std::string& home, Time at);

}  // namespace pgvigil
