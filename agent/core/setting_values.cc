#include "agent/core/setting_values.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <span>

namespace pgvigil {
namespace {

struct Suffix {
  std::string_view text;
  double factor;
};

constexpr double k = 1024;
constexpr Suffix sizes[] = {{"", 1},          {"B", 1},           {"kB", k},          {"KB", k},
                            {"KiB", k},       {"MB", k* k},       {"MiB", k* k},      {"GB", k* k* k},
                            {"GiB", k* k* k}, {"TB", k* k* k* k}, {"TiB", k* k* k* k}};
constexpr Suffix durations[] = {{"", 1}, {"ms", 0.001}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"m", 60}};
constexpr Suffix ratios[] = {{"", 1}, {"%", 0.01}};
constexpr Suffix counts[] = {{"", 1}};

std::span<const Suffix> suffixes(Unit unit) {
  switch (unit) {
    case Unit::bytes:
    case Unit::bytes_per_second:
      return sizes;
    case Unit::seconds:
      return durations;
    case Unit::ratio:
      return ratios;
    case Unit::count:
    case Unit::per_second:
      return counts;
  }
  return counts;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

// The largest of these suffixes that leaves a short number.
std::string with_suffix(double value, std::span<const Suffix> all) {
  for (const Suffix& s : all)
    if (value >= s.factor) {
      const std::string text = fmt::format("{}", value / s.factor);
      if (text.size() <= 5) return fmt::format("{} {}", text, s.text);
    }
  return fmt::format("{} {}", value, all.back().text);
}

}  // namespace

std::optional<double> parse_setting(std::string_view text, Unit unit) {
  text = trim(text);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number) || std::signbit(number)) return std::nullopt;
  std::string_view rest = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  if ((unit == Unit::per_second || unit == Unit::bytes_per_second) && rest.ends_with("/s"))
    rest = trim(rest.substr(0, rest.size() - 2));
  for (const Suffix& s : suffixes(unit))
    if (rest == s.text) {
      // 80 % is exactly 0.8: dividing by 100 rounds once, multiplying by 0.01 twice.
      const double value = s.factor < 1 ? number / std::round(1 / s.factor) : number * s.factor;
      return std::isfinite(value) ? std::optional(value) : std::nullopt;
    }
  return std::nullopt;
}

std::string format_setting(double value, Unit unit) {
  static constexpr Suffix size_out[] = {
      {"TiB", k * k * k * k}, {"GiB", k * k * k}, {"MiB", k * k}, {"KiB", k}, {"B", 1}};
  static constexpr Suffix duration_out[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}, {"ms", 0.001}};
  switch (unit) {
    case Unit::bytes:
      return with_suffix(value, size_out);
    case Unit::bytes_per_second:
      return with_suffix(value, size_out) + "/s";
    case Unit::seconds:
      return value == 0 ? "0 s" : with_suffix(value, duration_out);
    case Unit::ratio: {
      const std::string percent = fmt::format("{:.10g} %", value * 100);
      return value <= 1 && parse_setting(percent, unit) == value ? percent : fmt::format("{}", value);
    }
    case Unit::per_second:
      return fmt::format("{} /s", value);
    case Unit::count:
      return fmt::format("{}", value);
  }
  return fmt::format("{}", value);
}

std::string_view setting_form(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return "a size such as 1 GiB or 64 MB";
    case Unit::bytes_per_second:
      return "a size per second such as 10 MB/s";
    case Unit::ratio:
      return "a share such as 80 % or 0.8";
    case Unit::seconds:
      return "a duration such as 10 s or 5 min";
    case Unit::count:
      return "a number";
    case Unit::per_second:
      return "a number per second such as 5 /s";
  }
  return "a number";
}

}  // namespace pgvigil
