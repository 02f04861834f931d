#include "agent/core/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/core/evaluate.h"
#include "agent/core/recording.h"
#include "checks/probes/activity.h"
#include "checks/probes/connections.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/migrations.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

using namespace std::string_literals;
using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

const CheckSettings none;

Input input(const Scenario& s) { return {s.history, s.context, none, s.at}; }

// The founding incident as it was recorded.
class FoundingIncident : public testing::Test {
 protected:
  static Recording load() {
    std::ifstream in(std::filesystem::path(PGVIGIL_SOURCE_DIR) / "tests/replays/founding_incident.observation",
                     std::ios::binary);
    return load_recording({std::istreambuf_iterator<char>(in), {}});
  }
  const Recording recording = load();
  const Input in{recording.history, recording.context, none, recording.at};
  const std::vector<JudgedPlan> judged = judge_plans(in);
  const Report report = rank(evaluate_all(recording.history, recording.context, {}, recording.at), recording.history,
                             recording.context, recording.at);
};

TEST_F(FoundingIncident, TheHarmfulNodeIsMarkedAndTheQueryHasItsCure) {
  const json plans = json::parse(plans_document(in, judged));
  bool found = false;
  for (const json& p : plans["plans"])
    for (const json& n : p["nodes"])
      if (n["verdict"] == "harmful" && n["title"].get<std::string>().find("lsif_data_documents") != std::string::npos) {
        found = true;
        EXPECT_EQ(p["verdict"], "harmful");
        EXPECT_NE(n["reason"], "");
        EXPECT_NE(p["shape"], "");
        EXPECT_FALSE(p["reads"].empty());
      }
  EXPECT_TRUE(found);
  const json queries = json::parse(queries_document(in, judged));
  const json& first = queries["queries"][0];
  EXPECT_EQ(first["plan"], "harmful");
  EXPECT_EQ(first["cure"], "index on public.lsif_data_documents (dump_id, path)");
  EXPECT_EQ(first["refused"], nullptr);
  EXPECT_GT(first["share"], 0.3);
  for (std::size_t i = 1; i < queries["queries"].size(); ++i)
    EXPECT_LE(queries["queries"][i]["sessions"], queries["queries"][i - 1]["sessions"]);
}

TEST_F(FoundingIncident, FindingsNameTheirIncident) {
  const json all = json::parse("[" + findings_document(report) + "]");
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0]["part"], "cause");
  EXPECT_EQ(all[0]["incident"], 0);
  EXPECT_EQ(all[0]["target"], report.target);
  EXPECT_FALSE(all[0]["remedies"].empty());
  std::size_t findings = report.events.size() + report.posture.size();
  for (const Incident& i : report.incidents) findings += i.causes.size() + i.symptoms.size() + i.events.size();
  EXPECT_EQ(all.size(), findings);
}

TEST_F(FoundingIncident, TheTargetIsALine) {
  OpenIncident firing;
  firing.started = recording.at, firing.fired = recording.at;
  firing.incident = report.incidents.front();
  OpenIncident going = firing, pending = firing;
  going.absent_since = recording.at;
  pending.fired.reset();
  const json line = json::parse(target_document(report, {firing, going, pending}));
  EXPECT_EQ(line["verdict"], "critical");
  EXPECT_EQ(line["act_by"], "now");
  EXPECT_EQ(line["alerts"][0]["state"], "firing");
  EXPECT_EQ(line["alerts"][1]["state"], "resolving");
  EXPECT_EQ(line["alerts"][2]["state"], "pending");
}

TEST(Documents, ConnectionsAreCountedByHolderAndDated) {
  Scenario s;
  const auto seen = [](std::int64_t n) {
    return std::vector<ConnectionGroup>{
        {.database = "shop", .user = "web", .application = "pool", .client = "10.0.0.1", .state = "idle", .count = n},
        {.database = "shop",
         .user = "web",
         .application = "pool",
         .client = "10.0.0.1",
         .state = "idle in transaction",
         .count = 2,
         .max_transaction_age = 40.0},
        {.database = "shop", .user = "cron", .application = "job", .client = "local", .state = "active", .count = 1}};
  };
  s.saw(60, connections, seen(10)).saw(30, connections, seen(25)).saw(0, connections, seen(40));
  Report report;
  report.connections_used = 43, report.connections_max = 100;
  const json all = json::parse(activity_document(input(s), report))["connections"];
  EXPECT_EQ(all["holders"][0]["application"], "pool");
  EXPECT_EQ(all["holders"][0]["count"], 42);
  EXPECT_EQ(all["holders"][0]["idle"], 40);
  EXPECT_EQ(all["holders"][0]["idle_in_transaction"], 2);
  EXPECT_EQ(all["holders"][0]["max_transaction_seconds"], 40);
  EXPECT_EQ(all["holders"][1]["max_transaction_seconds"], nullptr);
  EXPECT_NEAR(all["full_in_seconds"].get<double>(), (100 - 43) / 0.5, 1);
  EXPECT_THAT(all["states"], Contains(json{{"state", "idle in transaction"}, {"count", 2.0}}));
}

TEST(Documents, WhatDoesNotGrowIsNeverFull) {
  Scenario s;
  for (const double ago : {60.0, 30.0, 0.0}) s.saw(ago, connections, {{.state = "idle", .count = 10}});
  Report report;
  report.connections_used = 10, report.connections_max = 100;
  EXPECT_EQ(json::parse(activity_document(input(s), report))["connections"]["full_in_seconds"], nullptr);
}

TEST(Documents, WhatWasNotSeenIsNull) {
  const json all = json::parse(activity_document(input(Scenario{}), Report{}));
  EXPECT_EQ(all["temp_files"]["bytes"], nullptr);
  EXPECT_EQ(all["connections"]["used"], nullptr);
  EXPECT_EQ(all["cpu"]["busy"], nullptr);
  EXPECT_TRUE(json::parse(queries_document(input(Scenario{}), {}))["queries"].empty());
  EXPECT_EQ(json::parse(plans_document(input(Scenario{}), {}))["at"], nullptr);
}

TEST(Documents, WhatHasNoPlanSaysSo) {
  const auto session = [](std::int64_t pid, std::string text) {
    Session s;
    s.pid = pid;
    s.database = "shop", s.user = "app", s.backend_type = "client backend", s.state = "active";
    s.query_id = std::to_string(pid), s.query = std::move(text);
    s.query_start = 1;
    return s;
  };
  Scenario s;
  const std::vector<Session> all = {
      session(1, "VACUUM public.docs"),       session(2, "CREATE INDEX ON public.docs (id)"),
      session(3, "<insufficient privilege>"), session(4, "SELECT 1; SELECT 2"),
      session(5, "SELECT * FROM docs"),       session(6, "DECLARE c CURSOR FOR SELECT * FROM docs")};
  for (int i = 20; i >= 0; --i) s.saw(i, activity, all);
  std::map<std::string, std::pair<std::string, std::string>> told;
  const json document = json::parse(queries_document(input(s), {}));
  for (const json& q : document["queries"]) told[q["query_id"]] = {q["refused"], q["reason"]};
  ASSERT_EQ(told.size(), 6U);
  EXPECT_EQ(told["1"], std::pair("not_plannable"s, "not a query: utility statements have no plan"s));
  EXPECT_EQ(told["2"].first, "not_plannable");
  EXPECT_EQ(told["3"].first, "privilege");
  EXPECT_EQ(told["4"].first, "several_statements");
  EXPECT_EQ(told["5"].first, "not_yet");
  EXPECT_EQ(told["6"].first, "not_yet") << "a cursor has a plan";
}

TEST(Documents, ProgressIsThatOfThePhaseAtItsOwnSpeed) {
  Scenario s;
  const auto build = [](std::int64_t blocks, double age, std::string phase) {
    return IndexBuild{.pid = 7,
                      .database = "shop",
                      .table = "public.docs",
                      .command = "CREATE INDEX",
                      .phase = std::move(phase),
                      .blocks_total = 1000,
                      .blocks_done = blocks,
                      .age = age};
  };
  // The phase before was fast; it says nothing about this one.
  s.saw(40, index_builds, {build(900, 10, "initializing")});
  s.saw(20, index_builds, {build(100, 30, "building index: scanning table")});
  s.saw(0, index_builds, {build(500, 50, "building index: scanning table")});
  s.saw(0, long_commands,
        {{.pid = 9,
          .command = "VACUUM",
          .table = "public.big",
          .phase = "vacuuming indexes",
          .automatic = true,
          .age = 5}});
  const json all = json::parse(progress_document(input(s)))["operations"];
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["object"], "on public.docs");
  EXPECT_EQ(all[0]["done"], 0.5);
  EXPECT_NEAR(all[0]["left_seconds"].get<double>(), 25, 0.1);
  EXPECT_EQ(all[1]["kind"], "autovacuum: VACUUM");
  EXPECT_EQ(all[1]["done"], nullptr);
  EXPECT_EQ(all[1]["left_seconds"], nullptr);
}

TEST(Documents, AnotherCommandOfTheSameProcessHasItsOwnSpeed) {
  Scenario s;
  const auto copy = [](std::int64_t done, double age) {
    return LongCommand{.pid = 9, .command = "COPY FROM", .table = "docs", .done = done, .total = 1000, .age = age};
  };
  s.saw(10, long_commands, {copy(900, 60)});
  s.saw(0, long_commands, {copy(100, 5)});
  EXPECT_EQ(json::parse(progress_document(input(s)))["operations"][0]["left_seconds"], nullptr);
}

TEST(Documents, AnotherTableOfTheSameCommandHasItsOwnSpeed) {
  Scenario s;
  const auto vacuum = [](std::string table, std::int64_t done, double age) {
    return LongCommand{.pid = 9,
                       .command = "VACUUM",
                       .table = std::move(table),
                       .phase = "scanning heap",
                       .done = done,
                       .total = 1000,
                       .age = age};
  };
  s.saw(10, long_commands, {vacuum("a", 100, 5)});
  s.saw(0, long_commands, {vacuum("b", 900, 15)});
  EXPECT_EQ(json::parse(progress_document(input(s)))["operations"][0]["left_seconds"], nullptr);
}

TEST(Documents, AMigrationTellsWhatIsLeftUntilItStandsStill) {
  Scenario s;
  const auto look = [&](double ago, double done) {
    s.saw(ago, migrations,
          {{.database = "app", .name = "move", .done = done, .total = 1000},
           {.database = "app", .name = "over", .done = 5, .total = 5},
           {.database = "app", .name = "unread", .problem = "relation \"x\" does not exist"}});
  };
  look(120, 100);
  look(60, 300);
  look(2, 500);
  json all = json::parse(progress_document(input(s)))["operations"];
  ASSERT_EQ(all.size(), 2U);  // what is over is no longer in progress
  EXPECT_EQ(all[0]["kind"], "migration");
  EXPECT_EQ(all[0]["object"], "move");
  EXPECT_EQ(all[0]["done"], 0.5);
  EXPECT_NEAR(all[0]["left_seconds"].get<double>(), 500 / (400 / 118.0), 0.5);
  EXPECT_EQ(all[1]["object"], "unread");
  EXPECT_EQ(all[1]["done"], nullptr);
  s.at = pgvigil::after(s.at, 200);
  look(140, 500);
  look(0, 500);
  all = json::parse(progress_document(input(s)))["operations"];
  EXPECT_EQ(all[0]["phase"], "stands still");
  EXPECT_EQ(all[0]["left_seconds"], nullptr);
}

TEST(Documents, EventsAreInOrderAndBounded) {
  std::vector<Moment> all;
  for (int i = 2'000; i > 0; --i) all.push_back({.at = Time(Milliseconds(i)), .kind = "event", .sentence = "\xff"});
  const std::string text = events_document("shop", all);
  const json events = json::parse(text)["events"];
  ASSERT_EQ(events.size(), 1'000U);
  EXPECT_EQ(events[0]["at"], "1970-01-01T00:00:01.001Z");
  EXPECT_EQ(events.back()["at"], "1970-01-01T00:00:02.000Z");
}

}  // namespace
}  // namespace pgvigil
