// DB load from made-up samples, and the words figures are written in.
#include "checks/load.h"

#include <gtest/gtest.h>

#include "agent/core/evaluate.h"
#include "checks/probes/cpu.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"
#include "checks/probes/timeouts.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

Session running(std::int64_t pid, const char* query_id, double age, const char* wait = "") {
  Session s;
  s.pid = pid;
  s.database = "shop";
  s.user = "app";
  s.backend_type = "client backend";
  s.state = "active";
  s.query_id = query_id;
  s.query = std::string("SELECT ") + query_id;
  s.query_age = age;
  s.query_start = static_cast<double>(pid) - age;
  s.wait_event_type = wait;
  return s;
}

Session worker(std::int64_t pid, std::int64_t leader, const char* wait = "") {
  Session s = running(pid, "", 1, wait);
  s.backend_type = "parallel worker";
  s.leader_pid = leader;
  return s;
}

Load load_of(const Scenario& s, double seconds = 60) {
  const CheckSettings none;
  return load(Input(s.history, s.context, none, s.at), seconds);
}

TEST(Load, IsZeroWithoutSamples) {
  const Load l = load_of(Scenario());
  EXPECT_EQ(l.samples, 0U);
  EXPECT_EQ(l.active, 0);
  EXPECT_TRUE(l.queries.empty());
}

TEST(Load, AveragesOverSamplesAlsoThoseWithNobody) {
  Scenario s;
  s.saw(3, activity, {running(1, "a", 1), running(2, "b", 1, "Lock")});
  s.saw(2, activity, {}).saw(1, activity, {running(1, "a", 3)}).saw(0, activity, {});
  const Load l = load_of(s);
  EXPECT_EQ(l.samples, 4U);
  EXPECT_DOUBLE_EQ(l.seconds, 3);
  EXPECT_DOUBLE_EQ(l.active, 0.75);
  EXPECT_DOUBLE_EQ(l.by[static_cast<std::size_t>(Spends::cpu)], 0.5);
  EXPECT_DOUBLE_EQ(l.by[static_cast<std::size_t>(Spends::lock)], 0.25);
  ASSERT_EQ(l.queries.size(), 2U);
  EXPECT_EQ(l.queries[0].query_id, "a");
  EXPECT_NEAR(l.queries[0].share, 2.0 / 3, 1e-9);
  EXPECT_DOUBLE_EQ(l.queries[0].oldest_seconds, 3);
  EXPECT_TRUE(l.queries[0].pids.empty());  // nobody runs it now
}

TEST(Load, CountsWorkersWithTheirLeader) {
  Scenario s;
  s.saw(0, activity, {running(1, "a", 5), worker(2, 1), worker(3, 1, "IO"), running(4, "b", 1)});
  const Load l = load_of(s);
  EXPECT_DOUBLE_EQ(l.active, 4);
  EXPECT_DOUBLE_EQ(l.clients, 2);
  ASSERT_EQ(l.queries.size(), 2U);
  EXPECT_EQ(l.queries[0].query_id, "a");
  EXPECT_DOUBLE_EQ(l.queries[0].sessions, 3);
  EXPECT_EQ(l.queries[0].executions, 1);
  EXPECT_EQ(l.queries[0].pids, std::vector<std::int64_t>{1});
}

TEST(Load, TellsWhatWaitsForLocksFromWhatWorks) {
  Scenario s;
  s.saw(1, activity, {running(1, "a", 1), running(2, "a", 1, "Lock")}).saw(0, activity, {running(1, "a", 2)});
  const QueryLoad q = load_of(s).queries.front();
  EXPECT_DOUBLE_EQ(q.sessions, 1.5);
  EXPECT_DOUBLE_EQ(q.blocked, 0.5);
  EXPECT_DOUBLE_EQ(unblocked(q).sessions, 1);
  EXPECT_NEAR(unblocked(q).share, 2.0 / 3, 1e-9);
}

TEST(Load, CountsByTableWhoHoldsWhat) {
  const auto held = [](const char* table, std::int64_t sessions, std::int64_t rows) {
    RelationLock l;
    l.database = "shop", l.name = table, l.sessions = sessions, l.seq_rows_read = rows, l.pids = {7};
    return l;
  };
  Scenario s;
  s.saw(2, relation_locks, {held("public.small", 4, 10), held("public.large", 4, 1000)});
  s.saw(0, relation_locks, {held("public.large", 2, 5000), held("public.small", 2, 10)});
  const CheckSettings none;
  const auto tables = load_by_table(Input(s.history, s.context, none, s.at), 60);
  ASSERT_EQ(tables.size(), 2U);
  EXPECT_EQ(tables[0].name, "public.large");  // as many sessions, more rows read
  EXPECT_DOUBLE_EQ(tables[0].sessions, 3);
  EXPECT_DOUBLE_EQ(tables[0].rows_read, 2000);
  EXPECT_EQ(tables[0].pids, std::vector<std::int64_t>{7});
}

TEST(Load, TellsExecutionsOfOneSessionApart) {
  Scenario s;
  Session first = running(1, "a", 1), second = running(1, "a", 0.5);
  s.saw(1, activity, {first}).saw(0, activity, {second});
  EXPECT_EQ(load_of(s).queries.front().executions, 2);
}

TEST(Load, LeavesOutIdleSessionsBackgroundWorkAndOurselves) {
  Session idle = running(1, "a", 9), vacuum = running(2, "b", 9), own = running(3, "c", 9), hidden = running(4, "d", 9);
  idle.state = "idle in transaction";
  vacuum.backend_type = "autovacuum worker";
  own.application = "pgvigil";
  hidden.state = "";
  Scenario s;
  s.saw(0, activity, {idle, vacuum, own, hidden});
  EXPECT_EQ(load_of(s).active, 0);
}

TEST(Load, KeepsQueriesOfOtherUsersApartAndTextWhereThereIsNoId) {
  Session a = running(1, "", 1), b = running(2, "", 1);
  a.query = b.query = "SELECT 1";
  b.user = "other";
  Scenario s;
  s.saw(0, activity, {a, b});
  EXPECT_EQ(load_of(s).queries.size(), 2U);
}

TEST(Load, LongRunningLeavesOutShortStatementsWorkersClientsAndSleepers) {
  Scenario s;
  s.saw(0, activity,
        {running(1, "a", 5), running(2, "a", 0.5), worker(3, 1), running(4, "a", 5, "Client"),
         running(5, "a", 5, "Timeout"), running(6, "a", 5, "Lock")});
  const CheckSettings none;
  EXPECT_DOUBLE_EQ(long_running(Input(s.history, s.context, none, s.at), 60, 1), 2);
}

TEST(Load, VcpusComeFromTheConfigurationThenFromTheSmallestCapacitySeen) {
  Cpu host, cgroup;
  host.source = "host";
  host.cores = 8;
  cgroup.source = "cgroup";
  cgroup.cores = 2;
  Scenario s;
  s.saw(0, cpu, {host, cgroup});
  const CheckSettings none;
  const auto seen = [&] { return vcpus(Input(s.history, s.context, none, s.at)); };
  EXPECT_EQ(seen(), 2);
  s.context.vcpus = 16;
  EXPECT_EQ(seen(), 16);
  s.context.vcpus.reset();
  s.context.local = false;  // this host's cores are not the server's
  EXPECT_EQ(seen(), std::nullopt);
}

TEST(Blind, WhatIsHiddenIsNotRuledOut) {
  Scenario s;
  s.context.vcpus = 2;
  Server v;
  v.role = "the watcher";
  Session hidden;
  hidden.pid = 7;
  s.saw(0, server, {v}).saw(0, activity, {hidden}).saw(0, tables, {}).saw(0, timeouts, {});
  const CheckSettings none;
  for (const char* id : {"load_above_cores", "queries_timing_out", "seq_scan_hot_query"}) {
    const Result r = evaluate(*find_check(id), Input(s.history, s.context, none, s.at));
    ASSERT_TRUE(r.unknown) << id;
    EXPECT_EQ(r.unknown->sqlstate, "42501") << id;
    EXPECT_EQ(r.unknown->mend, "GRANT pg_monitor TO \"the watcher\";") << id;
    EXPECT_EQ(r.fine, "") << id;
  }
}

TEST(Words, Figures) {
  using namespace words;
  EXPECT_EQ(bytes(0), "0 bytes");
  EXPECT_EQ(bytes(1023.9), "1 kB");
  EXPECT_EQ(bytes(5.5 * (1 << 30)), "5.5 GB");
  EXPECT_EQ(bytes(261.0 * (1 << 30)), "261 GB");
  EXPECT_EQ(bytes(64 << 20), "64 MB");
  EXPECT_EQ(bytes_rate(50 << 20), "50 MB/s");
  EXPECT_EQ(rate(1'900'000, "rows"), "1.9 M rows/s");
  EXPECT_EQ(rate(0.25, ""), "0.2/s");
  EXPECT_EQ(count(4711), "4,711");
  EXPECT_EQ(count(999'999), "1 M");
  EXPECT_EQ(count(1'200'000'000), "1.2 bn");
  EXPECT_EQ(share(0.88), "88 %");
  EXPECT_EQ(share(0.004), "0.4 %");
  EXPECT_EQ(counted(1, "session"), "1 session");
  EXPECT_EQ(counted(12, "session"), "12 sessions");
  EXPECT_EQ(number(2), "2");
}

TEST(Words, Durations) {
  using words::duration;
  EXPECT_EQ(duration(0.02), "20 ms");
  EXPECT_EQ(duration(0.4), "0.4 s");
  EXPECT_EQ(duration(10), "10 s");
  EXPECT_EQ(duration(119.9), "2 min");
  EXPECT_EQ(duration(12 * 60), "12 min");
  EXPECT_EQ(duration(3600), "1 h");
  EXPECT_EQ(duration(80 * 60), "1 h 20 min");
  EXPECT_EQ(duration(3 * 86400), "3 days");
  EXPECT_EQ(duration(-1), "0 ms");
}

TEST(Words, TextOfUnknownOrigin) {
  using namespace words;
  EXPECT_EQ(one_line(" a\n\tb\x01 c "), "a b c");
  EXPECT_EQ(one_line("äöü", 3), "ä...");
  EXPECT_EQ(literal("it's"), "'it''s'");
  EXPECT_EQ(literal("a\\'b"), "E'a\\\\''b'");
  EXPECT_EQ(list({"a", "b", "c"}, 3), "a, b and c");
  EXPECT_EQ(list({"a", "b", "c"}, 1), "a and 2 more");
  EXPECT_EQ(list({}, 3), "");
}

}  // namespace
}  // namespace pgvigil
