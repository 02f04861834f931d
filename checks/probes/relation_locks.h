// Tables that sessions hold locks on: who works on what, also where no text tells (functions, triggers, texts that are
// cut off or hidden), and who only sits on it.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct RelationLock {  // one table of the database that the first connection lives in
  std::string database = {}, schema = {}, relation = {};
  std::string name = {};  // schema-qualified, quoted where it must be
  std::int64_t oid = 0;
  std::vector<std::int64_t> pids = {};  // client sessions that are active and do not wait for a lock, at most 100
  std::int64_t sessions = 0;            // how many there are; 0: it is only held
  std::int64_t writers = 0;             // of these, with a lock that a write takes
  // Client sessions that hold it and do no work: idle in a transaction, or waiting for a lock. At most 100.
  std::vector<std::int64_t> resting = {}, resting_writers = {};
  std::vector<std::int64_t> writer_pids = {};  // of `pids` those that write
  std::int64_t prepared = 0;                   // prepared transactions that hold it
  std::int64_t seq_rows_read = 0;              // counter; of a running statement nothing yet
};

extern const Probe<RelationLock> relation_locks;

}  // namespace pgvigil
