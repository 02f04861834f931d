#include "agent/host/cpu.h"

#include <unistd.h>

#include <filesystem>
#include <map>

#include "agent/host/cgroup.h"
#include "agent/host/files.h"
#include "agent/host/procfs.h"
#include "checks/probes/cpu.h"

namespace pgvigil {
namespace {

using host::Process;

double ticks(const Process& p) { return static_cast<double>(p.user + p.system + p.reaped_user + p.reaped_system); }

std::vector<Process> children(const std::string& root, std::int64_t parent) {
  std::vector<Process> all;
  std::error_code error;
  for (std::filesystem::directory_iterator it(root + "/proc", error), end; !error && it != end; it.increment(error)) {
    const auto pid = host::parse_integer(it->path().filename().string());
    if (!pid) continue;
    if (auto p = host::read_process(root, *pid); p && p->parent == parent) all.push_back(std::move(*p));
  }
  return all;
}

// The postmaster, its live children, and those it has reaped (parallel workers live for one query). A child that
// ends between the two looks would be counted twice or not at all: then we look again.
std::optional<Cpu> read_processes(const HostOptions& options, Process postmaster, double cores, double hz) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    Cpu sum{.source = "processes", .cores = cores};
    double user = static_cast<double>(postmaster.user + postmaster.reaped_user), all = ticks(postmaster);
    for (const Process& p : children(options.root, postmaster.pid)) {
      user += static_cast<double>(p.user + p.reaped_user);
      all += ticks(p);
    }
    sum.used_seconds = all / hz;
    sum.user_seconds = user / hz;
    sum.system_seconds = (all - user) / hz;
    const auto again = host::read_process(options.root, postmaster.pid);
    if (!again) return std::nullopt;
    if (again->reaped_user == postmaster.reaped_user && again->reaped_system == postmaster.reaped_system) return sum;
    postmaster = *again;
  }
  return std::nullopt;  // sessions come and go too fast for a true figure
}

}  // namespace

Answer read_cpu(const HostOptions& options) {
  Answer answer;
  if (!options.local) {
    answer.failures.push_back(
        host::unseen("the server's CPU cannot be seen from here",
                     "run the agent beside the server, or set the target's vcpus in the configuration"));
    return answer;
  }
  const auto stat = host::read_file(options.root + "/proc/stat");
  const auto now = stat ? host::parse_cpu_ticks(*stat) : std::nullopt;
  if (!now) {
    answer.failures.push_back(host::unseen("/proc/stat cannot be read", "mount procfs where the agent runs"));
    return answer;
  }
  const double hz = options.ticks_per_second > 0 ? options.ticks_per_second : static_cast<double>(sysconf(_SC_CLK_TCK));
  std::vector<Cpu> rows{{.source = "host",
                         .cores = static_cast<double>(now->cpus),
                         .used_seconds = static_cast<double>(now->user + now->system) / hz,
                         .user_seconds = static_cast<double>(now->user) / hz,
                         .system_seconds = static_cast<double>(now->system) / hz,
                         .iowait_seconds = static_cast<double>(now->iowait) / hz}};
  if (const auto postmaster = host::find_postmaster(options)) {
    const auto cgroup = host::read_cgroup(options.root, postmaster->pid, rows[0].cores, hz);
    if (cgroup) rows.push_back(*cgroup);
    if (const auto own = read_processes(options, *postmaster, cgroup ? cgroup->cores : rows[0].cores, hz))
      rows.push_back(*own);
  }
  answer.rows = cpu.rows(std::move(rows));
  return answer;
}

}  // namespace pgvigil
