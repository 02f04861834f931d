// Locks that are handed on from one session to the next while others stand in line: nobody keeps them for long, and yet
// only one works at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

struct Contest {
  const Session* example = nullptr;  // one who waited
  const Session* head = nullptr;     // who held it, in the newest sample that showed one
  double waiting = 0;                // sessions in line, on average over the samples
  double one_line = 0;               // of these in the longest line, with those who queue to join it
  double wait = 0;                   // seconds for which half of them had waited
  std::size_t holders = 0;           // transactions that held it, one after the other
  std::size_t ended = 0;             // of these, over by the newest sample
  std::size_t samples = 0;
  std::set<std::int64_t> sessions = {};         // all that were seen in line, or to hold it
  std::set<std::int64_t> line = {};             // the holder and those in line, in the newest sample that showed some
  std::map<std::string, int> queries = {};      // how often each statement was seen in line
  std::map<std::string, int> held_during = {};  // ... and run by the holder, by query id
};

enum class Coveted : std::uint8_t { row, table, advisory };

// Over the samples of the last `seconds`. Rows and tables by table, since a changed row gets another place with every
// change; an advisory lock by database.
std::vector<Contest> contests(const Input& in, Coveted what, double seconds);

// The table that they want, from the locks of those who wait; else from the statement; "": it cannot be told.
std::string coveted_table(const Input& in, Coveted what, const Contest& c, double seconds);

// Nobody keeps it for long, and everybody waits for long, or nearly all of the `active` sessions stand in one line. In
// a short look one that has ended suffices.
bool is_handed_on(const Input& in, const Contest& c, double active);
// Short waits are slow, and no outage.
bool is_critical(const Input& in, const Contest& c, double share, double critical, double critical_share);

// Figures, evidence, load and what ties the finding; what the holder mostly runs is part of it.
void tell_contest(const Contest& c, double share, Finding& f);
Step look_at_holder(const Session& waiter);

namespace contest {
inline constexpr Setting<Count> holders{"holders", 3,
                                        "different holders, one after the other: fewer are a blocker of its own"};
inline constexpr Setting<Seconds> typical_wait{
    "typical_wait", 0.1, "half of those who wait have done so for at least this long; shorter queues are throughput"};
inline constexpr Setting<Count> crowd{"crowd", 10,
                                      "sessions in one line, on average, from which short waits are told as well"};
inline constexpr Setting<Ratio> crowd_share{"crowd_share", 0.8, "... where they are so large a part of all load"};
}  // namespace contest
}  // namespace pgvigil
