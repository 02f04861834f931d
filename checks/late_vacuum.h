// Tables that fill with dead rows although autovacuum is on for them: why it does not keep up.
#pragma once

#include <optional>
#include <string>

#include "checks/check.h"
#include "checks/probes/dead_tuples.h"

namespace pgvigil {

namespace late_vacuum {
inline constexpr Setting<Seconds> at_work{"at_work", 10,
                                          "autovacuum has been at work on the table for so long and is not through"};
inline constexpr Setting<Ratio> naptimes{"naptimes", 3, "autovacuum has not come for so many of its own pauses"};
}  // namespace late_vacuum

struct LateVacuum {
  std::string why = {};     // "autovacuum has worked on it for 25 s and is not through"
  std::string pace = {};    // how far it has come; "" where that is not known
  std::string slowed = {};  // what the settings slow it down with: "autovacuum_vacuum_cost_limit = 1"; "" where nothing
  bool at_work = false;     // on this table
};
std::optional<LateVacuum> vacuum_is_late(const Input& in, const DeadTuples& table);

}  // namespace pgvigil
