#include "agent/host/memory.h"

#include <unistd.h>

#include "agent/host/cgroup.h"
#include "agent/host/files.h"
#include "checks/probes/memory.h"

namespace pgvigil {
namespace {

// "MemAvailable:   12345 kB"
std::optional<std::int64_t> bytes(std::string_view meminfo, std::string_view key) {
  const std::size_t at = meminfo.find(key);
  if (at == std::string_view::npos || (at > 0 && meminfo[at - 1] != '\n')) return std::nullopt;
  std::string_view line = meminfo.substr(at + key.size());
  line = line.substr(0, line.find('\n'));
  line = line.substr(0, line.find(" kB"));
  const auto n = host::parse_integer(line);
  return n ? std::optional(*n * 1024) : std::nullopt;
}

}  // namespace

Answer read_memory(const HostOptions& options) {
  Answer answer;
  if (!options.local) {
    answer.failures.push_back(
        host::unseen("the server's memory cannot be seen from here", "run the agent beside the server"));
    return answer;
  }
  const auto text = host::read_file(options.root + "/proc/meminfo");
  const auto total = text ? bytes(*text, "MemTotal:") : std::nullopt;
  const auto available = text ? bytes(*text, "MemAvailable:") : std::nullopt;
  if (!total || !available) {
    answer.failures.push_back(host::unseen("/proc/meminfo cannot be read", "mount procfs where the agent runs"));
    return answer;
  }
  std::vector<Memory> rows{{.source = "host", .total = *total, .available = *available}};
  rows[0].swap_total = bytes(*text, "SwapTotal:").value_or(0);
  rows[0].swap_free = bytes(*text, "SwapFree:").value_or(0);
  if (const auto vmstat = host::read_file(options.root + "/proc/vmstat")) {
    rows[0].swapped_in = host::parse_field(*vmstat, "pswpin").value_or(0) * sysconf(_SC_PAGESIZE);
    rows[0].oom_kills = host::parse_field(*vmstat, "oom_kill").value_or(0);
  }
  if (const auto postmaster = host::find_postmaster(options))
    if (const auto cgroup = host::read_memory_cgroup(options.root, postmaster->pid, *total)) rows.push_back(*cgroup);
  answer.rows = memory.rows(std::move(rows));
  return answer;
}

}  // namespace pgvigil
