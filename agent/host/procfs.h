// What procfs says, as text to numbers. Pure: the reading is in cpu.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgvigil::host {

// The "cpu" line of /proc/stat and the number of "cpuN" lines (CPUs that are online); in ticks.
struct CpuTicks {
  std::int64_t user = 0;    // with nice; a guest's time is in it
  std::int64_t system = 0;  // with interrupts, and with what other guests of the same machine took (steal)
  std::int64_t iowait = 0;
  int cpus = 0;
};
std::optional<CpuTicks> parse_cpu_ticks(std::string_view proc_stat);

// One process, from /proc/PID/stat; times in ticks.
struct Process {
  std::int64_t pid = 0, parent = 0;
  std::string name;                                 // may hold spaces and brackets
  std::int64_t user = 0, system = 0;                // its own
  std::int64_t reaped_user = 0, reaped_system = 0;  // of children it has waited for
};
std::optional<Process> parse_process(std::string_view proc_pid_stat);

// One line of /proc/PID/cgroup: "0::/path", or "4:cpu,cpuacct:/path" for version 1.
struct Membership {
  std::vector<std::string> controllers;  // empty: version 2
  std::string path;
};
std::vector<Membership> parse_memberships(std::string_view proc_pid_cgroup);

// One cgroup mount of /proc/self/mountinfo.
struct Mount {
  bool v2 = false;
  std::vector<std::string> options;  // of version 1: its controllers are among them
  std::string root;                  // the cgroup that is mounted there
  std::string point;                 // where
};
std::vector<Mount> parse_mounts(std::string_view mountinfo);

// "KEY VALUE" lines, as in cpu.stat; none when the key is absent.
std::optional<std::int64_t> parse_field(std::string_view text, std::string_view key);
std::optional<std::int64_t> parse_integer(std::string_view text);  // surrounding white space allowed
// "max 100000" or "50000 100000": quota as CPUs; none without one.
std::optional<double> parse_cpu_max(std::string_view cpu_max);

}  // namespace pgvigil::host
