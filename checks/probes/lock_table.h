// How full the shared lock table is, and whose locks fill it.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct LockCount {  // one row for each database and mode; the figures below the first line are the same in each
  std::string database = {}, mode = {};
  std::int64_t count = 0;
  std::int64_t objects = 0, slots = 0;      // things that are locked in the shared table, and room for such
  std::int64_t owners = 0;                  // pairs of such a thing and a session; there is room for twice `slots`
  std::int64_t top_pid = 0, top_locks = 0;  // who holds most; pid 0: a prepared transaction
  std::string top_user = {}, top_application = {};
  std::int64_t per_transaction = 0;  // max_locks_per_transaction
};

extern const Probe<LockCount> lock_table;

}  // namespace pgvigil
