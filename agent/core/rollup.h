// The load of one minute: what is kept for weeks when the observations themselves are long gone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/report.h"

namespace pgvigil {

struct Part {
  std::string name;
  double sessions = 0;  // average active ones
};

struct Minute {
  Time at{};           // its begin
  double seconds = 0;  // that its samples span
  std::size_t samples = 0;
  double active = 0;  // average active sessions
  double by[5] = {};  // indexed by Spends
  struct Query {
    std::string query_id, query, database, user;
    double sessions = 0;
  };
  // The largest few of each, largest first. Tables: those that the queries' texts name.
  std::vector<Query> queries = {};
  std::vector<Part> waits = {}, tables = {}, users = {}, applications = {};
  // Of the reports within it, the worst; none when nothing was judged.
  std::optional<Severity> verdict = {};
  bool reachable = true;
  std::string headline = {};
  std::optional<double> connections = {}, connections_max = {}, cpu = {};  // the highest; cpu as a share of the cores
};

// What a report adds to its minute.
struct Judgement {
  Time at{};
  Severity verdict = Severity::ok;
  bool reachable = true;
  std::string headline = {};
  std::optional<double> connections = {}, connections_max = {}, cpu = {};
};
Judgement judgement_of(const Report& report);

// The load of one sample, as if it were a minute, without its tables: nothing when the observation holds no answer of
// `activity`.
std::optional<Minute> sample_of(const Observation& observation);

// Makes minutes of what one target shows. Not thread-safe; time comes with the observations.
class Roller {
 public:
  void observed(const Observation& observation);
  void judged(const Judgement& judgement);
  // Minutes that are over at `now`, oldest first, each once.
  std::vector<Minute> finished(Time now);

 private:
  struct Open {
    History samples;  // of `activity`, those of this minute
    Minute minute;
  };
  Open& open(Time at);
  std::map<Time, Open> open_;  // by begin
};

// Averages of so many minutes each, for a look at weeks: no more points than a screen can show.
std::vector<Minute> coarser(const std::vector<Minute>& minutes, int each);

// As text, for the store. load_minute throws BadRecording.
std::string save_minute(const Minute& minute);
Minute load_minute(const std::string& text);

}  // namespace pgvigil
