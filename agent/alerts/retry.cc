#include "agent/alerts/retry.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>
#include <string>

namespace pgvigil {

milliseconds backoff(const Pace& pace, unsigned attempt, double random) {
  const double doubled =
      static_cast<double>(pace.first_retry.count()) * static_cast<double>(1ULL << std::min(attempt - 1, 30u));
  const double step = std::min(doubled, static_cast<double>(pace.longest_retry.count()));
  return milliseconds(static_cast<milliseconds::rep>(step * (0.5 + 0.5 * random)));
}

std::optional<milliseconds> retry_after(std::string_view header, std::chrono::system_clock::time_point now) {
  while (!header.empty() && (header.front() == ' ' || header.front() == '\t')) header.remove_prefix(1);
  while (!header.empty() && (header.back() == ' ' || header.back() == '\t')) header.remove_suffix(1);
  if (header.empty() || header.size() > 64) return std::nullopt;
  if (std::all_of(header.begin(), header.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto [end, ec] = std::from_chars(header.data(), header.data() + header.size(), seconds);
    constexpr std::int64_t year = 365LL * 86400;
    return std::chrono::seconds(ec == std::errc() ? std::min(seconds, year) : year);
  }
  const std::string text(header);
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm tm{};
    const char* end = strptime(text.c_str(), form, &tm);
    if (end == nullptr || *end != '\0') continue;
    const auto at = std::chrono::system_clock::from_time_t(timegm(&tm));
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(at - now));
  }
  return std::nullopt;
}

}  // namespace pgvigil
