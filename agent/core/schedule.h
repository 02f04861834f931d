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

// What a one-shot asks once more before it ends, since a rate needs two readings: `probes` without what is dear to ask
// or has no rate, and the tables that were seen.
struct SecondReading {
  std::vector<const AnyProbe*> probes = {};
  Wave tables = {};
};
SecondReading second_reading(const std::vector<const AnyProbe*>& probes, const History& history, const Context& context,
                             Time at);
// A probe of `asked` that has no answer yet did not get one in time: it is a blind spot, never silence.
Observation unanswered(const std::vector<const AnyProbe*>& asked, const History& history, Time at);

// The load has jumped: worth a cycle and a sweep at once. At least as many sessions as vCPUs are active, and
// well more than in the minute before.
bool load_jumped(const History& history, const Context& context, Time at);

// A setting of the server, a role or a database has changed since it was last read where limits are set.
bool settings_moved(const History& history, const Context& context, Time at);

// The database that carries most of the load, clearly more than `home` does; "" when none stands out.
std::string busiest_database(const History& history, const Context& context, const std::string& home, Time at);

}  // namespace pgvigil
