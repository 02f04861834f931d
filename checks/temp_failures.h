// Statements that fail at temp_file_limit: too quickly to be met with their files in hand, but the server counts the
// bytes of files also where the statement that wrote them failed.
#pragma once

#include <optional>

#include "checks/load.h"

namespace pgvigil {

struct TempFailures {
  std::string database = {};
  double limit = 0;                     // bytes
  double lost = 0;                      // bytes a second of temporary files that no completed statement accounts for
  double failures = 0;                  // a second, by these bytes and the limit
  double rollbacks = 0;                 // a second
  bool counted = false;                 // pg_stat_statements tells what completed
  double seconds = 0;                   // over which it was seen
  std::optional<QueryLoad> query = {};  // that is seen again and again and never completes, with temporary files
};

// By database, the one that loses most first.
std::vector<TempFailures> temp_failures(const Input& in, double seconds);

}  // namespace pgvigil
