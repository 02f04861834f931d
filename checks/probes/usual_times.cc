#include "checks/probes/usual_times.h"

#include <algorithm>
#include <numeric>

namespace pgvigil {

double UsualTime::median() const {
  if (means.empty()) return 0;
  std::vector<std::int64_t> sorted = means;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  const auto twice = sorted.size() % 2 == 1 ? 2 * sorted[half] : sorted[half - 1] + sorted[half];
  return static_cast<double>(twice) / 2e6;
}

double UsualTime::longest() const {
  return means.empty() ? 0 : static_cast<double>(*std::max_element(means.begin(), means.end())) / 1e6;
}

double UsualTime::executions() const {
  return static_cast<double>(std::accumulate(calls.begin(), calls.end(), std::int64_t{0}));
}

const Probe<UsualTime> usual_times{{.id = "usual_times",
                                    .title = "Remembered times of hot queries",
                                    .scope = Scope::host,
                                    .cadence = Cadence::sweep,
                                    .wave = 0},
                                   {{"database", &UsualTime::database},
                                    {"query_id", &UsualTime::query_id},
                                    {"user", &UsualTime::user},
                                    {"last_hot", &UsualTime::last_hot},
                                    {"means", &UsualTime::means},
                                    {"calls", &UsualTime::calls},
                                    {"slow_means", &UsualTime::slow_means},
                                    {"slow_calls", &UsualTime::slow_calls},
                                    {"slow_intervals", &UsualTime::slow_intervals},
                                    {"slow_since", &UsualTime::slow_since},
                                    {"read_at", &UsualTime::read_at},
                                    {"read_seconds", &UsualTime::read_seconds},
                                    {"read_calls", &UsualTime::read_calls}},
                                   [](const UsualTime& t) { return t.query_id + "\n" + t.database + "\n" + t.user; }};

}  // namespace pgvigil
