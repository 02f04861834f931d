// Tables with many dead rows, and from how many on autovacuum comes.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct DeadTuples {
  std::string database = {}, relation = {};
  std::string name = {};  // schema-qualified, quoted where it must be
  std::string owner = {};
  std::int64_t bytes = 0;  // of the heap, as VACUUM and ANALYZE last saw it
  std::int64_t dead = 0, live = 0;
  std::int64_t changed = 0;             // rows updated and deleted, a counter
  double threshold = 0;                 // dead rows from which autovacuum comes; the table's own settings considered
  bool autovacuum = true;               // false: off for the table or the server
  double naptime = 60;                  // seconds between two looks of autovacuum
  std::optional<double> vacuumed = {};  // seconds since VACUUM or autovacuum last ended
};

extern const Probe<DeadTuples> dead_tuples;

}  // namespace pgvigil
