// The past as far as the minutes tell it, where the observations themselves are gone.
#pragma once

#include <string>
#include <vector>

#include "agent/core/keep.h"
#include "agent/core/render_text.h"
#include "agent/core/rollup.h"

namespace pgvigil {

struct MinutesPast {
  std::string target;
  std::string past;  // of when, and where that is known from
  Time at{};
  std::optional<double> vcpus = {};
  std::vector<Minute> minutes;  // of the quarter of an hour before, oldest first; not empty
  std::vector<Moment> moments;  // of the hours before
  std::optional<Time> in_full;  // from here on there is more
  const Minute& last() const { return minutes.back(); }
};

// Minutes as one, each of equal weight: its `at` is the first one's, its verdict and headline those of the worst.
Minute mean_of(const std::vector<Minute>& minutes);
// The incidents that were open then (fired, not yet resolved), by their newest moment.
std::vector<Moment> open_at(const std::vector<Moment>& moments, Time at);
std::string render_minutes_text(const MinutesPast& past, const TextOptions& options);
std::string render_minutes_json(const MinutesPast& past, int indent);

}  // namespace pgvigil
