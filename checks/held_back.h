// Tables that the load suffers from because vacuum may not clean them up, and who holds it back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/dead_tuples.h"
#include "checks/probes/xmin_holders.h"

namespace pgvigil {

namespace held_back {
inline constexpr Setting<Count> least_dead{"least_dead", 5000,
                                           "dead rows of a table below which nobody suffers from them"};
inline constexpr Setting<Ratio> load_share{"load_share", 0.5, "share of the load that works on the table"};
inline constexpr Setting<Seconds> open_for{"open_for", 8, "whoever has been open for less holds nobody back"};
}  // namespace held_back

struct HeldBack {
  const XminHolder* holder = nullptr;
  const DeadTuples* table = nullptr;
  double load = 0, share = 0;
  double blocks = 0;    // read for each execution; 0: not known
  bool proven = false;  // vacuum has looked since, and left the dead rows
  std::vector<std::string> queries = {};
  Severity severity = Severity::warning;
};
// The worst of them, where most of the load works on a small table that is full of dead rows, and still filling.
std::optional<HeldBack> held_back_now(const Input& in);

// What carries the load on this table.
struct OnTable {
  double load = 0, share = 0;
  double executions = 0, blocks = 0;
  std::vector<std::string> queries = {};
};
OnTable load_on(const Input& in, const Load& all, const DeadTuples& table);
std::string holder_in_words(const XminHolder& h);
// Figures, ties and the cure that every finding about it shares.
void tell_held_back(const Input& in, const HeldBack& h, Finding& f);

}  // namespace pgvigil
