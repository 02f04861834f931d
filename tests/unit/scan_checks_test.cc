// What the three checks of scans say, beyond what their examples expect.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "checks/check.h"
#include "checks/plans/scan_examples.h"
#include "checks/probes/activity.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"

namespace pgvigil {

extern const Check invalid_index, seq_scan_heavy_table, seq_scan_hot_query, stale_statistics, unindexed_table;

namespace {

using scan_examples::incident_plan;
using scan_examples::past;
using scan_examples::Past;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<Finding> said(const Check& check, const Scenario& s) {
  const CheckSettings settings;
  return check.evaluate(Input(s.history, s.context, settings, s.at));
}

std::string evidence(const Finding& f) {
  std::string all;
  for (const Evidence& e : f.evidence) all += e.what + ": " + e.value + "\n";
  return all;
}

TEST(ScanChecks, ExamplesComeOutAsExpected) {
  for (const Check* c : {&seq_scan_heavy_table, &seq_scan_hot_query, &unindexed_table})
    for (const Example& e : c->examples) {
      std::vector<Severity> severities;
      std::string sentences;
      for (const Finding& f : said(*c, e.make())) severities.push_back(f.severity), sentences += f.sentence + "\n";
      EXPECT_EQ(severities, e.expect) << c->id << ", " << e.title << ": " << sentences;
    }
}

// A view, a function or a foreign key reads the table; the statement that runs does not name it.
TEST(ScanChecks, FirstAidKnowsItsStatementsAgain) {
  const auto direct = said(seq_scan_hot_query, past({.plan = incident_plan()}));
  EXPECT_THAT(direct[0].remedies[0].steps[0].sql, HasSubstr("pg_catalog.lower('docs')) > 0;"));
  const auto through = said(
      seq_scan_hot_query, past({.query = "SELECT data FROM papers_of_today WHERE path = $1", .plan = incident_plan()}));
  ASSERT_FALSE(through.empty());
  EXPECT_THAT(through[0].remedies[0].steps[0].sql, HasSubstr("pg_catalog.lower('papers_of_today')) > 0;"));
}

// EXPLAIN is refused, and no execution takes long: the counters show that each of them scans.
TEST(ScanChecks, WhatIsCountedTellsShortScansWithoutAPlan) {
  const auto counted = [](const char* query, std::int64_t rows_of_one, std::int64_t rows_read = 60'000'000) {
    Scenario s = past(
        {.query = query, .refused = "42501", .age = 0.3, .rows_read = rows_read, .index = {"state"}, .again = true});
    Statement one;
    one.query_id = "42", one.database = "codeintel", one.user = "app";
    s.saw(60, statements, {one});
    one.calls = 600, one.rows = 600 * rows_of_one, one.total_seconds = 180;
    return said(seq_scan_hot_query, s.saw(0, statements, {one}));
  };
  const auto found = counted("SELECT data FROM docs WHERE dump_id = $1 AND path = $2 AND data IS NULL", 1);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Severity::critical);
  EXPECT_EQ(found[0].confidence, Confidence::medium);
  EXPECT_THAT(found[0].basis, HasSubstr("count of rows that sequential scans read"));

  EXPECT_TRUE(counted("SELECT data FROM docs WHERE dump_id = $1", 1, 30'000'000).empty())
      << "somebody reads it now and then";
  EXPECT_TRUE(counted("SELECT data FROM docs WHERE dump_id = $1", 60'000).empty()) << "it keeps many rows";
  EXPECT_TRUE(counted("SELECT count(*) FROM docs WHERE dump_id = $1", 1).empty()) << "or counts them";
  EXPECT_TRUE(counted("SELECT data FROM docs WHERE dump_id = $1 LIMIT 1", 1).empty()) << "or stops soon";
  EXPECT_TRUE(counted("SELECT data FROM docs WHERE state = $1", 1).empty()) << "or has its index";
}

std::string plain_scan(double rows, std::string_view filter) {
  return fmt::format(
      R"j([{{"Plan":{{"Node Type":"Gather","Plan Rows":{},"Total Cost":60000,"Workers Planned":1,"Plans":[
    {{"Node Type":"Seq Scan","Parallel Aware":true,"Schema":"public","Relation Name":"docs","Alias":"docs",
    "Plan Rows":{},"Filter":"{}"}}]}}}}])j",
      rows, rows / 2, filter);
}

Scenario returning(Scenario s, std::int64_t rows_of_one) {
  Statement one;
  one.query_id = "42", one.database = "codeintel", one.user = "app";
  s.saw(60, statements, {one});
  one.calls = 100, one.rows = 100 * rows_of_one, one.total_seconds = 180;
  return s.saw(0, statements, {one});
}

// No statistics tell how many rows a function's result matches; the server counts what is returned.
TEST(ScanChecks, WhatExecutionsReturnCorrectsThePlan) {
  const Past by_function{.query = "SELECT data FROM docs WHERE lower(state) = $1",
                         .plan = plain_scan(3'000, "(lower(docs.state) = ?::text)")};
  EXPECT_EQ(said(seq_scan_hot_query, returning(past(by_function), 3)).size(), 1U);
  EXPECT_TRUE(said(seq_scan_hot_query, returning(past(by_function), 400'000)).empty());

  // The other way around: all rows had this state when they were counted.
  const auto of_state = [](std::int64_t changed, std::int64_t rows) {
    Scenario s = past({.query = "SELECT data FROM docs WHERE state = $1",
                       .plan = plain_scan(590'000, "(docs.state = ?::text)"),
                       .index = {"state"}});
    Table t;
    t.database = "codeintel", t.schema = "public", t.relation = "docs", t.name = "public.docs", t.owner = "app_owner";
    t.kind = "r", t.heap_bytes = 424LL << 20, t.rows = 600'000, t.live_rows = 600'000, t.usable_indexes = 1;
    t.changed_rows = changed;
    t.last_analyze = 3600;
    return returning(s.saw(1, plan_tables, {t}), rows);
  };
  const auto stale = said(stale_statistics, of_state(590'000, 40));
  ASSERT_EQ(stale.size(), 1U);
  EXPECT_EQ(stale[0].object.name, "public.docs");
  EXPECT_THAT(stale[0].sentence, HasSubstr("docs_some_idx"));
  EXPECT_TRUE(said(stale_statistics, of_state(590'000, 590'000)).empty()) << "it is as planned";
  EXPECT_TRUE(said(stale_statistics, of_state(5'000, 40)).empty()) << "the statistics are of today";
}

// INSERT and ANALYZE in one session: the server adds what was inserted once more to what ANALYZE has counted.
TEST(ScanChecks, RowsThatTheServerCountsTwiceHaveNotChanged) {
  const auto loaded = [](double analysed, std::int64_t inserted, std::int64_t live, std::int64_t changed) {
    Scenario s = past({.query = "SELECT data FROM docs WHERE lower(state) = $1",
                       .plan = plain_scan(3'000, "(lower(docs.state) = ?::text)")});
    Table t;
    t.database = "codeintel", t.schema = "public", t.relation = "docs", t.name = "public.docs", t.owner = "app_owner";
    t.kind = "r", t.heap_bytes = 424LL << 20, t.rows = analysed, t.live_rows = live, t.last_analyze = 3600;
    t.rows_inserted = inserted, t.changed_rows = changed;
    return said(stale_statistics, returning(s.saw(1, plan_tables, {t}), 400'000)).size();
  };
  EXPECT_EQ(loaded(600'000, 600'000, 1'200'000, 600'000), 0U);
  EXPECT_EQ(loaded(600'000, 1'200'000, 1'200'000, 600'000), 1U) << "they came later";
  EXPECT_EQ(loaded(600'000, 600'000, 600'000, 600'000), 1U) << "they were changed, and only VACUUM has counted them";
}

// A function that puts its statement together, and sessions that plan with settings of the past: who holds the table
// tells where to look.
TEST(ScanChecks, WhoHoldsATableThatIsReadIsTold) {
  const auto held = [](const Past& p) {
    Scenario s = past(p);
    RelationLock l;
    l.database = "codeintel", l.name = "public.docs", l.sessions = 2, l.pids = {100, 101};
    return s.saw(15, relation_locks, {l}).saw(1, relation_locks, {l});
  };
  const auto hidden = said(seq_scan_heavy_table, held({.query = "SELECT * FROM shop.find_document($1)"}));
  ASSERT_EQ(hidden.size(), 1U);
  EXPECT_THAT(evidence(hidden[0]), HasSubstr("100 %: SELECT * FROM shop.find_document($1)"));
  EXPECT_THAT(evidence(hidden[0]), HasSubstr("look next: at the body of shop.find_document"));
  EXPECT_TRUE(hidden[0].remedies.empty()) << "an index that nobody can know";
  EXPECT_THAT(hidden[0].queries, ElementsAre("42"));

  const std::string by_index =
      R"j([{"Plan":{"Node Type":"Index Scan","Schema":"public","Relation Name":"docs","Index Name":"docs_some_idx",
      "Index Cond":"((docs.dump_id = ?) AND (docs.path = ?::text))","Plan Rows":1}}])j";
  const auto older = said(seq_scan_heavy_table, held({.plan = by_index, .index = {"dump_id", "path"}}));
  ASSERT_EQ(older.size(), 1U);
  EXPECT_THAT(older[0].sentence, HasSubstr("by sessions that plan otherwise than a new one would"));
  EXPECT_THAT(evidence(older[0]), HasSubstr("Index Scan using docs_some_idx"));
  EXPECT_THAT(evidence(older[0]), Not(HasSubstr("set when they began")));

  // The agent has seen the setting go, forty seconds ago: for sessions that began before, and for them alone.
  ServerSetting off;
  off.scope = "role", off.role = "app", off.name = "enable_indexscan", off.value = "off";
  for (const double age : {20.0, 3'600.0}) {
    Scenario changed = held({.plan = by_index, .opened = age, .index = {"dump_id", "path"}});
    changed.saw(50, server_settings, {off}).saw(40, server_settings, std::vector<ServerSetting>());
    const std::string told = evidence(said(seq_scan_heavy_table, changed)[0]);
    EXPECT_EQ(told.find("set when they began: enable_indexscan = off of role app, taken back by ") != std::string::npos,
              age > 40)
        << told;
  }

  // A plan that reads the whole table is another check's to name.
  const auto scanned = said(seq_scan_heavy_table, held({.plan = incident_plan(), .index = {"state"}}));
  ASSERT_EQ(scanned.size(), 1U);
  EXPECT_THAT(scanned[0].sentence, Not(HasSubstr("otherwise")));
}

// The planner spreads the rows that match evenly; whether LIMIT stops the walk soon is told by what executions read.
TEST(ScanChecks, ALimitThatDoesNotStopTheWalkIsTold) {
  const auto walk = [](std::int64_t calls, std::int64_t blocks_of_one, double age = 0.3) {
    Scenario s = past({.query = "SELECT data FROM docs WHERE dump_id = $1 ORDER BY path DESC LIMIT $2",
                       .plan = R"j([{"Plan":{"Node Type":"Limit","Plan Rows":10,"Total Cost":100,"Plans":[
         {"Node Type":"Index Scan","Scan Direction":"Backward","Schema":"public","Relation Name":"docs",
          "Index Name":"docs_some_idx","Filter":"(docs.dump_id = ?)","Plan Rows":6000}]}}])j",
                       .age = age,
                       .index = {"path"}});
    const Statement before{.query_id = "42", .database = "codeintel", .user = "app", .calls = 500};
    Statement now = before;
    now.calls += calls, now.shared_blocks_hit += calls * blocks_of_one;
    return s.saw(60, statements, {before}).saw(0, statements, {now});
  };
  const auto found = said(seq_scan_hot_query, walk(200, 30'000));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].confidence, Confidence::high);
  EXPECT_THAT(evidence(found[0]), HasSubstr("LIMIT does not stop it soon: executions read 234 MB each"));
  ASSERT_FALSE(found[0].remedies.empty());
  EXPECT_THAT(found[0].fix, HasSubstr("(dump_id, path"));
  EXPECT_TRUE(said(seq_scan_hot_query, walk(200, 300)).empty()) << "it does stop it";
  EXPECT_TRUE(said(seq_scan_hot_query, walk(0, 0)).empty()) << "nothing ended yet, and none runs for long";
  const auto endless = said(seq_scan_hot_query, walk(0, 0, 20));
  ASSERT_EQ(endless.size(), 1U);
  EXPECT_THAT(evidence(endless[0]), HasSubstr("executions run for 20 s and none ends"));
}

TEST(ScanChecks, ASettingIsTakenBackWhereItIsSet) {
  std::string plan = incident_plan();
  plan.insert(plan.find("\"Plan\""), R"("Settings": {"enable_indexscan": "off", "enable_bitmapscan": "off"}, )");
  Scenario s = past({.plan = plan, .index = {"dump_id", "path"}});
  const std::string user = Input(s.history, s.context, {}, s.at).now(activity)[0].user;
  s.saw(1, server_settings,
        {{.scope = "server", .name = "enable_indexscan", .value = "off", .file = "postgresql.auto.conf"},
         {.scope = "all roles", .name = "enable_indexscan", .value = "on"},
         {.scope = "database", .database = "codeintel", .name = "enable_indexscan", .value = "on"},
         {.scope = "role", .role = user, .name = "enable_indexscan", .value = "off"},
         {.scope = "role", .role = "somebody else", .name = "enable_bitmapscan", .value = "off"}});
  const auto found = said(seq_scan_hot_query, s);
  ASSERT_EQ(found.size(), 1U);
  const Remedy& cure = found[0].remedies.back();
  ASSERT_EQ(cure.kind, Remedy::Kind::cure);
  ASSERT_EQ(cure.steps.size(), 1U) << "a session's own setting, or one of a file, is not changed";
  EXPECT_EQ(cure.steps[0].sql, "ALTER ROLE " + user + " RESET enable_indexscan;");
  EXPECT_EQ(cure.steps[0].undo, "ALTER ROLE " + user + " SET enable_indexscan = 'off';");
  EXPECT_THAT(found[0].fix, HasSubstr("take enable_indexscan = off of role"));
}

TEST(ScanChecks, TheCureMakesRoomUnderTheLimitOfTheRoleThatBuilds) {
  for (const auto& [role, limit, makes_room] :
       {std::tuple("app_owner", "1MB", true), {"app_owner", "-1", false}, {"somebody else", "1MB", false}}) {
    Scenario s = past({.plan = incident_plan()});
    Server unlimited = Input(s.history, s.context, {}, s.at).now(server)[0];
    unlimited.temp_file_limit = -1;
    s.saw(0, server, {unlimited});
    s.saw(1, server_settings, {{.scope = "role", .role = role, .name = "temp_file_limit", .value = limit}});
    const auto found = said(seq_scan_hot_query, s);
    ASSERT_FALSE(found.empty());
    const std::string& sql = found[0].remedies.back().steps[0].sql;
    EXPECT_EQ(sql.find("SET maintenance_work_mem") != std::string::npos, makes_room) << role << " " << limit << "\n"
                                                                                     << sql;
  }
}

TEST(ScanChecks, TheIncidentIsNamedWithColumnsAndCure) {
  const auto found = said(seq_scan_hot_query, past({.plan = incident_plan()}));
  ASSERT_EQ(found.size(), 1U);
  const Finding& f = found[0];
  EXPECT_EQ(f.object, (Object{"table", "public.docs", "codeintel"}));
  EXPECT_THAT(f.sentence, HasSubstr("no index on (dump_id, path)"));
  EXPECT_EQ(f.confidence, Confidence::high);
  EXPECT_NEAR(f.load, 8, 0.01);
  EXPECT_THAT(f.queries, ElementsAre("42"));
  EXPECT_EQ(f.sessions.size(), 8U);
  ASSERT_EQ(f.remedies.size(), 2U);
  EXPECT_EQ(f.remedies[0].kind, Remedy::Kind::first_aid);
  EXPECT_THAT(f.remedies[1].steps[0].sql,
              HasSubstr("CREATE INDEX CONCURRENTLY docs_dump_id_path_idx ON public.docs (dump_id, path);"));
  EXPECT_THAT(evidence(f), HasSubstr("Parallel Seq Scan"));
}

TEST(ScanChecks, OtherNamesThatNeedQuotes) {
  const Past other{.query = "SELECT data FROM \"Doc Umente\" WHERE dump_id = $1 AND path = $2",
                   .plan = scan_examples::scan_plan("Doc Umente", "((dump_id = ?) AND (path = ?))", 1),
                   .name = "Doc Umente"};
  const auto found = said(seq_scan_hot_query, past(other));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].object.name, "public.\"Doc Umente\"");
  EXPECT_THAT(found[0].remedies[1].steps[0].sql,
              HasSubstr("\"Doc Umente_dump_id_path_idx\" ON public.\"Doc Umente\" (dump_id, path);"));
}

TEST(ScanChecks, WithoutAPlanTheGrantIsNamed) {
  const auto found = said(seq_scan_hot_query, past({.refused = "42501"}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].confidence, Confidence::medium);
  EXPECT_THAT(found[0].basis, HasSubstr("plan not seen: GRANT pg_read_all_data TO pgvigil"));
  EXPECT_THAT(found[0].sentence, HasSubstr("(dump_id, path)"));
}

TEST(ScanChecks, AViewsScanIsReadFromTheFilter) {
  const auto found =
      said(seq_scan_hot_query, past({.query = "SELECT data FROM v WHERE a = $1 AND b = $2", .plan = incident_plan()}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].sentence, HasSubstr("(dump_id, path)"));
}

TEST(ScanChecks, AFunctionIsNoCaseForAPlainIndex) {
  const auto found = said(seq_scan_hot_query, past({.query = "SELECT data FROM docs WHERE lower(path) = $1",
                                                    .plan = scan_examples::scan_plan("docs", "(lower(path) = ?)", 1),
                                                    .index = {"path"}}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].sentence, HasSubstr("lower(path)"));
  for (const Remedy& r : found[0].remedies) EXPECT_EQ(r.kind, Remedy::Kind::first_aid);
}

TEST(ScanChecks, DuplicatesReachTheCure) {
  Scenario s = past({.plan = incident_plan()});
  Duplicates d;
  d.database = "codeintel";
  d.table = "public.docs";
  d.columns = {"dump_id", "path"};
  d.duplicate_keys = 25;
  d.slices = d.slices_done = 1;
  s.saw(0, duplicates, {d});
  EXPECT_THAT(said(seq_scan_hot_query, s)[0].remedies[1].steps[0].caution, HasSubstr("25 keys occur more than once"));
}

TEST(ScanChecks, NothingIsPastedTwice) {
  const Scenario s = past({.plan = incident_plan()});
  for (const Check* c : {&seq_scan_heavy_table, &unindexed_table})
    for (const Finding& f : said(*c, s)) {
      EXPECT_EQ(f.severity, Severity::info) << c->id;
      EXPECT_TRUE(f.remedies.empty()) << c->id;
    }
}

TEST(ScanChecks, OneQueryOfOnePersonWakesNobody) {
  for (const double vcpu : {1.0, 2.0, 16.0}) {
    Scenario s = past({.plan = incident_plan(), .sessions = 1});
    s.context.vcpus = vcpu;
    const auto found = said(seq_scan_hot_query, s);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].severity, Severity::warning);
    EXPECT_EQ(found[0].act_by, ActBy::today);
  }
  EXPECT_EQ(said(seq_scan_hot_query, past({.plan = incident_plan()}))[0].act_by, ActBy::now);
}

TEST(ScanChecks, NoDropIsOfferedWhereABuildMayStillRun) {
  Scenario s = invalid_index.examples.front().make();
  const auto drops = [&] {
    std::size_t n = 0;
    for (const Finding& f : said(invalid_index, s))
      for (const Remedy& r : f.remedies) n += r.steps.size();
    return n;
  };
  EXPECT_EQ(drops(), 1U);
  s.saw(0, server, {Server{}});
  EXPECT_EQ(said(invalid_index, s).size(), 1U);
  EXPECT_EQ(drops(), 0U);
}

TEST(ScanChecks, ATableThatNoSampleCatchesIsNamedFromTheTextsThatFinish) {
  Scenario s = past(
      {.sessions = 0, .rows = 2'025, .heap_bytes = 72 << 10, .toast_bytes = 0, .rows_read = 2'025, .name = "meta"});
  EXPECT_THAT(said(unindexed_table, s)[0].sentence, HasSubstr("by which columns is not known"));
  StatementText t;
  t.query_id = "9";
  t.database = "codeintel";
  t.text = "SELECT num FROM meta WHERE dump_id = $1";
  s.saw(300, statement_texts, {t});
  const auto found = said(unindexed_table, s);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Severity::info);
  EXPECT_THAT(found[0].sentence, HasSubstr("queries look it up by (dump_id)"));
}

TEST(ScanChecks, ASmallUnindexedTableIsMentionedWithItsColumns) {
  const auto found = said(unindexed_table, past({.query = "SELECT num FROM meta WHERE dump_id = $1",
                                                 .sessions = 1,
                                                 .age = 0,
                                                 .others = 20,
                                                 .rows = 2'025,
                                                 .heap_bytes = 72 << 10,
                                                 .toast_bytes = 0,
                                                 .rows_read = 0,
                                                 .name = "meta"}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].sentence, HasSubstr("queries look it up by (dump_id)"));
  EXPECT_EQ(found[0].remedies.size(), 1U);
}

TEST(ExplainAllowance, SparesAServerThatStruggles) {
  const auto answered = [](std::size_t rows, double seconds, double ago) {
    Scenario s;
    std::vector<Plan> all(rows);
    for (std::size_t i = 0; i < rows; ++i) all[i].query_id = std::to_string(i), all[i].database = "shop";
    Observation o{after(s.at, -ago), {}};
    o.answers["plans"] = Answer{o.at, plans.rows(std::move(all)), {}, seconds};
    s.history.add(std::move(o));
    static const CheckSettings none;
    return explain_allowance(Input(s.history, s.context, none, s.at));
  };
  EXPECT_EQ(answered(10, 0.02, 5).most, 40U);
  EXPECT_EQ(answered(10, 0.02, 5).why, "");
  EXPECT_EQ(answered(10, 0.02, 70).most, 50U) << "a minute later";
  EXPECT_EQ(answered(50, 0.02, 5).most, 0U);
  EXPECT_NE(answered(50, 0.02, 5).why, "");
  EXPECT_EQ(answered(4, 2, 5).most, 3U);
  EXPECT_NE(answered(4, 2, 5).why.find("struggles"), std::string::npos);
}

}  // namespace
}  // namespace pgvigil
