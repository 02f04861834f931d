// When a load began: the change-point of its level, where it is clear. Pure; time comes with the values.
#pragma once

#include <optional>
#include <vector>

#include "agent/core/report.h"
#include "agent/core/rollup.h"

namespace pgvigil {

struct Level {
  Time at{};         // begin of what it is the mean of
  double value = 0;  // average active sessions
};

struct OnsetSettings {
  double least = 0.3;      // sessions that the level must have risen by
  double times = 2;        // how many times its former self it must be
  double sure = 5;         // standard errors between both means; the best split of noise reaches three to four
  std::size_t points = 3;  // on either side
  double foot = 0.2;       // share of the rise below which is the foot of a ramp: over days a load has its own ups
  double gap = 60;         // seconds without a value after which "it began now" means "nobody looked"
};

struct Onset {
  Time at{};
  double before = 0, after = 0;  // mean levels
};
// Oldest first, of one width. Spikes that come again and again are one level, which begins with the first of them; a
// ramp begins at its foot. None where nothing rose, or where it was there before the first value.
std::optional<Onset> onset(const std::vector<Level>& series, const OnsetSettings& settings = {});

// Incidents that do not say since when get it from the load of their queries (or tables, or of all) in the window.
void find_onsets(std::vector<Incident>& incidents, const Input& in);
// The same from minutes, for what began before the window.
void find_onsets(std::vector<Incident>& incidents, const std::vector<Minute>& minutes);
// An incident that goes on keeps the onset that an earlier report saw.
void carry_onsets(const std::vector<Incident>& before, std::vector<Incident>& now);

}  // namespace pgvigil
