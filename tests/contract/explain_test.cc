// EXPLAIN of texts that others wrote: plans where there is one, no effect whatever the text holds.
#include "agent/pg/explain.h"

#include "agent/pg/target.h"
#include "checks/probes/hypothetical_plans.h"
#include "checks/probes/plans.h"
#include "tests/contract/pg_fixture.h"

namespace pgvigil {
namespace {

using test::Admin;

// An ordinary monitoring role looks at a database in which another ordinary role is hostile.
class ExplainTest : public testing::Test {
 protected:
  void SetUp() override {
    Admin admin;
    drop(admin);
    admin.run("create role vigil_reader login; create role vigil_hostile login; grant pg_monitor to vigil_reader");
    admin.run("create database vigil_explain owner vigil_hostile");
    Admin db("dbname=vigil_explain");
    db.run(
        "set role vigil_hostile; create schema app; grant usage on schema app to public; grant create on schema public "
        "to public");
    db.run(
        "set role vigil_hostile; create table app.orders (id bigint primary key, customer bigint, state text, secret "
        "text)");
    db.run("insert into app.orders select i, i % 100, 'done', 'x' from generate_series(1, 5000) i; analyze app.orders");
    db.run("create table app.events (at date not null, v int) partition by range (at)");
    db.run("create table app.events_1 partition of app.events for values from ('2026-01-01') to ('2026-02-01')");
    db.run("create table app.events_2 partition of app.events for values from ('2026-02-01') to ('2026-03-01')");
    db.run("create table app.loot (v text); grant insert, select on app.loot to public");
    db.run("grant select on app.orders, app.events to vigil_reader");
    options.conninfo =
        test::conninfo(test::environment("PGVIGIL_TEST_DSN") + " dbname=vigil_explain user=vigil_reader");
    options.databases = {"vigil_explain"};
  }
  void TearDown() override {
    if (target) test::run(loop, target->close());
    target.reset();
    Admin admin;
    drop(admin);
  }
  static void drop(Admin& admin) {
    admin.run("drop database if exists vigil_explain", true);
    admin.run("drop role if exists vigil_reader", true);
    admin.run("drop role if exists vigil_hostile", true);
  }
  // Planning runs what says it is immutable, and that may call what is not.
  static void evil_functions() {
    Admin db("dbname=vigil_explain");
    const auto function = [&](const std::string& head, const std::string& body) {
      db.run("set role vigil_hostile; create function app." + head + " language plpgsql as $f$ begin " + body +
             " return 'x'; end $f$");
    };
    const std::string settle = "perform set_config('statement_timeout', '0', false); perform app.settle(); ";
    function("settle() returns text volatile",
             "perform pg_advisory_lock(4711), set_config('enable_seqscan', 'off', false); "
             "execute 'listen vigil_evil'; execute 'declare vigil_evil cursor with hold for select 1';");
    function("write() returns text volatile", "insert into app.loot values ('planted');");
    function("evil() returns text immutable", settle + "perform app.write();");
    function("quiet() returns text immutable", settle);
  }

  std::vector<Plan> explain(std::vector<std::string> texts, const std::string& user = "") {
    if (!target) target = std::make_unique<Target>(loop.get_executor(), options);
    std::vector<Request> requests;
    for (const std::string& text : texts) {
      Request r;
      r.database = "vigil_explain";
      r.query_id = std::to_string(std::hash<std::string>()(text));
      r.text = text;
      r.user = user;
      requests.push_back(r);
    }
    std::vector<std::pair<const AnyProbe*, std::vector<Request>>> all{{&plans, requests}};
    last = test::run(loop, target->wave(all));
    const Answer& a = test::answer(last, "plans");
    if (!a.rows) throw std::runtime_error(a.failures.at(0).message);
    return static_cast<const RowsOf<Plan>&>(*a.rows).rows;
  }

  Plan wave(const Request& request) {
    if (!target) target = std::make_unique<Target>(loop.get_executor(), options);
    std::vector<Request> requests{request};
    std::vector<std::pair<const AnyProbe*, std::vector<Request>>> all{{&plans, requests}};
    last = test::run(loop, target->wave(all));
    return static_cast<const RowsOf<Plan>&>(*test::answer(last, "plans").rows).rows.at(0);
  }

  boost::asio::io_context loop;
  TargetOptions options;
  std::unique_ptr<Target> target;
  Observation last;
};

TEST_F(ExplainTest, ParametersLiteralsAndPartitions) {
  const auto p = explain({"select * from app.orders where customer = $1 and state = $2",
                          "select * from app.orders where customer = 7 and secret = 'c4nary'",
                          "select * from app.events where at = $1", "select * from app.events where at = '2026-01-15'",
                          "select concat($1, id) from app.orders where id = $2",
                          "select * from app.orders where id = any ($1) for share",
                          "with w as (select * from app.orders) select count(*) from w"});
  ASSERT_EQ(p.size(), 7U);
  for (std::size_t i : {0U, 1U, 2U, 3U, 4U, 6U}) EXPECT_FALSE(p[i].json.empty()) << i << p[i].sqlstate << p[i].error;
  EXPECT_NE(p[0].json.find("Seq Scan"), std::string::npos);
  EXPECT_NE(p[0].json.find("customer"), std::string::npos);  // no One-Time Filter: false
  EXPECT_EQ(p[0].source, "generic");
  EXPECT_EQ(p[1].source, "literals");
  EXPECT_EQ(p[1].json.find("c4nary"), std::string::npos) << p[1].json;
  EXPECT_EQ(p[1].query.find("c4nary"), std::string::npos) << p[1].query;
  EXPECT_NE(p[2].json.find("events_1"), std::string::npos);  // a generic plan shows every partition
  EXPECT_NE(p[2].json.find("events_2"), std::string::npos);
  EXPECT_NE(p[3].json.find("events_1"), std::string::npos);
  EXPECT_EQ(p[3].json.find("events_2"), std::string::npos);
  EXPECT_NE(p[5].json.find("orders_pkey"), std::string::npos) << p[5].error;  // row locks need more than SELECT
  EXPECT_EQ(p[5].rewritten, "its reading part");
}

TEST_F(ExplainTest, WritesAreExplainedByWhatTheyRead) {
  const auto p =
      explain({"update app.orders set state = $1 where customer = $2", "delete from app.orders where secret = 'x'",
               "insert into app.orders (id, customer) select id + $1, $2 from app.orders where state = $3",
               "insert into app.orders values ($1, $2, $3, $4)",
               "with gone as (delete from app.orders where customer = $1 returning id) select count(*) from gone"});
  ASSERT_EQ(p.size(), 5U);
  for (const Plan& one : p) {
    EXPECT_FALSE(one.json.empty()) << one.query << ": " << one.error;
    EXPECT_EQ(one.rewritten, "its reading part") << one.query;
  }
  EXPECT_NE(p[0].json.find("customer = $2"), std::string::npos) << p[0].json;
  EXPECT_EQ(p[1].source, "literals");
  EXPECT_NE(p[4].json.find("Seq Scan"), std::string::npos);
}

// What worked once is sent at once the next time: the server's log need not see the same errors again.
TEST_F(ExplainTest, ARepairedTextIsRefusedOnlyOnce) {
  const std::vector<std::string> broken{
      "select interval $1, extract($2 from now()) from app.orders where id = $3",
      "select state, $1 - $2 from app.orders where id % $3 = $4 and concat($5, state) = $6"};
  const auto refusals = [&] { return target->cost().statements; };
  for (const Plan& p : explain(broken)) {
    EXPECT_FALSE(p.json.empty()) << p.error;
    EXPECT_FALSE(p.rewritten.empty());
  }
  const auto first = refusals();
  for (const Plan& p : explain(broken)) EXPECT_FALSE(p.json.empty()) << p.error;
  const auto second = refusals() - first;
  for (const Plan& p : explain(broken)) EXPECT_FALSE(p.json.empty()) << p.error;
  EXPECT_EQ(refusals() - first - second, second);
  EXPECT_LT(second, first) << "the first time there were refusals in between";
  EXPECT_EQ(target->cost().explains, 6);
  EXPECT_TRUE(target->cost().explain_failures.empty());
  explain({"select * from app.nowhere"});
  EXPECT_EQ(target->cost().explain_failures.at("object_not_visible"), 1);
}

TEST_F(ExplainTest, AnImaginedIndexLeavesNothingBehind) {
  Admin db("dbname=vigil_explain");
  const bool there = db.run("select count(*) from pg_available_extensions where name = 'hypopg'") == "1";
  if (there) db.run("create extension hypopg");
  const char* text = "select secret from app.orders where customer = $1 and state = $2";
  explain({text});
  Request request;
  request.database = "vigil_explain";
  request.query_id = "imagined";
  request.text = text;
  request.parameters = {"CREATE INDEX ON app.orders (customer, state)"};
  std::vector<Request> requests{request};
  std::vector<std::pair<const AnyProbe*, std::vector<Request>>> all{{&hypothetical_plans, requests}};
  const Observation o = test::run(loop, target->wave(all));
  const auto rows = static_cast<const RowsOf<Plan>&>(*test::answer(o, "hypothetical_plans").rows).rows;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(!rows[0].json.empty(), there) << rows[0].error;
  EXPECT_EQ(rows[0].json.find("btree_app_orders_customer_state") != std::string::npos, there) << rows[0].json;
  const auto after = explain({text});
  EXPECT_NE(after[0].json.find("Seq Scan"), std::string::npos) << after[0].json;
}

TEST_F(ExplainTest, UsesTheSearchPathOfTheQuerysRole) {
  Admin().run("alter role vigil_hostile in database vigil_explain set search_path = app, \"$user\"");
  EXPECT_FALSE(explain({"select * from orders where id = $1"}, "vigil_hostile")[0].json.empty());
  const auto other = explain({"select * from orders where id = $1 and true"});
  EXPECT_EQ(other[0].sqlstate, "42P01") << other[0].json;
  EXPECT_NE(other[0].error.find("orders"), std::string::npos);
}

// A plan is what the query's own session would get, and what the planner is told there is part of it.
TEST_F(ExplainTest, UsesThePlannersSettingsOfTheQuerysRole) {
  Admin admin;
  const char* text = "select * from app.orders where id = $1 and state = 'settings'";
  EXPECT_NE(explain({text})[0].json.find("Index Scan"), std::string::npos);
  for (const char* setting : {"enable_indexscan", "enable_bitmapscan"})
    admin.run("alter role vigil_hostile set " + std::string(setting) + " = off");
  admin.run("alter role vigil_hostile in database vigil_explain set cpu_tuple_cost = 0.5");
  admin.run("alter role vigil_hostile set statement_timeout = '1ms'");
  const auto p = explain({text}, "vigil_hostile")[0];
  admin.run("alter role vigil_hostile reset all");
  admin.run("alter role vigil_hostile in database vigil_explain reset cpu_tuple_cost");
  EXPECT_NE(p.json.find("Seq Scan"), std::string::npos) << p.error << p.json;
  for (const char* said : {"\"enable_indexscan\":\"off\"", "\"cpu_tuple_cost\":\"0.5\""})
    EXPECT_NE(p.json.find(said), std::string::npos) << p.json;
}

// What a row security policy asks of the application's session: planning runs it for its estimate.
TEST_F(ExplainTest, SettingsOfTheApplicationsOwnAreStoodInFor) {
  const std::vector<std::string> texts{
      "select * from app.orders where customer = current_setting('shop.customer')::int and state = $1",
      "select * from app.orders where state = current_setting('shop.a.b') and secret = current_setting('shop.user')",
      "select * from app.orders where id = $1 and state = (current_setting('shop.tenant')::uuid)::text"};
  for (const Plan& p : explain(texts)) {
    EXPECT_FALSE(p.json.empty()) << p.query << ": " << p.error;
    EXPECT_NE(p.rewritten.find("shop."), std::string::npos) << p.rewritten;
  }
  const auto first = target->cost().statements;
  explain(texts);
  const auto second = target->cost().statements - first;
  explain(texts);
  EXPECT_EQ(target->cost().statements - first - second, second);
  const auto gone =
      explain({"select current_setting('shop.customer') from app.orders where id = $1 and now() is null"});
  EXPECT_EQ(gone[0].rewritten.find("shop."), std::string::npos) << "no estimate needs it";
  EXPECT_EQ(explain({"select * from app.orders where customer = current_setting('no_such_setting')::int"})[0].sqlstate,
            "42704");
}

// The operator's sample values stand for $1..$n: as literals, whatever they hold.
TEST_F(ExplainTest, SampleValuesArePlannedAndCannotEscape) {
  Admin db("dbname=vigil_explain");
  db.run("create index on app.orders (state) where state = 'open'");
  const auto with = [&](std::string text, std::vector<Cell> values) {
    Request r{.database = "vigil_explain", .query_id = "config:q", .text = std::move(text)};
    r.values = std::move(values);
    return wave(r);
  };
  const std::string by_state = "select id from app.orders where state = $1";
  const Plan open = with(by_state, {"open"});
  EXPECT_EQ(open.source, "literals");
  EXPECT_EQ(open.name, "q");
  EXPECT_NE(open.json.find("orders_state_idx"), std::string::npos) << open.json << open.error;
  const Plan done = with(by_state, {"done"});
  EXPECT_NE(done.json.find("Seq Scan"), std::string::npos) << done.json << done.error;
  // Of partitions only those with the values are read.
  const Plan part = with("select * from app.events where at = $1 and v = $2", {"2026-01-15", std::nullopt});
  EXPECT_EQ(part.json.find("events_2"), std::string::npos) << part.json << part.error;
  for (const char* hostile :
       {"x'); drop table app.loot; --", "\\'); drop table app.loot; --", "', (select 1)) --", "$1", "\\"}) {
    const Plan p = with(by_state, {hostile});
    EXPECT_NE(p.json.find("Seq Scan"), std::string::npos) << hostile << p.error;
  }
  EXPECT_EQ(db.run("select count(*) from app.loot"), "0");
  const Plan wrong = with("select id from app.orders where customer = $1", {"many"});
  EXPECT_EQ(wrong.sqlstate, "22P02");
  EXPECT_EQ(wrong.reason, "parameter_value");
  EXPECT_NE(wrong.error.find("many"), std::string::npos) << wrong.error;
  EXPECT_NE(with("select id from app.orders where customer = $1", {"7"}).json, "") << "a mended value is tried at once";
}

TEST_F(ExplainTest, LooksInOtherSchemasForWhatThePathDoesNotHave) {
  Admin db("dbname=vigil_explain");
  db.run(
      "set role vigil_hostile; create schema tenant; create table tenant.orders as select * from app.orders; "
      "grant usage on schema tenant to public; grant select on tenant.orders to vigil_reader");
  const auto in = [&](std::vector<std::string> first, std::vector<std::string> then, std::string path = "") {
    Request r{.database = "vigil_explain", .query_id = "7", .text = "select id, interval $2 from orders where id = $1"};
    r.schemas = std::move(first);
    r.other_schemas = std::move(then);
    r.search_path = std::move(path);
    return wave(r);
  };
  EXPECT_EQ(in({}, {}).sqlstate, "42P01");
  const Plan found = in({}, {"app"});
  EXPECT_NE(found.json.find("orders_pkey"), std::string::npos) << found.error;
  EXPECT_EQ(found.schemas, std::vector<std::string>{"app"});
  const auto once = target->cost().statements;
  EXPECT_FALSE(in({}, {"app"}).json.empty());
  const auto twice = target->cost().statements - once;
  EXPECT_LT(twice, once) << "what worked is remembered";
  EXPECT_NE(in({"tenant"}, {"app"}).json.find("Seq Scan"), std::string::npos);
  EXPECT_NE(in({}, {}, "tenant, public").json.find("Seq Scan"), std::string::npos);
  EXPECT_EQ(in({}, {"no such\"schema"}, "nowhere").sqlstate, "42P01");
}

TEST_F(ExplainTest, HostileTextsChangeNothing) {
  evil_functions();
  const auto p = explain({"select 1; drop table app.loot", "select 1; commit; insert into app.loot values ('x')",
                          "commit", "drop table app.loot", "insert into app.loot values ('x') returning v",
                          "select * from app.orders where secret = app.evil()",
                          "select * from app.orders where secret = app.quiet()", "select 'c4nary'::int",
                          "select 1 /* ; */) ; drop table app.loot; --", "copy app.loot from stdin",
                          std::string("select 1\xff\xfe"), "deallocate all"});
  ASSERT_EQ(p.size(), 12U);
  for (std::size_t i : {0U, 1U, 2U, 3U, 5U, 7U, 8U, 9U, 11U}) {
    EXPECT_TRUE(p[i].json.empty()) << i;
    EXPECT_FALSE(p[i].sqlstate.empty()) << i;
    EXPECT_FALSE(p[i].error.empty()) << i;
  }
  EXPECT_FALSE(p[4].json.empty()) << p[4].error;  // explained, not run
  EXPECT_EQ(p[5].sqlstate, "25006") << p[5].error;
  EXPECT_FALSE(p[6].json.empty()) << p[6].error;  // what it did went through, and is undone
  EXPECT_EQ(p[7].error.find("c4nary"), std::string::npos) << p[7].error;
  Admin db("dbname=vigil_explain");
  EXPECT_EQ(db.run("select count(*) from app.loot"), "0");
  EXPECT_EQ(db.run("select count(*) from pg_locks where locktype = 'advisory'"), "0");
  const test::WordProbe left(
      test::about("left",
                  "select current_setting('statement_timeout') || ' ' || count(*)::text as value "
                  "from pg_catalog.pg_prepared_statements",
                  Scope::database),
      test::word_columns());
  const std::vector<const AnyProbe*> probes{&left};
  EXPECT_EQ(test::word(test::run(loop, target->sweep(probes)), "left"), "400ms 0");
  // The transaction of an EXPLAIN is committed: nothing that a text set or opened may come to stay.
  const test::WordProbe settings(
      test::about("settings",
                  "select coalesce(string_agg(name || '=' || setting, ' '), 'none') || ' ' || "
                  "(select count(*) from pg_catalog.pg_cursors where name <> '') || ' ' || "
                  "(select count(*) from pg_catalog.pg_listening_channels()) as value from pg_catalog.pg_settings "
                  "where source = 'session' and name not in ('statement_timeout', 'lock_timeout', 'search_path', "
                  "'client_encoding', 'transaction_read_only', 'transaction_isolation', 'jit', "
                  "'max_parallel_workers_per_gather', 'stats_fetch_consistency')",
                  Scope::database),
      test::word_columns());
  const std::vector<const AnyProbe*> once{&settings};
  EXPECT_EQ(test::word(test::run(loop, target->sweep(once)), "settings"), "none 0 0");
}

// The database's rollbacks are a symptom that is watched: ours must not be among them.
TEST_F(ExplainTest, CountsNoRollback) {
  evil_functions();
  explain({"select 1"});
  Admin admin;
  const auto count = [&](const char* what) {
    return std::stoi(
        admin.run(std::string("select ") + what + " from pg_stat_database where datname = 'vigil_explain'"));
  };
  test::run(loop, target->close());  // the server reports a session's counts when it ends
  target.reset();
  std::this_thread::sleep_for(Milliseconds(700));
  const int commits = count("xact_commit"), rollbacks = count("xact_rollback");
  const auto p = explain({"select * from app.orders where id = $1", "select * from app.not_there",
                          "select * from app.orders where secret = app.evil()", "select * from app.orders for share",
                          "select * from app.orders where secret = app.quiet()", "select 'x'::int",
                          "select concat($1, id) from app.orders"});
  EXPECT_FALSE(p[0].json.empty());
  EXPECT_EQ(p[2].sqlstate, "25006");
  test::run(loop, target->close());
  for (int i = 0; i < 50 && count("xact_commit") < commits + 7; ++i) std::this_thread::sleep_for(Milliseconds(100));
  EXPECT_GE(count("xact_commit"), commits + 7);
  EXPECT_EQ(count("xact_rollback"), rollbacks);
}

TEST_F(ExplainTest, NeverAsSuperuserWhereOthersOwnFunctions) {
  options.conninfo = test::conninfo(test::environment("PGVIGIL_TEST_DSN") + " dbname=vigil_explain");
  EXPECT_FALSE(explain({"select * from app.orders where id = 1"})[0].json.empty());
  evil_functions();
  const auto p = explain({"select * from app.orders where id = 2"});
  EXPECT_EQ(p[0].sqlstate, "PGV03");
  ASSERT_FALSE(test::answer(last, "plans").failures.empty());
  EXPECT_NE(test::answer(last, "plans").failures[0].mend.find("pgvigil grants"), std::string::npos);
}

// Planning calls volatile functions as well: what a domain checks, and what an operator's estimate asks of common
// values.
TEST_F(ExplainTest, NeverAsSuperuserWhereOthersOwnDomainsOrOperators) {
  options.conninfo = test::conninfo(test::environment("PGVIGIL_TEST_DSN") + " dbname=vigil_explain");
  Admin db("dbname=vigil_explain");
  db.run(
      "set role vigil_hostile; create function app.ran(text, text) returns bool volatile language plpgsql as "
      "'begin perform pg_advisory_lock(4711); return true; end'");
  EXPECT_FALSE(explain({"select * from app.orders where id = 1"})[0].json.empty());
  db.run("create domain app.watched as text check (app.ran(value, value))");
  EXPECT_EQ(explain({"select '{x}'::app.watched[]"})[0].reason, "superuser");
  db.run(
      "drop domain app.watched; create operator app.=== (leftarg = text, rightarg = text, function = app.ran, "
      "restrict = eqsel)");
  EXPECT_EQ(explain({"select * from app.orders where state operator(app.===) 'done'"})[0].reason, "superuser");
}

TEST_F(ExplainTest, ALockedTableCostsAHundredMillisecondsAndOnlyItself) {
  explain({"select 1"});  // connected
  Admin locker("dbname=vigil_explain");
  locker.run("begin; lock table app.orders in access exclusive mode");
  const auto begun = std::chrono::steady_clock::now();
  const auto p = explain({"select * from app.orders where id = 3", "select * from app.events"});
  EXPECT_LT(test::seconds_since(begun), 0.5);
  EXPECT_EQ(p[0].sqlstate, "55P03");
  EXPECT_FALSE(p[1].json.empty()) << p[1].error;
  locker.run("rollback");
  EXPECT_FALSE(explain({"select * from app.orders where id = 3"})[0].json.empty());  // a lock is not remembered
}

TEST_F(ExplainTest, AFailureThatWillComeAgainIsNotAskedAgain) {
  EXPECT_EQ(explain({"select * from app.not_there"})[0].sqlstate, "42P01");
  const auto before = target->cost().statements;
  EXPECT_EQ(explain({"select * from app.not_there"})[0].sqlstate, "42P01");
  EXPECT_EQ(target->cost().statements, before);
}

TEST_F(ExplainTest, OneLookAroundServesAllTextsOfADatabase) {
  explain({"select 1"});  // connected
  const auto cost = [&](std::vector<std::string> texts) {
    const auto before = target->cost().statements;
    explain(std::move(texts));
    return target->cost().statements - before;
  };
  const auto one = cost({"select 2"});
  const auto three = cost({"select 3", "select 4", "select 5"});
  const auto five = cost({"select 6", "select 7", "select 8", "select 9", "select 10"});
  EXPECT_EQ(five - three, three - one);
  EXPECT_GT(one, (three - one) / 2);      // the look is paid once, not with each
  EXPECT_EQ(one - (three - one) / 2, 8);  // two questions of four statements each
}

TEST_F(ExplainTest, NoLockOutlivesAnExplain) {
  explain({"select * from app.orders where id = 3", "select * from app.events", "delete from app.loot"});
  EXPECT_EQ(Admin("dbname=vigil_explain")
                .run("select count(*) from pg_locks l join pg_stat_activity a using (pid) "
                     "where a.application_name = 'pgvigil' and l.relation is not null"),
            "0");
}

}  // namespace
}  // namespace pgvigil
