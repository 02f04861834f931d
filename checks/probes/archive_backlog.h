// WAL files that wait to be archived.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct ArchiveBacklog {
  std::int64_t ready = 0;             // files that wait
  std::optional<double> oldest = {};  // seconds for which the first of them has waited
};

extern const Probe<ArchiveBacklog> archive_backlog;

}  // namespace pgvigil
