// How far the migrations are that the configuration declares, by the operator's own SQL.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct MigrationProgress {
  std::string database = {}, name = {};
  std::optional<double> done = {}, total = {};  // in whatever its SQL counts
  std::vector<std::string> tables = {};         // that the SQL names, qualified
  std::string problem = {};                     // why it was not asked: what the server said to its SQL before
};

extern const Probe<MigrationProgress> migrations;

}  // namespace pgvigil
