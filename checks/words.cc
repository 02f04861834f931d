#include "checks/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace pgvigil::words {
namespace {

// Two digits where one stands before the point, else whole: 5.5, 12, 261; "5" rather than "5.0".
std::string short_number(double n) {
  if (std::fabs(n) >= 9.95) return fmt::format("{:.0f}", n);
  std::string s = fmt::format("{:.1f}", n);
  if (s.ends_with(".0")) s.resize(s.size() - 2);
  return s == "-0" ? "0" : s;
}

std::string grouped(double n) {
  std::string s = fmt::format("{:.0f}", n);
  for (std::size_t i = s.size(); i > 3 + (s.front() == '-' ? 1U : 0U);) s.insert(i -= 3, ",");
  return s;
}

}  // namespace

std::string bytes(double n) {
  if (!std::isfinite(n)) return "unknown";
  static constexpr std::string_view units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  std::size_t u = 0;
  while (std::fabs(n) >= 1023.5 && u + 1 < std::size(units)) {
    n /= 1024;
    ++u;
  }
  return fmt::format("{} {}", u == 0 ? fmt::format("{:.0f}", n) : short_number(n), units[u]);
}

std::string count(double n) {
  if (!std::isfinite(n)) return "unknown";
  if (std::fabs(n) >= 999.95e9) return short_number(n / 1e12) + " T";
  if (std::fabs(n) >= 999.95e6) return short_number(n / 1e9) + " bn";
  if (std::fabs(n) >= 999'500) return short_number(n / 1e6) + " M";
  return grouped(n);
}

std::string number(double n) { return std::isfinite(n) ? short_number(n) : "unknown"; }

std::string rate(double n, std::string_view what) {
  const std::string figure = std::fabs(n) < 9.95 ? number(n) : count(n);
  return what.empty() ? figure + "/s" : fmt::format("{} {}/s", figure, what);
}

std::string bytes_rate(double n) { return bytes(n) + "/s"; }

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  if (seconds < 0) seconds = 0;
  if (seconds < 0.0995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 119.5) return short_number(seconds) + " s";
  const double minutes = std::round(seconds / 60);
  if (minutes < 60) return fmt::format("{:.0f} min", minutes);
  if (minutes < 48 * 60) {
    const double hours = std::floor(minutes / 60), rest = minutes - hours * 60;
    return rest < 1 ? fmt::format("{:.0f} h", hours) : fmt::format("{:.0f} h {:.0f} min", hours, rest);
  }
  return fmt::format("{:.0f} days", std::round(minutes / (24 * 60)));
}

std::string clock(Time t) {
  const std::chrono::hh_mm_ss time(
      std::chrono::floor<std::chrono::seconds>(t - std::chrono::floor<std::chrono::days>(t)));
  return fmt::format("{:02}:{:02}:{:02} UTC", time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::string when(Time earliest, Time latest) {
  if (seconds_between(earliest, latest) <= 2) return "at " + clock(latest);
  return fmt::format("between {} and {}", clock(earliest).substr(0, 8), clock(latest));
}

std::string share(double ratio) {
  if (!std::isfinite(ratio)) return "unknown";
  const double percent = ratio * 100;
  return (percent != 0 && std::fabs(percent) < 0.95 ? short_number(percent) : fmt::format("{:.0f}", percent)) + " %";
}

std::string counted(double n, std::string_view noun) {
  const std::string figure = std::fabs(n) < 9.95 ? number(n) : count(n);
  return fmt::format("{} {}{}", figure, noun, figure == "1" ? "" : "s");
}

std::string is_or_are(double n) { return count(n) == "1" ? "is" : "are"; }

std::string list(const std::vector<std::string>& all, std::size_t shown) {
  std::string out;
  const std::size_t n = std::min(all.size(), shown);
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0) out += i + 1 == all.size() ? " and " : ", ";
    out += all[i];
  }
  if (all.size() > n) out += fmt::format("{}{} more", n == 0 ? "" : " and ", all.size() - n);
  return out;
}

std::string one_line(std::string_view text, std::size_t limit) {
  std::string out;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  if (out.size() <= limit) return out;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  out.resize(end);
  return out + "...";
}

std::string literal(std::string_view text) {
  std::string out = text.find('\\') == std::string_view::npos ? "'" : "E'";
  for (const char c : text) {
    if (c == '\0') continue;
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out + "'";
}

}  // namespace pgvigil::words
