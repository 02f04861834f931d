// Who waits for whom: the sessions behind each root blocker, in the newest load sample.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

struct Waiter {
  const Session* session = nullptr;
  std::int64_t behind = 0;  // pid of the one it waits for; 0: a prepared transaction
  int depth = 1;            // 1: directly behind the root
  double waited = 0;        // seconds; its statement may have run for long before it had to wait
};

struct BlockingTree {
  std::int64_t root_pid = 0;      // 0: a prepared transaction
  const Session* root = nullptr;  // none where it is a prepared transaction, or hidden from us
  std::vector<Waiter> waiters;    // by depth, then the longest wait first
  double load = 0;                // average active sessions that wait behind it
  double longest = 0;             // seconds

  std::size_t waiting_for(double seconds) const;  // how many have waited at least so long
  std::size_t behind(std::int64_t pid) const;     // how many wait directly for this one
};

// Trees with the most waiters first. Whoever stands behind two blockers counts under the first.
std::vector<BlockingTree> blocking_trees(const Input& in);
}  // namespace pgvigil
