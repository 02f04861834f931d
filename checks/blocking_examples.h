// Made-up queues for the examples of the checks of blocking.
#pragma once

#include <string>

#include "checks/check.h"

namespace pgvigil::blocking_examples {

struct Queue {
  int waiters = 8;
  double age = 6;                             // seconds for which they have waited
  std::string state = "idle in transaction";  // of the root
  int others = 0;                             // sessions busy with something else
  bool change = false;                        // the first waiter changes the table, the others stand behind it
  double held = 1;                            // for so much longer than `age` the root has been in its transaction
  std::string root_query = "UPDATE accounts SET balance = $1 WHERE id = $2";
  std::string application = "worker";  // the root's
  bool locks = true;                   // lock_waits has been seen
  bool prepared = false;               // the root is a prepared transaction
  int queues = 1;                      // so many of the application have forgotten to commit, each with such a queue
  bool beside = false;                 // pid 11 has forgotten to commit as well and holds the first waiter up too
};

Scenario queue(const Queue& q);
// Each wait of eight sessions is cut off within half a second, behind a session that has been idle for twenty seconds,
// or for `idle` seconds at a time.
Scenario gave_up(double idle);
// The same, and nobody stands there at this moment.
Scenario about_to_try_again();
// Sessions pass a lock from one to the next, each second; the others have waited for `age` seconds, or more where it is
// a second or longer.
Scenario passed_on(std::string wait_event, std::string query, double age, int sessions = 9);

}  // namespace pgvigil::blocking_examples
