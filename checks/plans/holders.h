// What the sessions run that hold a table: the way from a table that is read to the statement behind it.
#pragma once

#include <string>
#include <vector>

#include "checks/load.h"
#include "checks/plans/catalogue.h"

namespace pgvigil {

struct Holding {
  std::string query_id, query, user;
  double seen = 0;                          // sessions, over all looks
  double share = 0;                         // of those of all statements
  std::vector<std::int64_t> pids = {};      // in the newest look
  double opened = 0;                        // seconds since the youngest of these sessions was
  std::vector<std::string> functions = {};  // that it calls where it does not name the table: "find_document"
  std::string planned = {};  // where it names the table and its plan has no sequential scan of it: "Index Scan using i"
};
// Over the looks of the last `seconds`, those that do most first.
std::vector<Holding> holders_of(const Input& in, const Catalogue& catalogue, const KnownTable& table, double seconds);

// A setting of the planner that these sessions began with, and that has been changed since: "enable_indexscan = off of
// role app, taken back 12:01:30"; "" where none was seen.
std::string outlived_setting(const Input& in, const Holding& h, const std::string& database);

}  // namespace pgvigil
