// A window of observations as a JSON text: saved by `diagnose --save`, replayed by `--from`, sent with a bug report.
// Query literals were stripped before; it holds names, normalised texts and counters.
#pragma once

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

struct Recording {
  Time at{};
  Context context;
  History history;
  OwnCost cost = {};  // of looking
};

class BadRecording : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using ProbeIds = std::set<std::string, std::less<>>;

// A run of observations, as the agent's state holds it; read back with the answers of these probes, or ({}) of all.
// Throws BadRecording.
std::string save_observations(const std::vector<Observation>& observations);
std::vector<Observation> load_observations(const std::string& text, const ProbeIds& only = {});

std::string save_recording(const Recording& recording);
Recording load_recording(const std::string& text);  // throws BadRecording, one line saying what is wrong

}  // namespace pgvigil
