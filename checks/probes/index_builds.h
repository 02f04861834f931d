// CREATE INDEX and REINDEX in progress.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct IndexBuild {
  std::int64_t pid = 0;
  std::string database = {}, user = {}, table = {},
              index = {};  // names where the build runs in our own database, else oids as text
  std::string command = {}, phase = {};
  std::int64_t lockers_total = 0, lockers_done = 0, current_locker_pid = 0;
  std::int64_t blocks_total = 0, blocks_done = 0, tuples_total = 0, tuples_done = 0;
  double age = 0;  // seconds since the statement began
};

extern const Probe<IndexBuild> index_builds;

}  // namespace pgvigil
