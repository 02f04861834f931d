// Where time limits are set: server, role, database, role in database.
#pragma once

#include <span>

#include "checks/probe.h"

namespace pgvigil {

struct Timeout {
  std::string setting = {};              // statement_timeout, lock_timeout, idle_in_transaction_session_timeout ...
  std::string layer = {};                // server, role, database, role in database
  std::string role = {}, database = {};  // "" where it does not apply
  std::string source = {};               // of the server layer: "default", "configuration file" ...
  double seconds = 0;                    // 0: no limit
};

extern const Probe<Timeout> timeouts;
// The limit of this name that holds for a session of this role and database, unless it set its own: the innermost layer
// wins. None where there is no limit.
std::optional<Timeout> limit_of(std::span<const Timeout> all, std::string_view setting, std::string_view role,
                                std::string_view database);

}  // namespace pgvigil
