#include "agent/core/rollup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/core/recording.h"
#include "checks/load.h"
#include "checks/probes/activity.h"

namespace pgvigil {
namespace {

const Time start = Time{} + std::chrono::hours(24 * 20'000);

Observation sample(double at, int sessions,
                   const std::string& query = "SELECT data FROM docs d JOIN app.users USING (id)") {
  std::vector<Session> all;
  for (int i = 0; i < sessions; ++i) {
    Session s;
    s.pid = i + 1;
    s.database = "shop", s.user = "app", s.application = "web", s.backend_type = "client backend", s.state = "active";
    s.query_id = "42", s.query = query;
    if (i == 0) s.wait_event_type = "IO", s.wait_event = "DataFileRead";
    all.push_back(s);
  }
  Observation o{after(start, at), {}};
  o.answers[std::string(activity.id())] = Answer{o.at, activity.rows(std::move(all)), {}, 0};
  return o;
}

TEST(Rollup, AMinuteHoldsItsLoadAndItsWorstVerdict) {
  Roller roller;
  for (int i = 0; i < 60; ++i) roller.observed(sample(i, i < 30 ? 4 : 0));
  for (int i = 60; i < 70; ++i) roller.observed(sample(i, 1));
  roller.judged({after(start, 10), Severity::critical, true, "docs has no index", 20, 100, 0.9});
  roller.judged({after(start, 20), Severity::ok, true, "nothing", 30, 100, 0.2});
  EXPECT_TRUE(roller.finished(after(start, 63)).empty()) << "a late sample may still come";
  const auto all = roller.finished(after(start, 70));
  ASSERT_EQ(all.size(), 1u);
  const Minute m = load_minute(save_minute(all[0]));
  EXPECT_EQ(m.at, start);
  EXPECT_EQ(m.samples, 60u);
  EXPECT_NEAR(m.active, 2, 1e-9);
  EXPECT_NEAR(m.by[static_cast<int>(Spends::io)], 0.5, 1e-9);
  ASSERT_EQ(m.queries.size(), 1u);
  EXPECT_NEAR(m.queries[0].sessions, 2, 1e-9);
  ASSERT_EQ(m.tables.size(), 2u);
  EXPECT_EQ(m.tables[0].name, "app.users");
  EXPECT_EQ(m.tables[1].name, "docs");
  EXPECT_NEAR(m.tables[1].sessions, 2, 1e-9);
  EXPECT_EQ(m.waits.at(0).name, "CPU");
  EXPECT_EQ(m.users.at(0).name, "app");
  EXPECT_EQ(m.verdict, Severity::critical);
  EXPECT_EQ(m.headline, "docs has no index");
  EXPECT_EQ(m.connections, 30);
  EXPECT_EQ(m.cpu, 0.9);
  EXPECT_TRUE(roller.finished(after(start, 70)).empty()) << "once";
  EXPECT_EQ(roller.finished(after(start, 200)).size(), 1u);
}

TEST(Rollup, AMinuteInWhichNobodyLookedIsAbsent) {
  Roller roller;
  roller.observed(sample(0, 1));
  roller.observed(sample(600, 1));
  EXPECT_EQ(roller.finished(after(start, 900)).size(), 2u);
}

TEST(Rollup, ADamagedTextIsTold) {
  EXPECT_THROW(load_minute("{}"), BadRecording);
  EXPECT_THROW(load_minute("[1"), BadRecording);
  EXPECT_THROW(load_observations("{\"at\":1}"), BadRecording);
}

TEST(Rollup, ARunOfObservationsIsReadAgain) {
  Observation failed{after(start, 3), {}};
  failed.answers["server"] =
      Answer{failed.at, nullptr, {{.sqlstate = "08001", .message = "gone", .mend = "start it"}}, 0};
  const auto all = load_observations(save_observations({sample(1, 2), failed, Observation{}}));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].answers.at("activity").rows->size(), 2u);
  EXPECT_EQ(all[1].answers.at("server").rows, nullptr);
  EXPECT_EQ(all[1].answers.at("server").failures.at(0).mend, "start it");
}

}  // namespace
}  // namespace pgvigil
