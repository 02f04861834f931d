// The age at which executions end again and again: a time limit, which a setting explains or nothing that Postgres
// knows.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "checks/endings.h"

namespace pgvigil {

namespace ceiling {
inline constexpr Setting<Seconds> window{"window", 60, "executions that ended within this time are looked at"};
inline constexpr Setting<Count> ended{"ended", 3, "executions that ended at the same age from which it is a ceiling"};
inline constexpr Setting<Seconds> floor_age{
    "floor", 1,
    "executions that end younger than this are not looked at, unless a configured "
    "limit is shorter"};
inline constexpr Setting<Ratio> most{"most", 0.5,
                                     "share of the long executions that end there from which it is critical"};
}  // namespace ceiling

struct Ceiling {
  double seconds = 0;
  std::string layer;
  bool configured = false;
  bool cancelled = true;  // false: it could not be seen whether the transactions rolled back
  Clock clock = Clock::statement;
  std::vector<const Ending*> ends = {};
};

// Of the executions that ended; several where several limits strike, the one with most ends first.
std::vector<Ceiling> ceilings(const Input& in, const std::vector<Ending>& all);

double floor_of(const Input& in, const Ceiling& c);  // seconds from which an execution is a long one
double lowest_floor(const Input& in);                // of all the limits there are
// Executions that ran long enough to have met it.
double long_ones(const Input& in, const std::vector<Ending>& all, const Ceiling& c);

// Who asks for what.
using Caller = std::tuple<std::string, std::string, std::string>;
Caller caller(const Session& s);

double seen_for(const Input& in);   // seconds over which ends were looked for
double rollbacks(const Input& in);  // a second

struct Cut {
  double ends = 0;
  std::optional<double> between = {};  // of these between the first and the last reading of the counters, where known
};
// Executions of about the limit's length also end there, but they commit: what was cancelled was rolled back. Some
// counters reach the statistics late, so half of the ends suffice. None when no database's counter was seen twice, or
// nothing ended in between.
std::optional<bool> rolled_back(const Input& in, const std::map<std::string, Cut>& by_database);

}  // namespace pgvigil
