// Replication slots and the WAL that each makes the server keep.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Slot {
  std::string name = {}, type = {}, plugin = {}, database = {};  // type: physical, logical; database: of a logical one
  bool active = false, temporary = false;
  std::optional<std::int64_t> retained = {};       // bytes of WAL behind the newest
  std::string wal_status = {};                     // reserved, extended, unreserved, lost; "" when it keeps none
  std::optional<std::int64_t> safe_wal_size = {};  // bytes that may still be written before it is lost
  std::optional<double> inactive_for = {};         // seconds; 17+
};

extern const Probe<Slot> slots;

}  // namespace pgvigil
