#include "agent/core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pgvigil {
namespace {

struct Decoded {
  char32_t point = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

Decoded decode(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t n = first >= 0xF0 && first < 0xF5   ? 4
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xC2 && first < 0xE0 ? 2
                                                        : 0;
  if (n == 0 || s.size() < n) return {};
  char32_t point = first & (0x7Fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    point = (point << 6) | (byte(i) & 0x3Fu);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < least[n] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return {};
  return {point, n, true};
}

// Characters that reorder, hide or break what stands around them.
bool unsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE0FFF);
}

struct Parts {
  int year;
  unsigned month, day;
  std::chrono::hh_mm_ss<Milliseconds> time;
};
Parts parts(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
          std::chrono::hh_mm_ss<Milliseconds>(t - day)};
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text.substr(i));
    if (d.valid && (d.point == '\n' || d.point == '\t' || d.point == '\r')) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (!d.valid || unsafe(d.point)) {
      out += "\xEF\xBF\xBD";
    } else {
      out += text.substr(i, d.bytes);
    }
    i += d.bytes;
  }
  return out;
}

std::size_t utf8_boundary(std::string_view text, std::size_t at) {
  if (at >= text.size()) return text.size();
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

std::string cut(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view mark = "... (truncated)";
  if (text.size() <= max_bytes) return std::string(text);
  if (max_bytes <= mark.size()) return std::string(text.substr(0, utf8_boundary(text, max_bytes)));
  return std::string(text.substr(0, utf8_boundary(text, max_bytes - mark.size()))).append(mark);
}

std::string utc_minute(Time t) {
  const Parts p = parts(t);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}Z", p.year, p.month, p.day, p.time.hours().count(),
                     p.time.minutes().count());
}

std::string utc(Time t) {
  const Parts p = parts(t);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z", p.year, p.month, p.day, p.time.hours().count(),
                     p.time.minutes().count(), p.time.seconds().count());
}

std::string rfc3339(Time t) {
  const Parts p = parts(t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", p.year, p.month, p.day, p.time.hours().count(),
                     p.time.minutes().count(), p.time.seconds().count(), p.time.subseconds().count());
}

std::string span_in_words(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min", whole / 60);
  const auto two = [](std::int64_t large, const char* l, std::int64_t small, const char* s) {
    return small == 0 ? fmt::format("{} {}", large, l) : fmt::format("{} {} {} {}", large, l, small, s);
  };
  if (whole < 48 * 3600) return two(whole / 3600, "h", whole % 3600 / 60, "min");
  return two(whole / 86400, "d", whole % 86400 / 3600, "h");
}

std::optional<Time> parse_time(std::string_view text) {
  double seconds = 0;
  const char* end = text.data() + text.size();
  if (const auto [at, error] = std::from_chars(text.data(), end, seconds); error == std::errc() && at == end)
    return seconds >= 0 && seconds < 1e11 ? std::optional(after(Time{}, seconds)) : std::nullopt;
  const auto digits = [&](std::size_t from, std::size_t n, int& out) {
    return text.size() >= from + n &&
           std::from_chars(text.data() + from, text.data() + from + n, out).ptr == text.data() + from + n;
  };
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, zone_h = 0, zone_m = 0;
  if (text.size() < 20 || !digits(0, 4, y) || !digits(5, 2, mo) || !digits(8, 2, d) || !digits(11, 2, h) ||
      !digits(14, 2, mi) || !digits(17, 2, s) || text[4] != '-' || text[7] != '-' || text[13] != ':' ||
      text[16] != ':' || std::string_view("Tt ").find(text[10]) == std::string_view::npos)
    return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(y), std::chrono::month(static_cast<unsigned>(mo)),
                                        std::chrono::day(static_cast<unsigned>(d))};
  if (!day.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  std::string_view rest = text.substr(19);
  double fraction = 0;
  if (rest.starts_with('.')) {
    const auto past = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    std::from_chars(rest.data(), rest.data() + past, fraction);
    rest.remove_prefix(past);
  }
  if (rest != "Z" && rest != "z") {
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' ||
        !digits(text.size() - 5, 2, zone_h) || !digits(text.size() - 2, 2, zone_m) || zone_h > 14 || zone_m > 59)
      return std::nullopt;
    if (rest[0] == '-') zone_h = -zone_h, zone_m = -zone_m;
  }
  const auto at = std::chrono::sys_days(day) + std::chrono::hours(h - zone_h) + std::chrono::minutes(mi - zone_m) +
                  std::chrono::seconds(s);
  return after(Time(at), fraction);
}

}  // namespace pgvigil
