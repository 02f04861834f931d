// A made-up past for the examples of the checks of vacuum: a small queue table that fills with dead rows.
#pragma once

#include <string>

#include "checks/check.h"

namespace pgvigil::held_back_examples {

struct Past {
  std::string kind = "session";               // of the holder; "": nobody holds it back
  std::string state = "idle in transaction";  // of the session
  double open = 40;                           // seconds
  std::int64_t xids = 20'000;
  std::int64_t dead = 30'000, live = 200;
  double threshold = 90;
  int sessions = 8;     // that work on the table
  int others = 0;       // that work elsewhere
  bool filling = true;  // it changes still
  bool autovacuum = true;
  double vacuumed = 5;  // seconds ago
  double naptime = 60;
  double worker = 0;  // seconds that autovacuum has worked on it
  int busy = 0;       // workers of autovacuum elsewhere
  bool standby = false;
};

Scenario past(const Past& p);

}  // namespace pgvigil::held_back_examples
