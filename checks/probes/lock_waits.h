// Locks that somebody waits for: who wants them, and who holds them. Empty, and cheap, while nobody waits.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct LockWait {
  std::int64_t pid = 0;  // 0: a prepared transaction
  bool granted = false;
  std::string locktype = {};  // relation, transactionid, tuple, advisory, ...
  std::string mode = {};      // AccessExclusiveLock ...
  std::string database = {};
  std::string relation = {};  // qualified name in the database we are in, else its oid; "" where the lock is on none
  std::optional<std::int64_t> page = {}, tuple = {};
  std::string transaction = {};                                      // the holder's, where it is a prepared one
  std::optional<double> waited = {};                                 // seconds (14+)
  std::string state = {}, user = {}, application = {}, client = {};  // of the session
  std::optional<double> state_age = {};                              // seconds
};

extern const Probe<LockWait> lock_waits;

}  // namespace pgvigil
