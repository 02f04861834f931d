#include "checks/siege.h"

#include <algorithm>
#include <set>

namespace pgvigil {
namespace {

constexpr double idle_for = 2, looked_at = 10;  // seconds
constexpr double most = 0.8;                    // share of the samples that show somebody waiting
constexpr std::size_t fewest_samples = 5, fewest_gave_up = 3;

using Execution = std::pair<std::int64_t, double>;  // pid and start of the statement

bool waits_for_any(const Session& s, const std::set<std::int64_t>& pids) {
  return !is_ours(s) && s.backend_type == "client backend" &&
         std::any_of(s.blocked_by.begin(), s.blocked_by.end(), [&](std::int64_t pid) { return pids.contains(pid); });
}

// Those who stand right behind the root, and those who want the same row: they stand behind the first of them.
std::set<Execution> behind(const Snapshot<Session>& sample, std::int64_t root) {
  std::set<std::int64_t> first;
  for (const Session& s : sample.rows)
    if (waits_for_any(s, {root})) first.insert(s.pid);
  std::set<Execution> all;
  for (const Session& s : sample.rows)
    if (first.contains(s.pid) || (s.wait_event == "tuple" && waits_for_any(s, first)))
      all.emplace(s.pid, s.query_start);
  return all;
}

}  // namespace

std::optional<Siege> siege_of(const std::vector<Snapshot<Session>>& samples, const Session& root, Time at) {
  const double idle = root.state_age.value_or(0);
  if (!root.state.starts_with("idle in transaction") || idle < idle_for) return std::nullopt;
  Siege siege;
  std::size_t seen = 0, with = 0;
  std::set<Execution> ever, now;
  for (const auto& sample : samples) {
    const double ago = seconds_between(sample.at, at);
    if (ago > std::min(idle, looked_at)) continue;
    now = behind(sample, root.pid);
    ++seen;
    if (!now.empty()) ++with, siege.seconds = std::max(siege.seconds, ago);
    siege.waiting += static_cast<double>(now.size());
    ever.insert(now.begin(), now.end());
  }
  siege.gave_up = ever.size() - now.size();
  if (seen < fewest_samples || static_cast<double>(with) < most * static_cast<double>(seen) ||
      siege.gave_up < fewest_gave_up)
    return std::nullopt;
  siege.waiting /= static_cast<double>(seen);
  return siege;
}

}  // namespace pgvigil
