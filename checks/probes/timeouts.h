// Where time limits are set: server, role, database, role in database.
#pragma once

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

}  // namespace pgvigil
