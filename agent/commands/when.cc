#include "agent/commands/when.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <ctime>

#include "agent/core/setting_values.h"
#include "agent/core/text.h"

namespace pgvigil {
namespace {

std::string trimmed(std::string_view s) {
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.front())) != 0) s.remove_prefix(1);
  while (!s.empty() && std::isspace(static_cast<unsigned char>(s.back())) != 0) s.remove_suffix(1);
  return std::string(s);
}

// What is left of `s` after a number of exactly so many digits; false when there is none.
bool digits(std::string_view& s, std::size_t n, int& out) {
  if (s.size() < n) return false;
  out = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (s[i] < '0' || s[i] > '9') return false;
    out = 10 * out + (s[i] - '0');
  }
  s.remove_prefix(n);
  return true;
}

bool word(std::string_view& s, std::string_view w) {
  if (!s.starts_with(w)) return false;
  s.remove_prefix(w.size());
  return true;
}

std::tm local(Time t) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm out{};
  ::localtime_r(&seconds, &out);
  return out;
}

// Seconds east of UTC that the text names; none when it names no zone. False when it is no zone.
bool zone(std::string_view s, std::optional<int>& east) {
  while (s.starts_with(' ')) s.remove_prefix(1);
  if (s.empty()) return true;
  if (s == "Z" || s == "z" || s == "UTC" || s == "GMT") {
    east = 0;
    return true;
  }
  const int sign = s.front() == '-' ? -1 : 1;
  if (s.front() != '+' && s.front() != '-') return false;
  s.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!digits(s, 2, hours)) return false;
  word(s, ":");
  if (!s.empty() && !digits(s, 2, minutes)) return false;
  if (!s.empty() || hours > 14 || minutes > 59) return false;
  east = sign * (3600 * hours + 60 * minutes);
  return true;
}

// "2026-11-26", "today", "yesterday", with the blank or T behind it.
bool day(std::string_view& s, std::tm& out, bool& given) {
  given = true;
  if (word(s, "yesterday")) {
    --out.tm_mday;
  } else if (!word(s, "today")) {
    std::string_view rest = s;
    int y = 0, m = 0, d = 0;
    if (!digits(rest, 4, y) || !word(rest, "-") || !digits(rest, 2, m) || !word(rest, "-") || !digits(rest, 2, d)) {
      given = false;
      return true;
    }
    const std::chrono::year_month_day date{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(m)),
                                           std::chrono::day(static_cast<unsigned>(d))};
    if (!date.ok() || y < 1970) return false;
    out.tm_year = y - 1900, out.tm_mon = m - 1, out.tm_mday = d;
    s = rest;
  }
  if (!s.empty() && !word(s, "T") && !word(s, " ")) return false;
  while (s.starts_with(' ')) s.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<Time> parse_until(std::string_view text, Time now) {
  const auto last = parse_when(text, now);
  constexpr double day = 86400;
  const bool clock_only = text.size() <= 8 && text.find(':') != std::string_view::npos;
  return last && *last <= now && clock_only ? after(*last, day) : last;
}

std::optional<double> parse_duration(std::string_view text) {
  std::string s = trimmed(text);
  constexpr std::pair<std::string_view, std::string_view> longer[] = {
      {"seconds", "s"}, {"second", "s"}, {"sec", "s"},  {"minutes", "min"}, {"minute", "min"}, {"mins", "min"},
      {"hours", "h"},   {"hour", "h"},   {"days", "d"}, {"day", "d"},       {"m", "min"}};
  const auto unit = std::find_if(s.begin(), s.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
  const std::string given(unit, s.end());
  for (const auto& [from, to] : longer)
    if (given == from) s.replace(unit, s.end(), to);
  return parse_setting(s, Unit::seconds);
}

std::optional<Time> parse_when(std::string_view text, Time now) {
  const std::string whole = trimmed(text);
  std::string_view s = whole;
  if (s == "now") return now;
  if (s.ends_with(" ago")) {
    const auto seconds = parse_duration(s.substr(0, s.size() - 4));
    if (!seconds || *seconds > 3650 * 86400.0) return std::nullopt;
    return after(now, -*seconds);
  }
  std::tm t = local(now);
  bool day_given = false;
  if (!day(s, t, day_given)) return std::nullopt;
  int hour = 0, minute = 0, second = 0;
  if (!(day_given && s.empty())) {
    std::string_view one = s;
    if (!digits(s, 2, hour) && !((s = one), digits(s, 1, hour))) return std::nullopt;
    if (!word(s, ":") || !digits(s, 2, minute)) return std::nullopt;
    if (word(s, ":") && !digits(s, 2, second)) return std::nullopt;
    if (word(s, "."))
      while (!s.empty() && s.front() >= '0' && s.front() <= '9') s.remove_prefix(1);
  }
  std::optional<int> east;
  if (!zone(s, east) || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  if (east && !day_given) {  // today where that zone is
    const std::time_t there = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count() + *east;
    ::gmtime_r(&there, &t);
  }
  t.tm_hour = hour, t.tm_min = minute, t.tm_sec = second, t.tm_isdst = -1;
  const auto at = [&] {
    std::tm copy = t;
    return Time(std::chrono::seconds(east ? ::timegm(&copy) - *east : std::mktime(&copy)));
  };
  if (!day_given && at() > now) --t.tm_mday;
  return at();
}

std::string utc_and_here(Time t) {
  const std::tm here = local(t);
  const std::string in_utc = utc(t);
  if (here.tm_gmtoff == 0) return in_utc;
  char day[16] = {}, rest[32] = {};
  std::strftime(day, sizeof day, "%Y-%m-%d ", &here);
  std::strftime(rest, sizeof rest, "%H:%M:%S %Z", &here);
  return in_utc + " (" + (in_utc.starts_with(day) ? "" : day) + rest + " here)";
}

}  // namespace pgvigil
