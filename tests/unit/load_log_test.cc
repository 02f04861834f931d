#include "agent/core/load_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "checks/probes/activity.h"

namespace pgvigil {
namespace {

using nlohmann::json;
using testing::ElementsAre;

const Time start = Time{} + std::chrono::hours(24 * 20'000);

Observation sample(double at, int sessions, const std::string& id = "42",
                   const std::string& query = "SELECT data FROM docs d JOIN app.users USING (id)") {
  std::vector<Session> all;
  for (int i = 0; i < sessions; ++i) {
    Session s;
    s.pid = i + 1;
    s.database = "shop", s.user = "app", s.application = "web", s.backend_type = "client backend", s.state = "active";
    s.query_id = id, s.query = query;
    if (i == 0) s.wait_event_type = "IO", s.wait_event = "DataFileRead";
    all.push_back(s);
  }
  Observation o{after(start, at), {}};
  o.answers[std::string(activity.id())] = Answer{o.at, activity.rows(std::move(all)), {}, 0};
  return o;
}

json document(const LoadLog& log, bool newest_only = false) {
  return json::parse(log.json("shop", 4, 1, Time::min(), Time::max(), newest_only));
}

TEST(LoadLog, ASampleIsAPointByWaitQueryAndTable) {
  LoadLog log;
  EXPECT_TRUE(log.observed(sample(0, 3)));
  EXPECT_TRUE(log.observed(sample(1, 0)));
  EXPECT_FALSE(log.observed(Observation{after(start, 2), {}})) << "no answer of activity";
  const json all = document(log);
  ASSERT_EQ(all["points"].size(), 2U);
  const json& p = all["points"][0];
  EXPECT_EQ(p["active"], 3);
  EXPECT_EQ(all["waits"], json({"cpu", "lock", "io", "client", "other"}));
  EXPECT_EQ(p["by"], json({2.0, 0.0, 1.0, 0.0, 0.0}));
  EXPECT_EQ(p["query"], json::parse("[[0, 3.0]]"));
  EXPECT_EQ(all["queries"][0]["query_id"], "42");
  EXPECT_EQ(p["wait"], json::parse(R"([["CPU", 2.0], ["IO:DataFileRead", 1.0]])"));
  EXPECT_EQ(p["table"], json::parse(R"([["docs", 3.0], ["app.users", 3.0]])"));
  EXPECT_EQ(p["verdict"], nullptr) << "a sample is not judged";
  EXPECT_EQ(document(log, true)["points"].size(), 1U);
  EXPECT_EQ(document(log, true)["points"][0]["active"], 0);
}

TEST(LoadLog, WhatIsSeenTwiceIsOnePointAndWhatComesLateFindsItsPlace) {
  LoadLog log;
  log.observed(sample(5, 1));
  log.observed(sample(5, 2));
  log.observed(sample(4, 2));
  log.observed(sample(4, 3));
  const json all = document(log)["points"];
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["active"], 2);
  EXPECT_EQ(all[1]["active"], 1);
}

TEST(LoadLog, OnlyItsWindowIsKeptAndNamesThatNobodyShowsAreForgotten) {
  LoadLog log(60);
  for (int i = 0; i < 6'000; ++i) log.observed(sample(i, 1, "q" + std::to_string(i), "SELECT " + std::to_string(i)));
  EXPECT_EQ(log.oldest(), after(start, 5'939));
  const json all = document(log);
  ASSERT_EQ(all["points"].size(), 61U);
  ASSERT_EQ(all["queries"].size(), 61U);
  for (std::size_t i = 0; i < 61; ++i)  // each point still shows its own query
    EXPECT_EQ(all["queries"][all["points"][i]["query"][0][0].get<std::size_t>()]["query_id"],
              "q" + std::to_string(5'939 + i));
}

TEST(LoadLog, OnlyWhatIsAskedForIsTold) {
  LoadLog log;
  for (int i = 0; i < 10; ++i) log.observed(sample(i, 1, "q" + std::to_string(i)));
  const json some = json::parse(log.json("shop", std::nullopt, 1, after(start, 3), after(start, 5)));
  ASSERT_EQ(some["points"].size(), 3U);
  EXPECT_EQ(some["points"][0]["at"], std::chrono::duration<double>(start.time_since_epoch()).count() + 3);
  EXPECT_EQ(some["queries"].size(), 3U) << "no query that no point shows";
  EXPECT_EQ(some["vcpus"], nullptr);
}

TEST(LoadLog, OneQueryOfTwoUsersIsOne) {
  LoadLog log;
  Observation o = sample(0, 3);
  std::vector<Session> all = static_cast<const RowsOf<Session>&>(*o.answers.begin()->second.rows).rows;
  all.back().user = "batch";
  all.push_back(all.back());
  all.back().pid = 99, all.back().query_id = "7", all.back().query = "SELECT 1";
  o.answers.begin()->second.rows = activity.rows(std::move(all));
  log.observed(o);
  const json d = document(log);
  EXPECT_EQ(d["points"][0]["query"], json::parse("[[0, 3], [1, 1]]"));
}

TEST(LoadLog, AMinuteTellsItsVerdict) {
  LoadLog log;
  log.add(Minute{.at = start, .active = 2, .verdict = Severity::critical, .connections = 17});
  const json p = document(log)["points"][0];
  EXPECT_EQ(p["verdict"], "critical");
  EXPECT_EQ(p["connections"], 17);
  EXPECT_EQ(p["reachable"], true);
}

TEST(LoadLog, BytesThatAreNoTextBreakNoDocument) {
  LoadLog log;
  log.observed(sample(0, 1, "1", "SELECT '\xff\xfe\n\x01' FROM docs"));
  EXPECT_EQ(document(log)["points"].size(), 1U);
  EXPECT_EQ(log.json("s", 1, 1, Time::min(), Time::max()).find('\n'), std::string::npos);
}

TEST(Coarser, AveragesKeepTheWorst) {
  std::vector<Minute> all;
  for (int i = 0; i < 4; ++i)
    all.push_back({.at = start + std::chrono::minutes(i),
                   .active = i * 1.0,
                   .queries = {{"1", "q", "shop", "app", i * 1.0}},
                   .waits = {{"CPU", 2}},
                   .verdict = i == 1 ? Severity::critical : Severity::ok,
                   .connections = i});
  const auto two = coarser(all, 2);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[1].at, start + std::chrono::minutes(2));
  EXPECT_DOUBLE_EQ(two[1].active, 2.5);
  EXPECT_DOUBLE_EQ(two[1].queries.at(0).sessions, 2.5);
  EXPECT_DOUBLE_EQ(two[0].waits.at(0).sessions, 2);
  EXPECT_EQ(two[0].verdict, Severity::critical);
  EXPECT_EQ(two[1].connections, 3);
  EXPECT_EQ(coarser(all, 1).size(), 4U);
  EXPECT_TRUE(coarser({}, 5).empty());
}

}  // namespace
}  // namespace pgvigil
