// What the WAL archiver did: counters and its last success and failure.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Archiver {
  std::int64_t archived = 0, failed = 0;                     // counters
  std::string last_archived = {}, last_failed = {};          // names of WAL files
  std::optional<double> archived_ago = {}, failed_ago = {};  // seconds
};

extern const Probe<Archiver> archiver;

}  // namespace pgvigil
