// PostgreSQL's releases as they were known when this was written: a table that says its own age.
#pragma once

#include <chrono>
#include <string>

#include "checks/time.h"

namespace pgvigil {

struct Release {
  int major = 0;
  int minor = 0;                            // the newest one known; there may be newer ones
  std::chrono::year_month_day end_of_life;  // the day of its last minor release
};

const Release* release_of(std::int64_t version_num);  // null for a major version that the table does not have
Time releases_known_at();
// "as of 2026-11-26, 3 days ago"
std::string releases_age(Time at);
std::string in_words(std::chrono::year_month_day day);  // 2026-11-26

}  // namespace pgvigil
