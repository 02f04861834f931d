// Times as a person types them: in the terminal's zone unless they name another. What is printed is UTC.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checks/time.h"

namespace pgvigil {

// "08:00", "yesterday 23:30", "2026-11-26 08:00", "2026-11-26T08:00:00Z", "... +01:00", "10 min ago", "now". A time
// without a day is the last one that has passed. None when it is no time.
std::optional<Time> parse_when(std::string_view text, Time now);
// The same of a time to come: one without a day is the next one.
std::optional<Time> parse_until(std::string_view text, Time now);
// "5s", "10 min", "2 hours", "1 d", in seconds. None when it is no duration.
std::optional<double> parse_duration(std::string_view text);
// "2026-11-26 08:00:00Z (09:00:00 CET here)"; the day, too, where it differs; without the brackets in UTC.
std::string utc_and_here(Time t);

inline constexpr std::string_view when_forms =
    "write \"08:00\", \"2026-11-26 08:00\", \"2026-11-26T08:00:00Z\" or \"10 min ago\"";

}  // namespace pgvigil
