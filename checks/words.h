// How figures and names are written in sentences, evidence and SQL: one way everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checks/time.h"

namespace pgvigil::words {

std::string bytes(double n);                           // "5.5 GB"; steps of 1024, as pg_size_pretty
std::string count(double n);                           // "12", "4,711", "1.9 M"
std::string number(double n);                          // at most one decimal: "3.4", "12"
std::string rate(double n, std::string_view what);     // "1.9 M rows/s"; with "" "12/s"
std::string bytes_rate(double n);                      // "58 MB/s"
std::string duration(double seconds);                  // "0.4 s", "12 min", "1 h 20 min", "3 days"
std::string clock(Time t);                             // "13:05:02 UTC"
std::string share(double ratio);                       // "88 %"
std::string counted(double n, std::string_view noun);  // "1 session", "12 sessions"
std::string is_or_are(double n);

// When something happened that two looks lie around: "at 13:05:02 UTC", "between 13:04:40 and 13:05:02 UTC".
std::string when(Time earliest, Time latest);

// The first `shown` of them: "a, b and 3 more".
std::string list(const std::vector<std::string>& all, std::size_t shown);
// Text of unknown origin for a one-line message: control characters become blanks, cut at `limit` bytes
// on a character's border.
std::string one_line(std::string_view text, std::size_t limit = 120);
// A string as an SQL literal, whatever it holds and however standard_conforming_strings is set.
std::string literal(std::string_view text);

}  // namespace pgvigil::words
