// Who waits for whom: the sessions behind each root blocker, in the newest load sample, and what harm that does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/lock_waits.h"
#include "checks/siege.h"

namespace pgvigil {

struct Waiter {
  const Session* session = nullptr;
  std::int64_t behind = 0;         // pid of the one it waits for; 0: a prepared transaction
  int depth = 1;                   // 1: directly behind the root
  double waited = 0;               // seconds; its statement may have run for long before it had to wait
  const LockWait* lock = nullptr;  // what it waits for, where lock_waits saw it
  std::string relation = {};       // its qualified name, where it is on one and the name is known
};

struct BlockingTree {
  std::int64_t root_pid = 0;        // 0: a prepared transaction
  const Session* root = nullptr;    // none where it is a prepared transaction, idle outside of one, or hidden from us
  const LockWait* holds = nullptr;  // a lock of the root that is waited for, where lock_waits saw it
  std::vector<const Session*> beside;  // other roots: they hold the same waiters up, so all of them have to end
  std::vector<Waiter> waiters;         // by depth, then the longest wait first
  double load = 0;                     // average active sessions that wait behind it
  double longest = 0;                  // seconds
  double held = 0;  // seconds for which the root has waited for nobody itself: what it holds up is its own doing

  std::optional<Siege> siege;  // each wait is short, but none gets through

  // Where the root sits idle in its transaction: what all that its application has left so hold up. An application that
  // forgets to commit leaves one after the other, each with a few rows.
  double together = 0, together_load = 0;  // sessions that wait, average active sessions

  // The root came to the lock after those who wait: it was handed on to it by others.
  bool is_handed_on() const;
  std::size_t waiting_for(double seconds) const;  // how many have waited at least so long
  std::size_t behind(std::int64_t pid) const;     // how many wait directly for this one
  // Whoever wants so strong a lock on a table that those who come later wait for it: most often a change of the table.
  const Waiter* change_in_front() const;
  std::vector<std::string> tables() const;  // that the waiters want, as far as the locks or the statements tell
};

// Trees with the most waiters first, those of the newest sample and those whose waiters have just given up. Whoever
// stands behind several blockers counts under the first. What waits by design is no queue.
std::vector<BlockingTree> blocking_trees(const Input& in);

// Tables that a statement reads, changes or locks, as it writes them; empty where it does not parse.
std::vector<std::string> tables_in(std::string_view query);

// How bad a queue is, judged alike by every check that names its root.
namespace blocking {
inline constexpr Setting<Seconds> waiting{"waiting", 1,
                                          "a session that waits for less is no queue: short waits are normal"};
inline constexpr Setting<Count> warn{"warn", 3, "sessions that wait behind one blocker from which it warns"};
inline constexpr Setting<Seconds> one_waits{"one_waits", 5,
                                            "it warns of fewer sessions once one of them has waited so long"};
inline constexpr Setting<Count> critical{"critical", 20,
                                         "sessions that wait behind one blocker from which it is critical"};
inline constexpr Setting<Ratio> critical_share{
    "critical_share", 0.5, "critical from this share of all load on, where at least `warn` sessions wait"};
}  // namespace blocking

struct QueueHarm {
  Severity severity = Severity::warning;
  ActBy act_by = ActBy::now;
  double waits = 0;  // sessions
  double share = 0;  // of all load
};
// Nothing where the queue is short or moves on. `active`: all load, as load() gives it.
std::optional<QueueHarm> queue_harm(const Input& in, const BlockingTree& tree, double active);
}  // namespace pgvigil
