#include "agent/core/text.h"

#include <fmt/format.h>

#include <algorithm>
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

}  // namespace pgvigil
