// A command that keeps others from a table for as long as it runs: an index build, a rewrite of the table.
#pragma once

#include <optional>
#include <string>

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

struct LockingCommand {
  std::string what;                 // "CREATE INDEX without CONCURRENTLY"
  std::string stops;                // whom: "all writers of the table"
  std::string next_time;            // how it is done without that
  std::string sql = {};             // the same command in that form; "" where the text does not say it all
  std::string progress = {};        // "building index: scanning table, 12 %"; "" where it is not known
  std::optional<double> left = {};  // seconds, at the pace so far
};

// None where the session runs something else, or waits itself.
std::optional<LockingCommand> locking_command(const Input& in, const Session& s);

// What to do now, and what the next time.
std::vector<Remedy> remedies(const LockingCommand& c, const Session& s, std::size_t waiters, double load);

}  // namespace pgvigil
