#include "checks/releases.h"

#include <fmt/format.h>

#include "checks/words.h"

namespace pgvigil {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::year_month_day known_at = 2026y / 11 / 26;

// A minor release stands here once it has been seen: too low a number misses an update, too high a one would ask for
// what does not exist.
constexpr Release all[] = {
    {13, 23, 2025y / 11 / 13}, {14, 23, 2026y / 11 / 12}, {15, 20, 2027y / 11 / 11},
    {16, 14, 2028y / 11 / 9},  {17, 10, 2029y / 11 / 8},  {18, 4, 2030y / 11 / 14},
};

}  // namespace

const Release* release_of(std::int64_t version_num) {
  for (const Release& r : all)
    if (r.major == version_num / 10'000) return &r;
  return nullptr;
}

Time releases_known_at() { return Time(std::chrono::sys_days(known_at)); }

std::string in_words(std::chrono::year_month_day day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string releases_age(Time at) {
  const double age = seconds_between(releases_known_at(), at);
  return fmt::format("as of {}{}", in_words(known_at), age >= 86'400 ? ", " + words::duration(age) + " ago" : "");
}

}  // namespace pgvigil
