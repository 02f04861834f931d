// Probes of texts on a real server: statements, functions, what deletes set going.
#include <gmock/gmock.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "tests/contract/probes_fixture.h"

namespace pgvigil {
namespace {

using test::ask;
using test::ask_sheet;
using test::Client;
using test::database;
using test::find;
using test::Probes;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Bodies come as they are; the agent takes them apart before a row is made of them.
TEST_P(Probes, FunctionsThatAreCalled) {
  const Client app("app", database);
  app.run(R"(
    create or replace function "Shop".inner_one(n int) returns bigint language sql as 'select count(*) from "Shop".late where id = n';
    create or replace function "Shop".outer_one(n int, m int default 1) returns bigint language plpgsql set search_path = "Shop" as
      $f$ begin return inner_one(n); end $f$;
    create or replace function "Shop".fired() returns trigger language plpgsql as $f$ begin return new; end $f$;
    drop trigger if exists t on "Shop".tiny;
    create trigger t after insert or delete on "Shop".tiny for each row execute function "Shop".fired())");
  const auto all =
      ask(us, called_functions,
          {.parameters = {"{\"\",\"\"}", "{outer_one,count}", "{Shop}", "{tiny}", "{}", "{}", "{}", "{}", "{}"}});
  ASSERT_EQ(all.size(), 3U);
  const auto& outer = find(all, &InnerStatement::function, std::string("\"Shop\".outer_one"));
  EXPECT_EQ(outer.called, "outer_one");
  EXPECT_EQ(outer.called_schema, "Shop");
  EXPECT_EQ(outer.least_arguments, 1);
  EXPECT_EQ(outer.most_arguments, 2);
  EXPECT_EQ(outer.search_path, "\"Shop\"");
  EXPECT_EQ(find(all, &InnerStatement::function, std::string("\"Shop\".inner_one")).called, "outer_one");
  const auto& fired = find(all, &InnerStatement::trigger, std::string("t"));
  EXPECT_EQ(fired.on_table, "tiny");
  EXPECT_THAT(fired.events, ElementsAre("insert", "delete"));
  app.run(R"(drop trigger t on "Shop".tiny; drop function "Shop".fired, "Shop".outer_one, "Shop".inner_one)");
  // The body of a function made of SQL is printed only while that cannot wait.
  if (us.version() < 140000) return;
  app.run(
      R"(create function "Shop".atomic(n int) returns bigint language sql begin atomic select count(*) from "Shop".tiny; end)");
  const Request request{.parameters = {"{Shop}", "{atomic}", "{}", "{}", "{}", "{}", "{}", "{}", "{}"}};
  const auto body = [&] {
    const Sheet sheet = ask_sheet(us, called_functions, request);
    const auto at = std::find(sheet.columns.begin(), sheet.columns.end(), "body") - sheet.columns.begin();
    return sheet.rows.at(0).at(static_cast<std::size_t>(at)).value_or("");
  };
  EXPECT_THAT(body(), HasSubstr("tiny"));
  {
    const Client holder("", database, "holder");
    holder.run(R"(begin; lock table "Shop".tiny in access exclusive mode)");
    EXPECT_EQ(body(), "");
  }
  app.run(R"(drop function "Shop".atomic)");
}

// What deletes set going: the look-ups of foreign keys that no index serves, along a chain of cascades.
TEST_P(Probes, ForeignKeysThatDeletesFire) {
  const Client app("app", database);
  app.run(R"(
    create table "Shop"."ord ers" (id bigint primary key, region int, unique (id, region));
    create table "Shop".lines (id int primary key, "order" bigint, region int,
      constraint "of order" foreign key ("order", region) references "Shop"."ord ers" (id, region) on delete cascade);
    create table "Shop".served (id int primary key, o bigint references "Shop"."ord ers");
    create index on "Shop".served (o);
    create table "Shop".notes (line int references "Shop".lines on delete set null);
    create table "Shop".marks (note int references "Shop".served))");
  const auto all = ask(us, called_functions,
                       {.parameters = {"{}", "{}", "{}", "{}", "{\"\",\"\"}", "{ord ers,tiny}", "{}", "{}", "{}"}});
  ASSERT_EQ(all.size(), 2U);  // marks: rows of served are not deleted
  const auto& lines = find(all, &InnerStatement::referencing, std::string("\"Shop\".lines"));
  EXPECT_EQ(lines.trigger, "of order");
  EXPECT_EQ(lines.on_table, "ord ers");
  EXPECT_THAT(lines.events, ElementsAre("delete"));
  EXPECT_EQ(find(all, &InnerStatement::referencing, std::string("\"Shop\".notes")).on_table, "ord ers");
  const Sheet sheet = ask_sheet(us, called_functions,
                                {.parameters = {"{}", "{}", "{}", "{}", "{Shop}", "{ord ers}", "{}", "{}", "{}"}});
  const auto at = std::find(sheet.columns.begin(), sheet.columns.end(), "body") - sheet.columns.begin();
  EXPECT_THAT(sheet.rows.at(0).at(static_cast<std::size_t>(at)).value_or(""),
              HasSubstr("WHERE \"order\" = $1 AND region = $2"));
  // An update does so where it sets a column of the key, and further where that change is handed on.
  app.run(R"(
    alter table "Shop".lines drop constraint "of order", add constraint "of order"
      foreign key ("order", region) references "Shop"."ord ers" (id, region) on update cascade;
    alter table "Shop".lines add unique ("order");
    create table "Shop".stamps ("order" bigint references "Shop".lines ("order")))");
  const auto updated = [&](const char* column) {
    return ask(us, called_functions,
               {.parameters = {"{}", "{}", "{}", "{}", "{}", "{}", "{Shop}", "{ord ers}", column}});
  };
  const auto by_region = updated("{region}");
  ASSERT_EQ(by_region.size(), 2U);
  EXPECT_THAT(by_region[0].events, ElementsAre("update"));
  EXPECT_THAT(by_region[0].key_columns, ElementsAre("id", "region"));
  EXPECT_THAT(updated("{note}"), IsEmpty());
  app.run(R"(drop table "Shop".stamps)");
  app.run(R"(drop table "Shop".marks, "Shop".notes, "Shop".served, "Shop".lines, "Shop"."ord ers")");
}

TEST_P(Probes, StatementsAndTheirTexts) {
  const Client app("app", database, "app");
  for (int i = 0; i < 3; ++i)
    app.run(R"(select count(*) as probe_me from "Shop".indexed, pg_sleep(0.05) where note = 'secret')");
  app.run("select 'long' /* " + std::string(70000, 'q') + " */ as probe_long");
  const auto texts_of = [&](const std::vector<Statement>& all) {
    std::vector<std::string> ids;
    // One answer holds 90 texts: of our own role and this database, which are few.
    for (const Statement& s : all)
      if (s.user == "app" && s.database == database) ids.push_back(s.query_id);
    std::string list;
    for (const auto& id : ids) list += (list.empty() ? "" : ",") + id;
    return ask(us, statement_texts, {.parameters = {"{" + list + "}"}});
  };
  const auto all = ask(us, statements);
  const auto queries = texts_of(all);
  const auto text = std::find_if(queries.begin(), queries.end(),
                                 [](const auto& t) { return t.text.find("probe_me") != std::string::npos; });
  ASSERT_NE(text, queries.end());
  EXPECT_THAT(text->text, AllOf(HasSubstr("$1"), Not(HasSubstr("secret"))));
  EXPECT_EQ(text->user, "app");
  const Statement& s = find(all, &Statement::query_id, text->query_id);
  EXPECT_GE(s.calls, 3);
  EXPECT_GT(s.total_seconds, 0);
  EXPECT_EQ(s.database, database);
  for (const StatementText& t : queries) EXPECT_LE(t.text.size(), 4U * 65536);
}

// On 13 sessions have no id: a whole text is found by how it begins.
TEST_P(Probes, StatementTextsByTheirBeginning) {
  const Client app("app", database);
  app.run(R"(select count(*) from "Shop".tiny where id in (1, 2, 3) and id <> 4)");
  const auto requests = [] {
    Scenario past;
    Session cut{.pid = 1, .database = database, .user = "app", .backend_type = "client backend", .state = "active"};
    cut.query_id = "f0123456789abcdef";
    cut.query = R"(select count(*) from "Shop".tiny where id in (?, ?, ?, ?, ?)";
    cut.truncated = true;
    for (int ago = 3; ago >= 0; --ago) past.saw(ago, activity, {cut});
    static const CheckSettings defaults;
    return statement_texts.about().plan(Input(past.history, past.context, defaults, past.at));
  }();
  ASSERT_EQ(requests.size(), 1U);
  const auto found = ask(us, statement_texts, requests[0]);
  EXPECT_THAT(found, Contains(Field(&StatementText::text,
                                    HasSubstr(us.version() >= 180000 ? "id in ($1 /*" : "id in ($1, $2, $3)"))));
  EXPECT_THAT(found, Each(Field(&StatementText::database, database)));
}

}  // namespace
}  // namespace pgvigil
