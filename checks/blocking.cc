#include "checks/blocking.h"

#include <algorithm>
#include <map>
#include <set>

#include "checks/load.h"

namespace pgvigil {
namespace {

constexpr double window = 30;

using ByPid = std::map<std::int64_t, const Session*>;

bool is_blocked(const Session& s) { return !s.blocked_by.empty() && s.application != "pgvigil"; }

// Up to one that waits for nobody; a circle ends where it began (the server will break it as a deadlock).
std::vector<std::int64_t> way_to_root(const Session& from, const ByPid& all) {
  std::vector<std::int64_t> way;
  std::set<std::int64_t> seen{from.pid};
  const Session* s = &from;
  while (s != nullptr && is_blocked(*s)) {
    const std::int64_t next = s->blocked_by.front();
    if (!seen.insert(next).second) break;
    way.push_back(next);
    const auto it = all.find(next);
    s = it == all.end() ? nullptr : it->second;
  }
  return way;
}

// A parallel worker waits for its leader's lock: one wait.
bool is_worker(const Session& s) { return s.leader_pid && *s.leader_pid != s.pid; }

// How long a statement has been blocked without a break. One that every sample shows so may have waited since it began.
double unbroken(const std::vector<Snapshot<Session>>& samples, const Session& now, Time at) {
  const double age = now.query_age.value_or(now.state_age.value_or(0));
  Time since = at;
  for (auto sample = samples.rbegin(); sample != samples.rend(); ++sample) {
    const auto then = std::find_if(sample->rows.begin(), sample->rows.end(), [&](const Session& s) {
      return s.pid == now.pid && s.query_start == now.query_start && is_blocked(s);
    });
    if (then == sample->rows.end()) return std::min(age, seconds_between(since, at));
    since = sample->at;
  }
  return age;
}

}  // namespace

std::size_t BlockingTree::waiting_for(double seconds) const {
  return static_cast<std::size_t>(
      std::count_if(waiters.begin(), waiters.end(), [&](const Waiter& w) { return w.waited >= seconds; }));
}

std::size_t BlockingTree::behind(std::int64_t pid) const {
  return static_cast<std::size_t>(
      std::count_if(waiters.begin(), waiters.end(), [&](const Waiter& w) { return w.behind == pid; }));
}

std::vector<BlockingTree> blocking_trees(const Input& in) {
  ByPid all;
  for (const Session& s : in.now(activity)) all.emplace(s.pid, &s);
  const auto samples = in.series(activity, window);
  std::map<std::int64_t, BlockingTree> by_root;
  for (const auto& [pid, s] : all) {
    if (!is_blocked(*s) || is_worker(*s)) continue;
    const auto way = way_to_root(*s, all);
    if (way.empty()) continue;
    BlockingTree& tree = by_root[way.back()];
    tree.root_pid = way.back();
    if (const auto root = all.find(tree.root_pid); root != all.end()) tree.root = root->second;
    const double waited = unbroken(samples, *s, in.at());
    tree.waiters.push_back({s, way.front(), static_cast<int>(way.size()), waited});
    tree.longest = std::max(tree.longest, waited);
  }
  for (const auto& sample : samples) {
    ByPid then;
    for (const Session& s : sample.rows) then.emplace(s.pid, &s);
    for (const auto& [pid, s] : then) {
      if (!is_blocked(*s) || is_worker(*s) || !is_active(*s)) continue;
      const auto way = way_to_root(*s, then);
      if (const auto tree = way.empty() ? by_root.end() : by_root.find(way.back()); tree != by_root.end())
        tree->second.load += 1.0 / static_cast<double>(samples.size());
    }
  }
  std::vector<BlockingTree> trees;
  for (auto& [pid, tree] : by_root) {
    std::stable_sort(tree.waiters.begin(), tree.waiters.end(), [](const Waiter& a, const Waiter& b) {
      return std::pair(a.depth, -a.waited) < std::pair(b.depth, -b.waited);
    });
    trees.push_back(std::move(tree));
  }
  std::stable_sort(trees.begin(), trees.end(),
                   [](const auto& a, const auto& b) { return a.waiters.size() > b.waiters.size(); });
  return trees;
}

}  // namespace pgvigil
