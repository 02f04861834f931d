// Vacuums, ANALYZE, CLUSTER, COPY and base backups in progress. Index builds have a probe of their own.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct LongCommand {
  std::int64_t pid = 0;
  std::string database = {}, user = {};
  std::string command = {};  // VACUUM, ANALYZE, CLUSTER, VACUUM FULL, COPY FROM, COPY TO, BASE_BACKUP
  std::string table = {};    // a name where it runs in our own database, else an oid; "" where it is on none
  std::string phase = {};
  bool automatic = false;            // run by autovacuum
  std::int64_t done = 0, total = 0;  // of this phase, in blocks or bytes; total 0: it is not known
  double age = 0;                    // seconds since the command began
};

extern const Probe<LongCommand> long_commands;

}  // namespace pgvigil
