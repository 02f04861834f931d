// Where the write-ahead log stands, and the settings that say when it is flushed, kept and shipped.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Wal {
  bool in_recovery = false;
  std::int64_t position = 0;  // bytes of WAL since the cluster was made: written, or replayed on a standby
  std::int64_t segment_size = 16 << 20, max_wal_size = 0;                     // bytes
  double checkpoint_timeout = 300;                                            // seconds
  double completion_target = 0.9;                                             // checkpoint_completion_target
  std::int64_t max_slot_wal_keep_size = -1;                                   // bytes; -1: no limit
  std::string archive_mode = {}, archive_command = {}, archive_library = {};  // library: 15+
  std::string synchronous_standby_names = {}, synchronous_commit = {};
};

extern const Probe<Wal> wal;

// WAL between two checkpoints that are forced by its size.
inline double forced_distance(const Wal& w) { return static_cast<double>(w.max_wal_size) / (1 + w.completion_target); }

}  // namespace pgvigil
