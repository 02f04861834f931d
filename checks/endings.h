// Executions, waits and idle transactions that were seen and then no more, and the time limits that may have ended
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/timeouts.h"

namespace pgvigil {

// What a limit counts: the age of the statement, of its wait for a lock, of the transaction, of its idleness.
enum class Clock : std::uint8_t { statement, lock, transaction, idle };
std::string_view setting_of(Clock c);  // "statement_timeout"

struct Ending {
  Session last;  // as it was last seen
  Clock clock = Clock::statement;
  double from = 0, to = 0;  // seconds on that clock; it ended between the two
  Time at{};                // when it was first missed
};

// Over the samples of the last `seconds`; none that ended younger than `floor`. One execution may give several endings,
// each by another clock.
std::vector<Ending> endings(const Input& in, double seconds, double floor);

// The limit of this kind that holds for the session, unless it set its own. The innermost layer wins.
std::optional<Timeout> limit_of(const Input& in, const Session& s, Clock clock);
std::string layer_in_words(const Timeout& t);  // "statement_timeout = 10 s set for role app"
std::string exactly(double seconds);           // a setting is quoted as it is, not rounded

// Did it end where this limit strikes? The timer and the cancel have delays of their own on a busy machine.
bool meets(const Ending& e, double limit);
bool outlives(double age, double limit);
bool falls_short(const Ending& e, double limit);
// Ends seen in samples that are `gap` seconds apart cannot be told from their neighbours.
bool too_short_for(double gap, double limit);
bool undated(const Ending& e, double limit);  // for that reason it tells nothing of this limit

}  // namespace pgvigil
