#include "checks/siege.h"

#include <algorithm>
#include <map>
#include <set>

namespace pgvigil {
namespace {

constexpr double open_for = 2, looked_at = 10;  // seconds
constexpr double most = 0.2;                    // share of the samples that show somebody waiting
constexpr std::size_t fewest_samples = 5, fewest_gave_up = 3;

using Execution = std::pair<std::int64_t, double>;  // pid and start of the statement
using Executions = std::map<Execution, const Session*>;

bool waits_for_any(const Session& s, const std::set<std::int64_t>& pids) {
  return !is_ours(s) && s.backend_type == "client backend" &&
         std::any_of(s.blocked_by.begin(), s.blocked_by.end(), [&](std::int64_t pid) { return pids.contains(pid); });
}

// What is kept until the transaction ends; locks of a page, of a file's length or of the application's own are not.
bool is_lasting(const Session& s) {
  return s.wait_event == "transactionid" || s.wait_event == "tuple" || s.wait_event == "relation";
}

// Those who stand right behind the root, and those who want the same row: they stand behind the first of them.
Executions behind(const Snapshot<Session>& sample, std::int64_t root) {
  std::set<std::int64_t> first;
  for (const Session& s : sample.rows)
    if (is_lasting(s) && waits_for_any(s, {root})) first.insert(s.pid);
  Executions all;
  for (const Session& s : sample.rows)
    if (first.contains(s.pid) || (s.wait_event == "tuple" && waits_for_any(s, first)))
      all.emplace(Execution(s.pid, s.query_start), &s);
  return all;
}

// Since when it has let go of nothing: idle in its transaction, or at work in it.
double let_go_of_nothing(const Session& root) {
  if (root.state.starts_with("idle in transaction")) return root.state_age.value_or(0);
  return root.state == "active" && root.backend_type == "client backend" ? root.transaction_age.value_or(0) : 0;
}

}  // namespace

std::optional<Siege> siege_of(const std::vector<Snapshot<Session>>& samples, const Session& root, Time at) {
  const double since = let_go_of_nothing(root);
  if (since < open_for) return std::nullopt;
  Siege siege;
  std::size_t seen = 0, with = 0;
  std::set<Execution> ever;
  Executions now;
  double first = 0;  // seconds ago
  for (const auto& sample : samples) {
    const double ago = seconds_between(sample.at, at);
    if (ago > std::min(since, looked_at)) continue;
    now = behind(sample, root.pid);
    if (++seen == 1) first = ago;
    if (now.empty()) continue;
    if (++with == 1) siege.seconds = ago;
    siege.waiting += static_cast<double>(now.size());
    siege.last.clear();
    for (const auto& [execution, session] : now) ever.insert(execution), siege.last.push_back(session);
  }
  siege.gave_up = ever.size() - now.size();
  if (seen < fewest_samples || static_cast<double>(with) < most * static_cast<double>(seen) ||
      siege.gave_up < fewest_gave_up)
    return std::nullopt;
  siege.waiting /= static_cast<double>(with);
  siege.lasts = siege.seconds >= 0.5 * first ? since : siege.seconds;
  return siege;
}

}  // namespace pgvigil
