#include "agent/host/cgroup.h"

#include <algorithm>
#include <vector>

#include "agent/host/files.h"
#include "agent/host/procfs.h"

namespace pgvigil::host {
namespace {

bool has(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A cgroup as a folder: where its hierarchy is mounted, and the way from there; "" is the mount's own root.
struct Place {
  std::string mount, path;
  bool at_top() const { return path.empty(); }
  std::string file(std::string_view name) const { return mount + path + "/" + std::string(name); }
  void up() { path.erase(path.rfind('/')); }
};

// None when the cgroup lies outside of what is mounted (another container's, or our own namespace hides it).
std::optional<Place> place(const std::string& root, const Mount& mount, const std::string& path) {
  if (path.empty() || path.find("/..") != std::string::npos) return std::nullopt;
  std::string rest = path;
  if (mount.root != "/") {
    if (!path.starts_with(mount.root) || (path.size() > mount.root.size() && path[mount.root.size()] != '/'))
      return std::nullopt;
    rest.erase(0, mount.root.size());
  }
  while (rest.ends_with('/')) rest.pop_back();
  return Place{root + mount.point, rest};
}

std::optional<Place> find_place(const std::string& root, std::int64_t pid, bool v2, std::string_view controller) {
  const auto mounts = read_file(root + "/proc/self/mountinfo");
  const auto groups = read_file(root + "/proc/" + std::to_string(pid) + "/cgroup");
  if (!mounts || !groups) return std::nullopt;
  for (const Membership& m : parse_memberships(*groups)) {
    if (v2 ? !m.controllers.empty() : !has(m.controllers, controller)) continue;
    for (const Mount& mount : parse_mounts(*mounts))
      if (mount.v2 == v2 && (v2 || has(mount.options, controller)))
        if (auto found = place(root, mount, m.path)) return found;
  }
  return std::nullopt;
}

std::optional<double> quota_v1(const Place& p) {
  const auto quota = read_file(p.file("cpu.cfs_quota_us")), period = read_file(p.file("cpu.cfs_period_us"));
  if (!quota || !period || parse_integer(*quota).value_or(-1) <= 0) return std::nullopt;
  return parse_cpu_max(std::to_string(*parse_integer(*quota)) + " " + *period);
}

std::optional<double> quota_v2(const Place& p) {
  const auto text = read_file(p.file("cpu.max"));
  return text ? parse_cpu_max(*text) : std::nullopt;
}

// The level whose quota is the tightest, from the cgroup up to the mount's root; the cgroup itself without one.
std::pair<Place, std::optional<double>> tightest(const Place& leaf, std::optional<double> (*quota)(const Place&)) {
  Place best = leaf;
  std::optional<double> cores;
  for (Place p = leaf;; p.up()) {
    const auto q = quota(p);
    if (q && (!cores || *q < *cores)) {
      cores = q;
      best = p;
    }
    if (p.at_top()) return {best, cores};
  }
}

std::optional<Cpu> read_v2(const Place& leaf, double online) {
  const auto [at, quota] = tightest(leaf, quota_v2);
  // Only the machine's own root has no cpu.max: at the top with one is a container in a cgroup namespace ("0::/").
  if (leaf.at_top() && !read_file(leaf.file("cpu.max"))) return std::nullopt;
  const auto stat = read_file(at.file("cpu.stat"));
  const auto used = stat ? parse_field(*stat, "usage_usec") : std::nullopt;
  if (!used) return std::nullopt;
  const auto micro = [&](std::string_view key) {
    return static_cast<double>(parse_field(*stat, key).value_or(0)) / 1e6;
  };
  return Cpu{.source = "cgroup",
             .cores = std::min(quota.value_or(online), online),
             .used_seconds = static_cast<double>(*used) / 1e6,
             .user_seconds = micro("user_usec"),
             .system_seconds = micro("system_usec"),
             .periods = parse_field(*stat, "nr_periods").value_or(0),
             .throttled_periods = parse_field(*stat, "nr_throttled").value_or(0)};
}

std::optional<Cpu> read_v1(const Place& leaf, Place account, double online, double ticks_per_second) {
  const auto [at, quota] = tightest(leaf, quota_v1);
  if (!quota && leaf.at_top()) return std::nullopt;
  // Both hierarchies hold the same tree as a rule; the time is read at the level of the quota.
  if (account.path == leaf.path) account.path = at.path;
  const auto usage = read_file(account.file("cpuacct.usage"));
  const auto used = usage ? parse_integer(*usage) : std::nullopt;
  if (!used) return std::nullopt;
  Cpu sum{.source = "cgroup",
          .cores = std::min(quota.value_or(online), online),
          .used_seconds = static_cast<double>(*used) / 1e9};
  if (const auto split = read_file(account.file("cpuacct.stat"))) {
    sum.user_seconds = static_cast<double>(parse_field(*split, "user").value_or(0)) / ticks_per_second;
    sum.system_seconds = static_cast<double>(parse_field(*split, "system").value_or(0)) / ticks_per_second;
  }
  if (const auto stat = read_file(at.file("cpu.stat"))) {
    sum.periods = parse_field(*stat, "nr_periods").value_or(0);
    sum.throttled_periods = parse_field(*stat, "nr_throttled").value_or(0);
  }
  return sum;
}

std::optional<double> limit_of(const Place& p, std::string_view name) {
  const auto text = read_file(p.file(name));
  const auto bytes = text ? parse_integer(*text) : std::nullopt;  // "max" is no number
  return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
}
std::optional<double> memory_v1(const Place& p) { return limit_of(p, "memory.limit_in_bytes"); }
std::optional<double> memory_v2(const Place& p) { return limit_of(p, "memory.max"); }

// File pages are given back when memory is short; shared buffers are not among them.
std::optional<Memory> read_memory(const Place& leaf, bool v2, std::int64_t total) {
  const auto [at, limit] = tightest(leaf, v2 ? memory_v2 : memory_v1);
  if (!limit || *limit <= 0 || *limit >= static_cast<double>(total)) return std::nullopt;
  const auto used = limit_of(at, v2 ? "memory.current" : "memory.usage_in_bytes");
  const auto stat = read_file(at.file("memory.stat"));
  if (!used || !stat) return std::nullopt;
  const auto pages = [&](const std::string& key) {
    return parse_field(*stat, v2 ? key : "total_" + key).value_or(parse_field(*stat, key).value_or(0));
  };
  Memory m{.source = "cgroup", .total = static_cast<std::int64_t>(*limit)};
  m.available = std::clamp(m.total - static_cast<std::int64_t>(*used) + pages("inactive_file") + pages("active_file"),
                           std::int64_t{0}, m.total);
  if (const auto events = read_file(at.file(v2 ? "memory.events" : "memory.oom_control")))
    m.oom_kills = parse_field(*events, "oom_kill").value_or(0);
  return m;
}

}  // namespace

std::optional<Memory> read_memory_cgroup(const std::string& root, std::int64_t pid, std::int64_t total) {
  if (const auto leaf = find_place(root, pid, false, "memory")) return read_memory(*leaf, false, total);
  if (const auto leaf = find_place(root, pid, true, "")) return read_memory(*leaf, true, total);
  return std::nullopt;
}

std::optional<Cpu> read_cgroup(const std::string& root, std::int64_t pid, double online, double ticks_per_second) {
  if (const auto leaf = find_place(root, pid, false, "cpu"))
    if (const auto account = find_place(root, pid, false, "cpuacct"))
      return read_v1(*leaf, *account, online, ticks_per_second);
  if (const auto leaf = find_place(root, pid, true, "")) return read_v2(*leaf, online);
  return std::nullopt;
}

}  // namespace pgvigil::host
