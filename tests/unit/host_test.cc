// CPU time from procfs and cgroups, on fixture trees and on this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/host/cgroup.h"
#include "agent/host/cpu.h"
#include "agent/host/disks.h"
#include "agent/host/memory.h"
#include "agent/host/procfs.h"
#include "agent/host/sockets.h"
#include "checks/probes/client_sockets.h"
#include "checks/probes/cpu.h"
#include "checks/probes/disks.h"
#include "checks/probes/memory.h"

namespace pgvigil {
namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  Tree() {
    std::string name = (fs::temp_directory_path() / "pgvigil-host-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~Tree() { fs::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  Tree& file(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
    return *this;
  }
  // name, parent, own and reaped ticks
  Tree& process(int pid, const std::string& name, int parent, const std::string& times, const std::string& title = "") {
    const std::string p = std::to_string(pid);
    file("/proc/" + p + "/stat", p + " (" + name + ") S " + std::to_string(parent) + " 1 1 0 -1 4194304 1 2 3 4 " +
                                     times + " 20 0 1 0 149005 224432128 7778\n");
    return file("/proc/" + p + "/cmdline", title);
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

constexpr const char* stat_text =
    "cpu  1000 200 300 90000 40 5 6 7 50 0\ncpu0 500 100 150 45000 20 2 3 3 0 0\ncpu3 500 100 150 45000 20 3 3 4 0 "
    "0\nintr 1\n";

void add_server(Tree& t) {
  t.file("/proc/stat", stat_text);
  t.process(100, "postgres", 1, "100 50 3000 700", "/usr/lib/postgresql/15/bin/postgres");
  t.process(101, "postgres", 100, "10 5 0 0", "postgres: checkpointer ");
  t.process(102, "postgres", 100, "200 100 0 0", "postgres: pgvigil shop 127.0.0.1(5) idle");
  t.process(200, "bash", 1, "9999 9999 0 0", "bash");
}

template <class Row>
std::vector<Row> rows_of(const Answer& a) {
  return a.rows == nullptr ? std::vector<Row>() : static_cast<const RowsOf<Row>&>(*a.rows).rows;
}
std::vector<Cpu> rows(const Answer& a) { return rows_of<Cpu>(a); }

HostOptions options(const Tree& t) {
  return {.root = t.root(), .backend_pid = 102, .user = "pgvigil", .database = "shop", .ticks_per_second = 100};
}

TEST(Procfs, ProcessNamesMayHoldAnything) {
  const auto p = host::parse_process("7 (a b) (c)) S 3 1 1 0 -1 0 1 2 3 4 11 12 13 14 20 0\n");
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->name, "a b) (c)");
  EXPECT_EQ(p->parent, 3);
  EXPECT_EQ(p->user, 11);
  EXPECT_EQ(p->reaped_system, 14);
  for (const char* bad : {"", "7", "7 (x", "x (y) S 1 2", "7 (x) S 1", "7 )x( S 3 1 1 0 -1 0 1 2 3 4 11 12 13 14"})
    EXPECT_FALSE(host::parse_process(bad).has_value()) << bad;
}

TEST(Procfs, CpuLines) {
  const auto t = host::parse_cpu_ticks(stat_text);
  ASSERT_TRUE(t.has_value());
  EXPECT_EQ(t->user, 1200);
  EXPECT_EQ(t->system, 318);  // with interrupts and steal
  EXPECT_EQ(t->iowait, 40);
  EXPECT_EQ(t->cpus, 2);
  for (const char* bad : {"", "intr 1\n", "cpu  1 x 3 4\n", "cpu\n"})
    EXPECT_FALSE(host::parse_cpu_ticks(bad).has_value()) << bad;
}

TEST(Procfs, Quotas) {
  EXPECT_EQ(host::parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(host::parse_cpu_max("50000"), 0.5);
  for (const char* none : {"max 100000\n", "", "-1 100000", "x", "1 0"})
    EXPECT_FALSE(host::parse_cpu_max(none).has_value()) << none;
}

TEST(Procfs, MountsAndMemberships) {
  const auto mounts = host::parse_mounts(
      "32 31 0:29 /docker/a\\040b /sys/fs/cgroup/cpu,cpuacct ro,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
      "33 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n34 31 8:1 / / rw - ext4 /dev/sda rw\nbroken\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].root, "/docker/a b");
  EXPECT_THAT(mounts[0].options, testing::Contains("cpuacct"));
  EXPECT_TRUE(mounts[1].v2);
  const auto groups = host::parse_memberships("4:cpu,cpuacct:/docker/a:b\n0::/x\nbroken\n");
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_THAT(groups[0].controllers, testing::ElementsAre("cpu", "cpuacct"));
  EXPECT_EQ(groups[0].path, "/docker/a:b");
  EXPECT_TRUE(groups[1].controllers.empty());
}

TEST(Cpu, HostAndProcessesWithReapedChildren) {
  Tree t;
  add_server(t);
  const auto all = rows(read_cpu(options(t)));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].source, "host");
  EXPECT_EQ(all[0].cores, 2);
  EXPECT_DOUBLE_EQ(all[0].used_seconds, 15.18);
  EXPECT_DOUBLE_EQ(all[0].iowait_seconds, 0.4);
  EXPECT_EQ(all[1].source, "processes");
  EXPECT_DOUBLE_EQ(all[1].used_seconds, 41.65);  // 3,850 of the postmaster, 15 and 300 of its children
  EXPECT_DOUBLE_EQ(all[1].user_seconds, 33.1);
}

TEST(Cpu, AnotherNamespacesPidIsNotTheServer) {
  for (const auto& [pid, user] :
       {std::pair(102, "somebody"), {200, "pgvigil"}, {999, "pgvigil"}, {0, "pgvigil"}, {100, "pgvigil"}}) {
    Tree t;
    add_server(t);
    auto o = options(t);
    o.backend_pid = pid;
    o.user = user;
    EXPECT_EQ(rows(read_cpu(o)).size(), 1U) << pid << " " << user;
  }
}

TEST(Cpu, RemoteServerIsUnknown) {
  Tree t;
  add_server(t);
  auto o = options(t);
  o.local = false;
  const Answer a = read_cpu(o);
  EXPECT_EQ(a.rows, nullptr);
  ASSERT_EQ(a.failures.size(), 1U);
  EXPECT_EQ(a.failures[0].sqlstate, "PGV04");
  EXPECT_EQ(a.failures[0].message, "the server's CPU cannot be seen from here");
  EXPECT_FALSE(a.failures[0].mend.empty());
  EXPECT_EQ(read_cpu({.root = "/nowhere"}).failures.size(), 1U);
}

TEST(Cpu, CgroupTwoWithTheQuotaOfItsParent) {
  Tree t;
  add_server(t);
  t.file("/proc/self/mountinfo", "33 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  t.file("/proc/100/cgroup", "0::/pod/server\n");
  t.file("/sys/fs/cgroup/pod/server/cpu.stat", "usage_usec 5000000\nuser_usec 4000000\nsystem_usec 1000000\n");
  t.file("/sys/fs/cgroup/pod/server/cpu.max", "max 100000\n");
  auto all = rows(read_cpu(options(t)));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].source, "cgroup");
  EXPECT_EQ(all[1].cores, 2);  // no quota: the host's
  EXPECT_DOUBLE_EQ(all[1].used_seconds, 5);
  t.file("/sys/fs/cgroup/pod/cpu.max", "50000 100000\n");
  t.file("/sys/fs/cgroup/pod/cpu.stat", "usage_usec 7000000\nnr_periods 10\nnr_throttled 4\n");
  all = rows(read_cpu(options(t)));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].cores, 0.5);
  EXPECT_DOUBLE_EQ(all[1].used_seconds, 7);  // of the level whose quota binds
  EXPECT_EQ(all[1].periods, 10);
  EXPECT_EQ(all[1].throttled_periods, 4);
  EXPECT_EQ(all[2].cores, 0.5);
}

// A server's cgroup, version 2, as its files say it.
struct CgroupTwo {
  CgroupTwo(const std::string& mounted, const std::string& membership) {
    add_server(tree);
    tree.file("/proc/self/mountinfo", "33 31 0:30 " + mounted + " /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree.file("/proc/100/cgroup", "0::" + membership + "\n");
  }
  CgroupTwo& level(const std::string& path, const std::string& cpu_max, int usage_seconds) {
    if (!cpu_max.empty()) tree.file("/sys/fs/cgroup" + path + "/cpu.max", cpu_max + "\n");
    tree.file("/sys/fs/cgroup" + path + "/cpu.stat", "usage_usec " + std::to_string(usage_seconds) + "000000\n");
    return *this;
  }
  std::optional<Cpu> read() const {
    const Answer answer = read_cpu(options(tree));
    for (const Cpu& c : rows(answer))
      if (c.source == "cgroup") return c;
    return std::nullopt;
  }
  Tree tree;
};

TEST(Cpu, CgroupNamespaceShowsTheContainerAsTheRoot) {
  auto c = CgroupTwo("/", "/").level("", "50000 100000", 7).read();
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 0.5);
  EXPECT_DOUBLE_EQ(c->used_seconds, 7);
  c = CgroupTwo("/", "/").level("", "max 100000", 7).read();  // no quota, and still not the whole machine
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 2);
  EXPECT_DOUBLE_EQ(c->used_seconds, 7);
  c = CgroupTwo("/", "/server").level("", "150000 100000", 9).level("/server", "max 100000", 7).read();
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 1.5);  // the container's quota binds its child too
  EXPECT_DOUBLE_EQ(c->used_seconds, 9);
  EXPECT_FALSE(CgroupTwo("/", "/").level("", "", 7).read()) << "the machine's root has no cpu.max";
}

TEST(Cpu, CgroupOfAContainerInTheHostsNamespace) {
  const auto c = CgroupTwo("/kubepods/pod1/abc", "/kubepods/pod1/abc").level("", "100000 100000", 7).read();
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 1);
  EXPECT_FALSE(CgroupTwo("/kubepods/pod1/abc", "/kubepods/pod1/abcd").level("", "100000 100000", 7).read());
  // A namespace entered without a mount of its own: where our cgroup lies there is not known.
  EXPECT_FALSE(CgroupTwo("/../..", "/").level("", "100000 100000", 7).read());
}

TEST(Cpu, CgroupsNestedTheTightestQuotaBinds) {
  auto c = CgroupTwo("/", "/a/b/c")
               .level("/a", "100000 100000", 30)
               .level("/a/b", "max 100000", 20)
               .level("/a/b/c", "150000 100000", 10)
               .read();
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 1);
  EXPECT_DOUBLE_EQ(c->used_seconds, 30);  // whoever shares the quota uses it up
  c = CgroupTwo("/", "/a/b").level("/a", "150000 100000", 30).level("/a/b", "30000 100000", 10).read();
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 0.3);
  EXPECT_DOUBLE_EQ(c->used_seconds, 10);
  c = CgroupTwo("/", "/a/b").level("/a", "100000 100000", 30).level("/a/b", "100000 100000", 10).read();
  ASSERT_TRUE(c);
  EXPECT_DOUBLE_EQ(c->used_seconds, 10) << "equal quotas: the nearest";
  c = CgroupTwo("/", "/a/b").level("/a", "max", 30).level("/a/b", "", 10).read();
  ASSERT_TRUE(c) << "the CPU controller is not switched on for the innermost";
  EXPECT_EQ(c->cores, 2);
  EXPECT_DOUBLE_EQ(c->used_seconds, 10);
  c = CgroupTwo("/", "/a").level("/a", "800000 100000", 10).read();
  ASSERT_TRUE(c);
  EXPECT_EQ(c->cores, 2) << "a quota beyond the machine is none";
}

TEST(Cpu, CgroupOne) {
  Tree t;
  add_server(t);
  t.file("/proc/self/mountinfo",
         "32 31 0:29 /docker/x /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n33 31 0:30 /docker/x "
         "/sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n");
  t.file("/proc/100/cgroup", "2:cpuacct:/docker/x\n1:cpu:/docker/x\n0::/\n");
  t.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n").file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  t.file("/sys/fs/cgroup/cpu/cpu.stat", "nr_periods 100\nnr_throttled 30\nthrottled_time 5\n");
  t.file("/sys/fs/cgroup/cpuacct/cpuacct.usage", "2500000000\n");
  t.file("/sys/fs/cgroup/cpuacct/cpuacct.stat", "user 200\nsystem 50\n");
  auto all = rows(read_cpu(options(t)));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].cores, 1.5);
  EXPECT_DOUBLE_EQ(all[1].used_seconds, 2.5);
  EXPECT_DOUBLE_EQ(all[1].user_seconds, 2);
  EXPECT_EQ(all[1].throttled_periods, 30);
  t.file("/proc/100/cgroup", "2:cpuacct:/docker/other\n1:cpu:/docker/other\n");  // not mounted here
  EXPECT_EQ(rows(read_cpu(options(t))).size(), 2U);
  t.file("/proc/100/cgroup", "2:cpuacct:/docker/x\n1:cpu:/docker/x\n");
  t.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
         "-1\n");  // the whole of what is mounted, no quota: says no more than the host
  EXPECT_EQ(rows(read_cpu(options(t))).size(), 2U);
}

TEST(Cpu, CgroupPathsCannotClimb) {
  Tree t;
  add_server(t);
  t.file("/proc/self/mountinfo", "33 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  t.file("/proc/100/cgroup", "0::/../outside\n");
  t.file("/sys/fs/outside/cpu.stat", "usage_usec 5000000\n").file("/sys/fs/outside/cpu.max", "50000 100000\n");
  EXPECT_EQ(rows(read_cpu(options(t))).size(), 2U);
}

TEST(Cpu, ThisMachine) {
  const Answer a = read_cpu({});
  const auto all = rows(a);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].cores, sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_GT(all[0].used_seconds, 0);
  double before = all[0].used_seconds;
  const auto end = clock() + CLOCKS_PER_SEC / 10;
  while (clock() < end) {
  }
  EXPECT_GE(rows(read_cpu({}))[0].used_seconds, before + 0.05);
}

TEST(Memory, HostAndTheLimitThatBinds) {
  Tree t;
  add_server(t);
  t.file(
      "/proc/meminfo",
      "MemTotal:       16777216 kB\nMemFree:         1000 kB\nMemAvailable:    8388608 kB\nSwapTotal:       2048 kB\n"
      "SwapFree:        1024 kB\n");
  t.file("/proc/vmstat", "pswpin 10\npswpout 20\noom_kill 3\n");
  auto all = rows_of<Memory>(read_memory(options(t)));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].total, 16LL << 30);
  EXPECT_EQ(all[0].available, 8LL << 30);
  EXPECT_EQ(all[0].swap_total - all[0].swap_free, 1024 * 1024);
  EXPECT_EQ(all[0].swapped_in, 10 * sysconf(_SC_PAGESIZE));
  EXPECT_EQ(all[0].oom_kills, 3);

  t.file("/proc/self/mountinfo", "33 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  t.file("/proc/100/cgroup", "0::/pod/server\n");
  t.file("/sys/fs/cgroup/pod/server/memory.max", "max\n");
  EXPECT_EQ(rows_of<Memory>(read_memory(options(t))).size(), 1U);  // no limit: the host's says it
  t.file("/sys/fs/cgroup/pod/memory.max", "4294967296\n").file("/sys/fs/cgroup/pod/memory.current", "4000000000\n");
  t.file("/sys/fs/cgroup/pod/memory.stat", "anon 3000000000\ninactive_file 500000000\nactive_file 200000000\n");
  t.file("/sys/fs/cgroup/pod/memory.events", "low 0\noom 2\noom_kill 1\n");
  all = rows_of<Memory>(read_memory(options(t)));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].source, "cgroup");
  EXPECT_EQ(all[1].total, 4LL << 30);
  EXPECT_EQ(all[1].available, (4LL << 30) - 4'000'000'000 + 700'000'000);
  EXPECT_EQ(all[1].oom_kills, 1);
}

TEST(Memory, CgroupOne) {
  Tree t;
  add_server(t);
  t.file("/proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n");
  t.file("/proc/self/mountinfo", "32 31 0:29 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  t.file("/proc/100/cgroup", "2:memory:/docker/x\n0::/\n");
  t.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(rows_of<Memory>(read_memory(options(t))).size(), 1U);  // as good as none
  t.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
  t.file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n");
  t.file("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100000\ntotal_active_file 0\n");
  t.file("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
  const auto all = rows_of<Memory>(read_memory(options(t)));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].available, 200'000);
  EXPECT_EQ(all[1].oom_kills, 7);
}

TEST(Memory, UnseenIsNoFigure) {
  Tree t;
  add_server(t);
  EXPECT_EQ(read_memory(options(t)).rows, nullptr);  // no /proc/meminfo
  auto o = options(t);
  o.local = false;
  EXPECT_EQ(read_memory(o).failures.at(0).sqlstate, "PGV04");
}

TEST(Disks, ADirectoryIsOnlyTheServersWhenSomethingProvesIt) {
  Tree t;
  add_server(t);
  fs::create_directories(t.root() + "/data/pg_wal");
  auto o = options(t);
  o.data_directory = "/data";
  o.start_time = 1000;
  auto all = rows_of<Disk>(read_disks(o));  // the fixture's process and directory are both ours
  ASSERT_EQ(all.size(), 1U);                // the WAL lies on the same file system
  EXPECT_EQ(all[0].source, "same owner");
  EXPECT_EQ(all[0].holds, "data directory");
  EXPECT_EQ(all[0].path, "/data");
  EXPECT_GT(all[0].available, 0);
  EXPECT_GE(all[0].total, all[0].available);

  o.backend_pid = 0;  // its processes are not visible
  EXPECT_EQ(read_disks(o).rows, nullptr);
  t.file("/data/postmaster.pid", "4711\n/data\n900\n5432\n");  // another server's, or an earlier one's
  EXPECT_EQ(read_disks(o).rows, nullptr);
  EXPECT_EQ(read_disks(o).failures.at(0).sqlstate, "PGV04");
  t.file("/data/postmaster.pid", "4711\n/data\n999\n5432\n");
  EXPECT_EQ(rows_of<Disk>(read_disks(o)).at(0).source, "postmaster.pid");

  o.data_directory = "";
  EXPECT_EQ(read_disks(o).failures.at(0).mend, "GRANT pg_monitor TO pgvigil;");
}

TEST(Sockets, TheKernelsTable) {
  const auto all = host::parse_sockets(
      "  sl  local_address rem_address   st\n"
      "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000\n"
      "   1: 0100007F:1538 0100007F:C001 08 00000000:00000000\n"
      "   2: 0000000000000000FFFF00000700000A:1538 0000000000000000FFFF00000900000A:C002 01 00000000:00000000\n"
      "   3: B80D0120000000000000000001000000:1538 B80D0120000000000000000002000000:C003 01 00000000:00000000\n"
      "   4: broken\n   5: 0100007F:1538 XX:YY 01\n");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].client, "127.0.0.1");
  EXPECT_EQ(all[0].port, 0xC001);
  EXPECT_TRUE(all[0].closed);
  EXPECT_EQ(all[1].client, "10.0.0.9");
  EXPECT_FALSE(all[1].closed);
  EXPECT_EQ(all[2].client, "2001:db8::2");
}

TEST(Sockets, GoneIsOnlySaidOfATableThatHoldsOurs) {
  Tree t;
  add_server(t);
  auto o = options(t);
  const std::vector<RunningStatement> running{{201, 5, "127.0.0.1", 0xC001}, {202, 6, "127.0.0.1", 0xC002}};
  EXPECT_TRUE(rows_of<ClientSocket>(read_client_sockets(o, {})).empty());
  EXPECT_EQ(read_client_sockets(o, running).failures.at(0).sqlstate, "PGV04");  // no table
  t.file("/proc/100/net/tcp", "   1: 0100007F:1538 0100007F:C001 08 0:0\n   2: 0100007F:1538 0100007F:C009 01 0:0\n");
  auto all = rows_of<ClientSocket>(read_client_sockets(o, running));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].pid, 201);
  EXPECT_EQ(all[0].state, "closed");
  o.client_port = 0xC009;
  all = rows_of<ClientSocket>(read_client_sockets(o, running));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].state, "gone");
}

TEST(Address, Local) {
  EXPECT_TRUE(is_local_address(""));
  EXPECT_TRUE(is_local_address("127.0.0.1"));
  EXPECT_TRUE(is_local_address("127.8.0.1"));
  EXPECT_TRUE(is_local_address("::1"));
  EXPECT_FALSE(is_local_address("192.0.2.1"));
  EXPECT_FALSE(is_local_address("2001:db8::1"));
  EXPECT_FALSE(is_local_address("db.example"));
}

}  // namespace
}  // namespace pgvigil
