#include "agent/host/procfs.h"

#include <algorithm>
#include <charconv>

namespace pgvigil::host {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool keep_empty = false) {
  std::vector<std::string_view> all;
  while (true) {
    const std::size_t end = text.find_first_of(separators);
    const std::string_view item = text.substr(0, end);
    if (keep_empty || !item.empty()) all.push_back(item);
    if (end == std::string_view::npos) return all;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> strings(const std::vector<std::string_view>& views) { return {views.begin(), views.end()}; }

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) { return k < text.size() && text[k] >= '0' && text[k] <= '7'; };
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n')) text.remove_suffix(1);
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

std::optional<CpuTicks> parse_cpu_ticks(std::string_view proc_stat) {
  CpuTicks ticks;
  bool found = false;
  for (const std::string_view line : split(proc_stat, "\n")) {
    if (!line.starts_with("cpu")) continue;
    const auto fields = split(line, " ");
    if (fields[0] != "cpu") {
      ++ticks.cpus;
      continue;
    }
    // cpu user nice system idle iowait irq softirq steal guest guest_nice
    std::int64_t v[9] = {};
    for (std::size_t i = 1; i < 9 && i < fields.size(); ++i) {
      const auto n = parse_integer(fields[i]);
      if (!n) return std::nullopt;
      v[i] = *n;
    }
    if (fields.size() < 5) return std::nullopt;
    ticks.user = v[1] + v[2];
    ticks.system = v[3] + v[6] + v[7] + v[8];
    ticks.iowait = v[5];
    found = true;
  }
  if (!found) return std::nullopt;
  ticks.cpus = std::max(ticks.cpus, 1);
  return ticks;
}

std::optional<Process> parse_process(std::string_view text) {
  // pid (name) state ppid ...: the name ends at the last bracket.
  const std::size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto fields = split(text.substr(close + 1), " \n");
  const auto pid = parse_integer(text.substr(0, open));
  if (!pid || fields.size() < 15) return std::nullopt;
  Process p{.pid = *pid, .name = std::string(text.substr(open + 1, close - open - 1))};
  const std::pair<std::size_t, std::int64_t*> wanted[] = {
      {1, &p.parent}, {11, &p.user}, {12, &p.system}, {13, &p.reaped_user}, {14, &p.reaped_system}};
  for (const auto& [index, out] : wanted) {
    const auto v = parse_integer(fields[index]);
    if (!v) return std::nullopt;
    *out = *v;
  }
  return p;
}

std::vector<Membership> parse_memberships(std::string_view text) {
  std::vector<Membership> all;
  for (const std::string_view line : split(text, "\n")) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    all.push_back(
        {strings(split(line.substr(first + 1, second - first - 1), ",")), std::string(line.substr(second + 1))});
  }
  return all;
}

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  // id parent major:minor root point options [optional...] - type source super-options
  std::vector<Mount> all;
  for (const std::string_view line : split(mountinfo, "\n")) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), " "), right = split(line.substr(dash + 3), " ");
    if (left.size() < 5 || right.empty() || (right[0] != "cgroup" && right[0] != "cgroup2")) continue;
    all.push_back({.v2 = right[0] == "cgroup2",
                   .options = right.size() > 2 ? strings(split(right[2], ",")) : std::vector<std::string>(),
                   .root = unescape(left[3]),
                   .point = unescape(left[4])});
  }
  return all;
}

std::optional<std::int64_t> parse_field(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, "\n"))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_integer(line.substr(key.size() + 1));
  return std::nullopt;
}

std::optional<double> parse_cpu_max(std::string_view cpu_max) {
  const auto fields = split(cpu_max, " \n");
  if (fields.empty() || fields[0] == "max") return std::nullopt;
  const auto quota = parse_integer(fields[0]);
  const auto period = fields.size() > 1 ? parse_integer(fields[1]) : 100'000;
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

}  // namespace pgvigil::host
