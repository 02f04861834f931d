// Roles and databases with a CONNECTION LIMIT, and how much of it is used.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct ConnectionLimit {
  std::string kind = {};  // role, database
  std::string name = {};
  std::int64_t limit = 0, used = 0;
};

extern const Probe<ConnectionLimit> connection_limits;

}  // namespace pgvigil
