// Connection slots: how many ordinary roles may use, and how many are in use.
#pragma once

#include <span>

#include "checks/probes/connections.h"
#include "checks/probes/server.h"

namespace pgvigil {

// What is kept for superusers (and, from 16, for members of pg_use_reserved_connections) is not to be had.
inline double connection_slots(const Server& s) {
  const std::int64_t n = s.max_connections - s.superuser_reserved_connections - s.reserved_connections;
  return n > 0 ? static_cast<double>(n) : 0;
}

inline double connections_used(std::span<const ConnectionGroup> groups) {
  double n = 0;
  for (const ConnectionGroup& g : groups) n += static_cast<double>(g.count);
  return n;
}

}  // namespace pgvigil
