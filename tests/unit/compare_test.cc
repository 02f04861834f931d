#include "agent/core/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks/load.h"
#include "checks/probes/extensions.h"
#include "checks/probes/indexes.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"

namespace pgvigil {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Table table(const std::string& name, std::int64_t oid, std::int64_t bytes = 1 << 30) {
  Table t;
  t.database = "shop", t.schema = "public", t.relation = name, t.name = "public." + name, t.kind = "r", t.oid = oid;
  t.heap_bytes = bytes;
  t.usable_indexes = 1;
  return t;
}
Index index(const std::string& name, const std::string& of) {
  Index i;
  i.database = "shop", i.name = "public." + name, i.table = "public." + of, i.columns = {"path"};
  return i;
}
Server settings(std::int64_t work_mem) {
  Server s;
  s.version = "15.20", s.version_num = 150'020, s.work_mem = work_mem, s.start_time = 1000, s.max_connections = 100;
  return s;
}
void sessions(Scenario& s, const std::string& id, int n) {
  for (int ago = 50; ago >= 0; ago -= 5) {
    std::vector<Session> all;
    for (int i = 0; i < n; ++i) {
      Session one;
      one.pid = i + 1;
      one.database = "shop", one.user = "app", one.backend_type = "client backend", one.state = "active";
      one.query_id = id, one.query = "SELECT " + id;
      all.push_back(one);
    }
    s.saw(ago, activity, all);
  }
}

Changes between(const Scenario& a, const Scenario& b) {
  return compare({&a.history, &a.context, a.at, {}}, {&b.history, &b.context, b.at, {}});
}
std::vector<std::string> sentences(const Changes& c) {
  std::vector<std::string> all;
  for (const Change& one : c.all) all.push_back(one.kind + ": " + one.sentence);
  return all;
}

Scenario then() {
  Scenario s;
  s.saw(30, server, {settings(4 << 20)}).saw(30, tables, {table("docs", 100), table("users", 200)});
  s.saw(30, indexes, {index("docs_path_idx", "docs"), index("users_path_idx", "users")});
  s.saw(30, extensions, {{"shop", "hypopg", "1.3", "public"}});
  sessions(s, "1", 1);
  return s;
}

TEST(Compare, TheSameHasNoChanges) { EXPECT_THAT(sentences(between(then(), then())), IsEmpty()); }

TEST(Compare, WhatCameAndWent) {
  Scenario now;
  now.saw(30, server, {settings(64 << 20)});
  now.saw(30, tables, {table("docs", 100, std::int64_t{3} << 30), table("copies", 900)});
  now.saw(30, indexes, {index("docs_new_idx", "docs")});
  now.saw(30, extensions, {{"shop", "hypopg", "1.4", "public"}});
  sessions(now, "2", 6);
  const auto said = sentences(between(then(), now));
  EXPECT_THAT(said, Contains(HasSubstr("gone: index public.docs_path_idx in shop is gone")));
  EXPECT_THAT(said, Contains(HasSubstr("gone: table public.users in shop is gone")));
  EXPECT_THAT(said, Contains(HasSubstr("appeared: table public.copies in shop appeared")));
  EXPECT_THAT(said, Contains(HasSubstr("appeared: index public.docs_new_idx")));
  EXPECT_THAT(said, Contains(HasSubstr("grew: table public.docs in shop is ")));
  EXPECT_THAT(said, Contains("changed: work_mem is 67108864, it was 4194304"));
  EXPECT_THAT(said, Contains("changed: extension hypopg in shop is 1.4, it was 1.3"));
  EXPECT_THAT(said, Contains("load: 6.0 sessions are active on average, 1.0 then"));
  EXPECT_THAT(said, Contains(HasSubstr("SELECT 2 (app in shop) is new in the load: 6.0 sessions")));
  EXPECT_THAT(said, Contains(HasSubstr("SELECT 1 (app in shop) is gone from the load")));
  EXPECT_THAT(said, Not(Contains(HasSubstr("users_path_idx")))) << "it went with its table";
  EXPECT_THAT(said.front(), HasSubstr("gone: "));
}

TEST(Compare, NotSeenIsNotGone) {
  Scenario now;
  now.failed(10, tables, {.database = "shop", .message = "no second connection"});
  now.saw(10, server, {settings(4 << 20)});
  sessions(now, "1", 1);
  const Changes c = between(then(), now);
  EXPECT_THAT(c.all, IsEmpty());
  EXPECT_THAT(c.unknown, Contains(AllOf(HasSubstr("not seen now"), HasSubstr("Indexes"))));
}

TEST(Compare, ATableThatOnlyGrewIntoSightIsNotNew) {
  Scenario now = then();
  now.saw(1, tables, {table("docs", 100), table("users", 200), table("grown", 50)});
  EXPECT_THAT(sentences(between(then(), now)), ElementsAre(HasSubstr("grew: table public.grown in shop was small")));
}

TEST(Compare, TheLoadIsToldFromMinutesWhereTheSamplesAreGone) {
  Scenario now;
  sessions(now, "2", 6);
  Minute m;
  m.at = after(now.at, -7200);
  m.active = 1;
  m.queries = {{"2", "SELECT 2", "shop", "app", 1}};
  const History nothing;
  const Changes c = compare({&nothing, &now.context, m.at, {m}}, {&now.history, &now.context, now.at, {}});
  EXPECT_THAT(sentences(c), Contains(HasSubstr("SELECT 2 (app in shop) takes 6.0 sessions, 1.0 then")));
  EXPECT_THAT(c.unknown, Contains(HasSubstr("not seen then")));
}

TEST(Compare, ARateIsNotMadeAcrossAGap) {
  Scenario s;
  Table t = table("docs", 100);
  t.seq_rows_read = 1000;
  s.saw(600, tables, {t});
  t.seq_rows_read = 601'000;
  s.saw(0, tables, {t});
  const CheckSettings none;
  const Input in(s.history, s.context, none, s.at);
  EXPECT_FALSE(in.rate(tables, in.now(tables).front(), &Table::seq_rows_read)) << "nobody looked for ten minutes";
  s.saw(60, tables, {t});
  EXPECT_EQ(in.rate(tables, in.now(tables).front(), &Table::seq_rows_read), 0);
}

}  // namespace
}  // namespace pgvigil
