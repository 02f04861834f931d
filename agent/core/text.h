// Small words that every form of a report shares: clean text, cut text, time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "checks/time.h"

namespace pgvigil {

std::string one_line(std::string_view text);  // valid UTF-8 without controls, reordering characters, line breaks
std::string cut(std::string_view text, std::size_t max_bytes);  // on a UTF-8 boundary; says "... (truncated)" when cut
std::size_t utf8_boundary(std::string_view text, std::size_t at);  // the last boundary not after `at`
std::string utc_minute(Time t);                                    // 2026-11-22 03:14Z
std::string utc(Time t);                                           // 2026-11-22 03:14:07Z
std::string rfc3339(Time t);                                       // 2026-11-22T03:14:07.250Z
std::optional<Time> parse_time(std::string_view text);             // RFC 3339 or Unix seconds
std::string span_in_words(double seconds);                         // 45 s, 12 min, 3 h 5 min, 2 d 4 h

}  // namespace pgvigil
