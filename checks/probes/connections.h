// Client connections, counted by who holds them.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct ConnectionGroup {
  std::string database = {}, user = {}, application = {}, client = {};
  std::string state = {};  // active, idle, idle in transaction, ...
  std::string wait_event_type = {}, wait_event = {};
  std::int64_t count = 0;
  std::optional<double> max_transaction_age = {};  // seconds
};

extern const Probe<ConnectionGroup> connections;

}  // namespace pgvigil
