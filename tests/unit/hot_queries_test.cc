// One query is one entry, whichever of configuration, sessions and pg_stat_statements show it.
#include "checks/hot_queries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks/plans/budget.h"
#include "checks/plans/sql.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/plans.h"
#include "checks/probes/relation_places.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string look_up = "SELECT data FROM docs WHERE path = $1";

Session runs(std::int64_t pid, std::string id, std::string text, bool truncated = false) {
  Session s{.pid = pid, .database = "shop", .user = "app", .backend_type = "client backend", .state = "active"};
  s.query_id = std::move(id);
  s.query = std::move(text);
  s.query_age = 3;
  s.query_start = static_cast<double>(pid);
  s.truncated = truncated;
  return s;
}
StatementText text_of(std::string id, std::string text) {
  const std::string print = sql::normalise(text).fingerprint;
  return {.query_id = std::move(id), .database = "shop", .user = "app", .text = std::move(text), .fingerprint = print};
}
// Grew by so many seconds a second, in so many calls a second.
void grew(Scenario& s, const std::string& id, double rate, double calls = 10) {
  Statement then{.query_id = id, .database = "shop", .user = "app", .calls = 1000, .total_seconds = 500};
  Statement now = then;
  now.calls += static_cast<std::int64_t>(calls * 50);
  now.total_seconds += rate * 50;
  s.saw(55, statements, {then}).saw(5, statements, {now});
}
std::vector<HotEntry> hot(const Scenario& s) {
  static const CheckSettings defaults;
  const Input in(s.history, s.context, defaults, s.at);
  return hot_queries(in, load(in, 30));
}
std::vector<Request> planned(const AnyProbe& probe, const Scenario& s) {
  static const CheckSettings defaults;
  return probe.about().plan(Input(s.history, s.context, defaults, s.at));
}

TEST(HotQueries, OneEntryOfThreeSourcesWithIds) {
  Scenario s;
  for (int ago = 4; ago >= 0; --ago) s.saw(ago, activity, {runs(1, "42", look_up), runs(2, "42", look_up)});
  grew(s, "42", 1.2);
  s.saw(3, statement_texts, {text_of("42", look_up)});
  s.context.hot_queries = {{.name = "by path", .database = "shop", .sql = "select data from docs where path = 'a/b'"}};
  const auto all = hot(s);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].query_id, "config:by path");
  EXPECT_THAT(all[0].ids, ElementsAre("42"));
  EXPECT_DOUBLE_EQ(all[0].load.sessions, 2);  // not 3.2: the same time is seen twice
  EXPECT_DOUBLE_EQ(all[0].finishing, 1.2);
  EXPECT_DOUBLE_EQ(all[0].load.share, 1);
  EXPECT_THAT(all[0].load.pids, UnorderedElementsAre(1, 2));
  EXPECT_EQ(all[0].text, "select data from docs where path = 'a/b'");
  EXPECT_EQ(find_hot(all, "shop", "42"), &all[0]);
  EXPECT_EQ(find_hot(all, "other", "42"), nullptr);
  EXPECT_THAT(planned(plans, s), SizeIs(1));
}

// 13: sessions have fingerprints, pg_stat_statements has ids of its own.
TEST(HotQueries, OneEntryOfThreeSourcesWithoutIds) {
  Scenario s;
  const std::string id = "f" + sql::normalise(look_up).fingerprint;
  for (int ago = 4; ago >= 0; --ago) s.saw(ago, activity, {runs(1, id, look_up)});
  grew(s, "-77", 1.5);
  s.saw(3, statement_texts, {text_of("-77", "select data from docs where path=$1")});
  auto all = hot(s);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].query_id, id);
  EXPECT_THAT(all[0].ids, UnorderedElementsAre(id, "-77"));
  EXPECT_DOUBLE_EQ(all[0].load.sessions, 1.5);
  s.context.hot_queries = {{.name = "q", .database = "shop", .sql = look_up}};
  all = hot(s);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].query_id, "config:q");
  EXPECT_DOUBLE_EQ(all[0].load.sessions, 1.5);
}

TEST(HotQueries, ByLoadNotByCalls) {
  Scenario s;
  s.saw(55, statements,
        {{.query_id = "1", .database = "shop", .user = "app", .calls = 0, .total_seconds = 0},
         {.query_id = "2", .database = "shop", .user = "app", .calls = 0, .total_seconds = 0},
         {.query_id = "3", .database = "shop", .user = "app", .calls = 0, .total_seconds = 0}});
  s.saw(5, statements,
        {{.query_id = "1", .database = "shop", .user = "app", .calls = 100'000, .total_seconds = 10},
         {.query_id = "2", .database = "shop", .user = "app", .calls = 50, .total_seconds = 100},
         {.query_id = "3", .database = "shop", .user = "app", .calls = 1, .total_seconds = 5'000}});
  const auto all = hot(s);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].query_id, "2");
  EXPECT_DOUBLE_EQ(all[0].load.sessions, 2);
  EXPECT_EQ(all[1].query_id, "3");
  EXPECT_DOUBLE_EQ(all[1].load.sessions, 1);  // one execution of an hour and more ended: it was one session
  EXPECT_DOUBLE_EQ(all[2].load.sessions, 0.2);
}

TEST(HotQueries, ACutTextIsLookedUp) {
  const std::string whole = "SELECT a, b FROM docs WHERE id IN ($1, $2) AND kind = $3 ORDER BY b";
  const std::string cut = sql::normalise("SELECT a, b FROM docs WHERE id IN (11, 12, 13, 14").text;
  for (const std::string id : {"42", "f0123456789abcdef"}) {
    Scenario s;
    for (int ago = 4; ago >= 0; --ago) s.saw(ago, activity, {runs(1, id, cut, true)});
    ASSERT_THAT(hot(s), SizeIs(1));
    EXPECT_TRUE(hot(s)[0].cut);
    EXPECT_THAT(planned(plans, s), IsEmpty());
    const auto asked = planned(statement_texts, s);
    ASSERT_THAT(asked, SizeIs(1)) << id;
    EXPECT_EQ(asked[0].parameters[0], id == "42" ? "{42}" : "shop");
    s.saw(0, statement_texts, {text_of("42", whole), text_of("43", "SELECT a, c FROM docs WHERE id IN ($1)")});
    EXPECT_THAT(planned(statement_texts, s), IsEmpty());
    const auto all = hot(s);
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_FALSE(all[0].cut);
    EXPECT_EQ(all[0].text, whole);
    const auto requests = planned(plans, s);
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].text, whole);
    if (id == "42") continue;
    s.saw(0, statement_texts, {text_of("44", "SELECT a, b FROM docs WHERE id IN ($1, $2) LIMIT $3")});
    EXPECT_TRUE(hot(s)[0].cut) << "two queries begin so";
  }
}

TEST(HotQueries, TheConfigurationSaysHowToExplain) {
  Scenario s;
  s.saw(1, server, {Server{.version_num = 150'000, .database = "home"}});
  s.context.hot_queries = {{.name = "q",
                            .database = "",
                            .sql = "SELECT 1 FROM docs WHERE path = $1",
                            .user = "app",
                            .search_path = "a, b",
                            .parameters = {"x'; DROP TABLE docs; --"}}};
  const auto requests = planned(plans, s);
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].database, "home");
  EXPECT_EQ(requests[0].user, "app");
  EXPECT_EQ(requests[0].search_path, "a, b");
  EXPECT_THAT(requests[0].values, ElementsAre("x'; DROP TABLE docs; --"));
  EXPECT_THAT(planned(relation_places, s), IsEmpty());  // the path is given
}

RelationPlace place(std::string schema, std::int64_t read = 0, std::vector<std::int64_t> pids = {}) {
  return {.database = "shop",
          .schema = std::move(schema),
          .relation = "docs",
          .rows_read = read,
          .locked_by = std::move(pids)};
}

TEST(Places, ByNameByLockByActivity) {
  static const CheckSettings defaults;
  const auto of = [](const Scenario& s) {
    return places_of(Input(s.history, s.context, defaults, s.at), "shop", "SELECT * FROM docs", {7, 8});
  };
  EXPECT_THAT(of(Scenario()).others, IsEmpty());
  EXPECT_THAT(of(Scenario().saw(0, relation_places, {place("a")})).others, ElementsAre("a"));
  const auto locked = of(Scenario().saw(0, relation_places, {place("a", 900, {3}), place("b", 0, {8, 9})}));
  EXPECT_THAT(locked.schemas, ElementsAre("b"));
  EXPECT_FALSE(locked.guessed);
  const auto busy = of(Scenario()
                           .saw(60, relation_places, {place("a", 9'000'000), place("b", 100)})
                           .saw(0, relation_places, {place("a", 9'000'000), place("b", 50'100)}));
  EXPECT_THAT(busy.others, ElementsAre("b"));
  EXPECT_FALSE(busy.guessed);
  const auto either = of(Scenario().saw(0, relation_places, {place("a", 900), place("b", 800)}));
  EXPECT_TRUE(either.guessed);
  EXPECT_THAT(either.others, ElementsAre("a"));
  // What is in one schema now is not looked for where it was.
  EXPECT_THAT(
      of(Scenario().saw(60, relation_places, {place("a"), place("b")}).saw(0, relation_places, {place("b")})).others,
      ElementsAre("b"));
}

TEST(InnerStatements, OfFunctionsAndTriggers) {
  InnerStatement f{.query_id = "in:1.1", .query = "SELECT 1 FROM docs WHERE path = $1::text", .database = "shop"};
  f.function = "public.find", f.called_schema = "public", f.called = "find";
  f.least_arguments = 1, f.most_arguments = 2;
  InnerStatement t{.query_id = "in:2.1", .query = "SELECT 1 FROM customers WHERE mail = $1", .database = "shop"};
  t.function = "public.check_credit", t.called = "check_credit";
  t.trigger = "credit", t.on_schema = "public", t.on_table = "orders", t.events = {"insert"};
  InnerStatement k{.query_id = "key:1:2.1", .query = "SELECT 1 FROM public.lines x WHERE \"order\" = $1"};
  k.database = "shop", k.trigger = "of order", k.on_schema = "public", k.on_table = "orders";
  k.events = {"delete"}, k.referencing = "public.lines";
  Scenario s;
  InnerStatement u = k;
  u.query_id = "key:2:2.1", u.trigger = "of code", u.events = {"update"}, u.key_columns = {"code"};
  s.saw(1, called_functions, {f, t, k, u});
  static const CheckSettings defaults;
  const auto of = [&](const char* text, const char* database = "shop") {
    std::vector<std::string> all;
    for (const Inner& i : inner_statements(Input(s.history, s.context, defaults, s.at), database, text))
      all.push_back(i.where);
    return all;
  };
  EXPECT_THAT(of("SELECT find($1)"), ElementsAre("function public.find"));
  EXPECT_THAT(of("SELECT * FROM public.find($1, $2)"), ElementsAre("function public.find"));
  EXPECT_THAT(of("SELECT find()"), IsEmpty());
  EXPECT_THAT(of("SELECT other.find($1)"), IsEmpty());
  EXPECT_THAT(of("SELECT find($1)", "else"), IsEmpty());
  EXPECT_THAT(of("INSERT INTO orders VALUES ($1)"),
              ElementsAre("trigger credit on public.orders (function public.check_credit)"));
  const auto key = ElementsAre("foreign key \"of order\" of public.lines");
  EXPECT_THAT(of("DELETE FROM orders WHERE id = $1"), key);
  EXPECT_THAT(of("MERGE INTO orders o USING gone g ON g.id = o.id WHEN MATCHED THEN DELETE"), key);
  EXPECT_THAT(of("MERGE INTO orders o USING gone g ON g.id = o.id WHEN MATCHED THEN UPDATE SET state = 1"), IsEmpty());
  EXPECT_THAT(of("DELETE FROM customers"), IsEmpty());
  EXPECT_THAT(of("UPDATE orders SET state = $2 WHERE code = $1"), IsEmpty());
  EXPECT_THAT(of("UPDATE orders SET state = $2, code = $3 WHERE id = $1"),
              ElementsAre("foreign key \"of code\" of public.lines"));

  // A function whose body deletes: what that sets going is part of the query.
  InnerStatement w{.query_id = "in:3.1", .query = "DELETE FROM orders WHERE id = $1::bigint", .database = "shop"};
  w.function = "public.forget", w.called_schema = "public", w.called = "forget", w.least_arguments = 1;
  w.most_arguments = 1;
  s.saw(0, called_functions, {f, t, k, w});
  EXPECT_THAT(of("SELECT forget(7)"),
              ElementsAre("function public.forget", "foreign key \"of order\" of public.lines"));

  // Each is explained with its own text; one that pg_stat_statements shows by itself (track = all) is an entry already.
  for (int ago = 4; ago >= 0; --ago) s.saw(ago, activity, {runs(1, "42", "SELECT find($1)")});
  const auto requests = planned(plans, s);
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[1].query_id, "in:1.1");
  EXPECT_EQ(requests[1].text, f.query);
}

std::string plan(const std::string& root) { return R"([{"Plan":)" + root + "}]"; }

TEST(Budget, CountsWhatIsReadNotWhatIsKept) {
  const auto rows = [](const std::string& root) {
    return rows_read(parse_plan(plan(root)), {.table = [](const PlanNode&) { return 10'000.0; }});
  };
  const std::string scan =
      R"({"Node Type":"Seq Scan","Relation Name":"t","Schema":"s","Plan Rows":100,"Parent Relationship":"Outer"})";
  EXPECT_DOUBLE_EQ(rows(scan), 10'000);
  EXPECT_DOUBLE_EQ(rows(R"({"Node Type":"Limit","Plan Rows":10,"Plans":[)" + scan + "]}"), 1'000);
  EXPECT_DOUBLE_EQ(rows(R"({"Node Type":"Limit","Plan Rows":10,"Plans":[{"Node Type":"Sort","Plan Rows":100,
      "Parent Relationship":"Outer","Plans":[)" +
                        scan + "]}]}"),
                   10'000);
  const std::string by_index =
      R"({"Node Type":"Index Scan","Relation Name":"u","Schema":"s","Plan Rows":3,"Parent Relationship":"Inner"})";
  EXPECT_DOUBLE_EQ(rows(R"({"Node Type":"Nested Loop","Plan Rows":300,"Plans":[)" + scan + "," + by_index + "]}"),
                   10'300);
  EXPECT_DOUBLE_EQ(rows(R"({"Node Type":"Result","Plan Rows":1})"), 0);
}

}  // namespace
}  // namespace pgvigil
