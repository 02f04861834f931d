// The SQL of declared migrations: what is asked, and when no longer.
#include "checks/probes/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks/check.h"
#include "checks/migration_pace.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::Not;

const CheckSettings none;

Scenario declared() {
  Scenario s;
  s.context.migrations = {{"move", "app", "SELECT count(*) FROM docs_new -- so far", "1000"},
                          {"fill", "app", "SELECT count(note) FROM sales.orders", "SELECT count(*) FROM sales.orders"}};
  return s;
}

std::vector<Request> asked(const Scenario& s) {
  return migrations.about().plan(Input(s.history, s.context, none, s.at));
}

void fails(Scenario& s, double ago, std::vector<MigrationProgress> rows, std::vector<Failure> failures) {
  const Time at = after(s.at, -ago);
  s.history.add({at, {{std::string(migrations.id()), {at, migrations.rows(std::move(rows)), std::move(failures), 0}}}});
}

TEST(Migrations, TheOperatorsSqlIsOneColumnOfOurs) {
  const auto all = asked(declared());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].database, "app");
  EXPECT_EQ(all[0].search_path, "public");
  EXPECT_THAT(all[0].sql, HasSubstr("(SELECT count(*) FROM docs_new -- so far\n)::float8 as done"));
  EXPECT_THAT(all[0].sql, HasSubstr("(1000\n)::float8 as total"));
  EXPECT_THAT(all[0].sql, HasSubstr("public.docs_new"));
  EXPECT_THAT(all[1].sql, HasSubstr("sales.orders"));
}

TEST(Migrations, WhatTheServerRefusesIsNotPutToItAgainForAWhile) {
  Scenario s = declared();
  fails(s, 60, {{.database = "app", .name = "move", .done = 1, .total = 1000}},
        {{"app", "42P01", "relation \"sales.orders\" does not exist", ""}});
  auto all = asked(s);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0].sql, HasSubstr("docs_new -- so far"));
  EXPECT_THAT(all[1].sql, Not(HasSubstr("count(note)")));
  EXPECT_THAT(all[1].sql, HasSubstr("relation \"sales.orders\" does not exist"));
  // What stood in for it is no answer of the SQL.
  s.saw(30, migrations,
        {{.database = "app", .name = "move", .done = 2, .total = 1000},
         {.database = "app", .name = "fill", .problem = "relation \"sales.orders\" does not exist"}});
  EXPECT_THAT(asked(s)[1].sql, Not(HasSubstr("count(note)")));
  s.at = after(s.at, 600);
  EXPECT_THAT(asked(s)[1].sql, HasSubstr("count(note)"));
}

TEST(Migrations, EachIsToldItsOwnRefusal) {
  Scenario s = declared();
  fails(s, 60, {}, {{"app", "42P01", "relation \"docs_new\" does not exist", ""}, {"app", "57014", "too slow", ""}});
  const auto all = asked(s);
  EXPECT_THAT(all[0].sql, HasSubstr("docs_new\" does not exist"));
  EXPECT_THAT(all[1].sql, HasSubstr("too slow"));
}

TEST(Migrations, ALostConnectionIsNoRefusal) {
  Scenario s = declared();
  fails(s, 60, {}, {{"app", "PGV03", "not visited: the sweep took too long", ""}, {"app", "57P01", "ended", ""}});
  const auto all = asked(s);
  EXPECT_THAT(all[0].sql, HasSubstr("docs_new -- so far"));
  EXPECT_THAT(all[1].sql, HasSubstr("count(note)"));
}

TEST(Migrations, APaceIsToldFromWhereItWasCountedAnew) {
  Scenario s;
  const MigrationProgress now{.database = "app", .name = "move", .done = 300, .total = 1000};
  const auto at = [&](double done) {
    MigrationProgress m = now;
    m.done = done;
    return std::vector{m};
  };
  s.saw(180, migrations, at(900)).saw(120, migrations, at(100)).saw(60, migrations, at(300)).saw(0, migrations, {now});
  const MigrationPace p = pace(Input(s.history, s.context, none, s.at), now);
  EXPECT_TRUE(p.moved);
  EXPECT_EQ(p.still_since, after(s.at, -60));
  EXPECT_NEAR(p.before(), 200 / 60.0, 0.01);
  ASSERT_TRUE(p.left_seconds(now).has_value());
  EXPECT_NEAR(*p.left_seconds(now), 700 / (200 / 120.0), 0.5);
  EXPECT_TRUE(stands_still(now, p, 60));
  EXPECT_FALSE(stands_still(now, p, 61));
}

}  // namespace
}  // namespace pgvigil
