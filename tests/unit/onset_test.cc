#include "agent/core/onset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "agent/core/incidents.h"
#include "checks/load.h"

namespace pgvigil {
namespace {

const Time start = Time{} + std::chrono::hours(24 * 20'000);
constexpr int points = 90;  // a quarter of an hour of ten seconds each

std::optional<int> begins(const std::function<double(int)>& value, int n = points) {
  std::vector<Level> series;
  for (int i = 0; i < n; ++i) series.push_back({after(start, 10 * i), value(i)});
  const auto found = onset(series);
  return found ? std::optional(static_cast<int>(std::lround(seconds_between(start, found->at) / 10))) : std::nullopt;
}

class Noise {
 public:
  explicit Noise(unsigned seed) : random_(seed) {}
  // Sessions seen in ten samples of a mean load, as arrivals at random make them.
  double operator()(double mean) {
    if (mean <= 0) return 0;
    std::poisson_distribution<int> d(mean * 10);
    return d(random_) / 10.0;
  }

 private:
  std::mt19937 random_;
};

TEST(Onset, AStepIsFoundWhereItIs) {
  EXPECT_EQ(begins([](int i) { return i < 60 ? 0.0 : 8.0; }), 60);
  EXPECT_EQ(begins([](int i) { return i < 86 ? 1.0 : 4.0; }), 86);
  for (unsigned seed = 0; seed < 200; ++seed) {
    Noise noise(seed);
    const auto at = begins([&](int i) { return noise(i < 40 ? 0.5 : 3.0); });
    ASSERT_TRUE(at) << seed;
    EXPECT_NEAR(*at, 40, 2) << seed;
  }
}

TEST(Onset, ARampBeginsAtItsFoot) {
  const auto at = begins([](int i) { return i < 30 ? 0.2 : 0.2 + (i - 30) * 0.3; });
  ASSERT_TRUE(at);
  EXPECT_NEAR(*at, 30, 15);
}

// "CPU regularly spiking above 80 %": quiet between the spikes is no end.
TEST(Onset, SpikesThatComeAgainAreOneLevel) {
  for (const int every : {6, 9, 12}) {
    const auto at = begins([&](int i) { return i >= 30 && (i - 30) % every < every / 3 ? 10.0 : 0.3; });
    ASSERT_TRUE(at) << every;
    EXPECT_NEAR(*at, 30, 1) << every;
  }
}

TEST(Onset, NoiseHasNone) {
  int found = 0;
  for (unsigned seed = 0; seed < 1000; ++seed)
    for (const double mean : {0.2, 1.0, 5.0}) {
      Noise noise(seed);
      found += begins([&](int) { return noise(mean); }).has_value();
    }
  EXPECT_LE(found, 3);
}

TEST(Onset, WhatWasThereBeforeOrIsTrifleOrIsOverHasNone) {
  EXPECT_FALSE(begins([](int) { return 8.0; }));
  EXPECT_FALSE(begins([](int) { return 0.0; }));
  EXPECT_FALSE(begins([](int i) { return i < 60 ? 0.0 : 0.1; }));
  EXPECT_FALSE(begins([](int i) { return i < 60 ? 5.0 : 6.0; }));
  EXPECT_FALSE(begins([](int i) { return i < 60 ? 8.0 : 0.0; })) << "it fell";
  EXPECT_FALSE(begins([](int i) { return i == 50 ? 60.0 : 0.2; })) << "one outlier";
  EXPECT_FALSE(begins([](int i) { return i < 3 ? 0.0 : 8.0; }, 5)) << "too short a past";
}

TEST(Onset, AfterAGapNobodyKnowsWhenItBegan) {
  std::vector<Level> series;
  for (int i = 0; i < 80; ++i) series.push_back({after(start, 10 * i + (i < 40 ? 0 : 300)), i < 40 ? 0.0 : 8.0});
  EXPECT_FALSE(onset(series));
}

Session session(const std::string& id, const std::string& query) {
  Session s;
  s.pid = 1;
  s.backend_type = "client backend", s.state = "active", s.query_id = id, s.query = query;
  return s;
}

Incident incident(std::vector<std::string> queries, std::vector<std::string> tables) {
  Finding f;
  f.check = "seq_scan_hot_query";
  f.object = {"table", "public.docs", "shop"};
  f.queries = std::move(queries), f.tables = std::move(tables);
  Incident i;
  i.causes = {f};
  return i;
}

TEST(Onset, AnIncidentHasThatOfItsOwnQueries) {
  Scenario s;
  for (int ago = 600; ago >= 0; ago -= 2) {
    std::vector<Session> all(6, session("other", "SELECT * FROM users"));
    if (ago <= 120) all.insert(all.end(), 4, session("42", "SELECT body FROM public.docs WHERE x = $1"));
    s.saw(ago, activity, all);
  }
  const CheckSettings none;
  const Input in(s.history, s.context, none, s.at);
  std::vector<Incident> incidents{incident({"42"}, {}), incident({}, {"public.docs"}), incident({"other"}, {}),
                                  incident({}, {})};
  incidents.push_back(incident({"42"}, {}));
  incidents.back().since = start;
  find_onsets(incidents, in);
  for (const int i : {0, 1}) {
    ASSERT_TRUE(incidents[static_cast<std::size_t>(i)].since) << i;
    EXPECT_NEAR(seconds_between(*incidents[static_cast<std::size_t>(i)].since, s.at), 120, 15) << i;
  }
  EXPECT_FALSE(incidents[2].since) << "it was there all the time";
  EXPECT_FALSE(incidents[3].since) << "all load together has not doubled";
  EXPECT_EQ(incidents[4].since, start) << "what a check knows stays";
}

// Sessions of one query, a sample each second; the newest is of now.
std::optional<double> ago(int n, const std::function<int(int)>& sessions) {
  Scenario s;
  for (int i = 0; i < n; ++i)
    s.saw(n - 1 - i, activity, std::vector<Session>(static_cast<std::size_t>(sessions(i)), session("42", "SELECT 1")));
  const CheckSettings none;
  std::vector<Incident> incidents{incident({"42"}, {})};
  find_onsets(incidents, Input(s.history, s.context, none, s.at));
  return incidents[0].since ? std::optional(seconds_between(*incidents[0].since, s.at)) : std::nullopt;
}

TEST(Onset, WhatWasNeverThereBeganWhenItWasFirstSeen) {
  EXPECT_EQ(ago(30, [](int i) { return i < 25 ? 0 : 8; }), 4);
  EXPECT_EQ(ago(120, [](int i) { return i >= 60 && i % 10 == 0 ? 3 : 0; }), 59) << "spikes";
  EXPECT_EQ(ago(12, [](int i) { return i < 4 ? 0 : 8; }), 7) << "soon after the agent's start";
  EXPECT_EQ(ago(30, [](int i) { return i < 1 ? 0 : 8; }), 28) << "so many would have been met a second earlier";
  EXPECT_FALSE(ago(30, [](int i) { return i < 2 ? 0 : 2; })) << "two may have been missed";
  EXPECT_FALSE(ago(30, [](int) { return 8; }));
}

// While all is well the same query is quick, and yet a sample meets it now and then.
TEST(Onset, AQuickQueryThatWasMetBeforeItTurnedBadBeganLater) {
  const auto met_at = [](int met, int turned) { return [=](int i) { return i >= turned ? 8 : i == met ? 1 : 0; }; };
  for (const int met : {0, 3, 12, 24, 35}) {
    const auto found = ago(90, met_at(met, 45));
    ASSERT_TRUE(found) << met;
    EXPECT_NEAR(*found, 44, 10) << met;
  }
  EXPECT_FALSE(ago(50, met_at(12, 45))) << "too early to tell";
}

// At first the server keeps up, then sessions pile up behind one another: it began with the first step.
TEST(Onset, ALoadThatRisesInStepsBeganWithTheFirst) {
  int right = 0;
  constexpr int tries = 300;
  for (unsigned seed = 0; seed < tries; ++seed) {
    std::mt19937 random(seed);
    const auto found = ago(72, [&](int i) {
      return std::poisson_distribution<int>(i < 27 ? 0.03 : i < 47 ? 1.2 : 7)(random);
    });
    right += found && std::abs(*found - 45) <= 12;
  }
  EXPECT_GE(right, tries * 95 / 100);
}

// A sweep or a mean notices late what the load has shown at once, and may know of what the load does not show any more.
TEST(Onset, WhatWasNoticedBeganThenAtTheLatest) {
  Scenario s;
  for (int ago = 90; ago >= 0; --ago)
    s.saw(ago, activity, std::vector<Session>(ago > 40 ? 0 : 8, session("42", "SELECT 1")));
  const CheckSettings none;
  for (const auto& [noticed, since] : {std::pair{20.0, 40.0}, std::pair{40.0, 40.0}, std::pair{7200.0, 7200.0}}) {
    Finding f = incident({"42"}, {}).causes[0];
    f.load = 8, f.since = after(s.at, -noticed), f.or_earlier = true;
    std::vector<Finding> posture;
    auto incidents = incidents_of({f}, {}, 8, posture);
    ASSERT_EQ(incidents.size(), 1U);
    EXPECT_FALSE(incidents[0].since);
    find_onsets(incidents, Input(s.history, s.context, none, s.at));
    ASSERT_TRUE(incidents[0].since);
    EXPECT_EQ(seconds_between(*incidents[0].since, s.at), since);
  }
}

TEST(Onset, AShortPastOfNoiseHasNone) {
  int found = 0;
  for (unsigned seed = 0; seed < 1000; ++seed)
    for (const double mean : {0.05, 0.2, 1.0, 5.0}) {
      std::mt19937 random(seed);
      std::poisson_distribution<int> sessions(mean);
      found += ago(60 + static_cast<int>(seed % 60), [&](int) { return sessions(random); }).has_value();
    }
  EXPECT_LE(found, 10);
}

TEST(Onset, MinutesTellOfWhatBeganBeforeTheWindow) {
  std::vector<Minute> minutes;
  for (int i = 0; i < 600; ++i) {
    Minute m;
    m.at = start + std::chrono::minutes(i);
    m.active = 2;
    m.queries = {{"other", "SELECT 1", "shop", "app", 2}};
    if (i >= 200) m.active += 5, m.queries.push_back({"42", "SELECT body FROM docs", "shop", "app", 5});
    minutes.push_back(m);
  }
  std::vector<Incident> incidents{incident({"42"}, {})};
  find_onsets(incidents, minutes);
  EXPECT_EQ(incidents[0].since, start + std::chrono::minutes(200));
}

TEST(Onset, IsCarriedFromReportToReport) {
  std::vector<Incident> before{incident({"42"}, {})}, now{incident({"42"}, {}), incident({"43"}, {})};
  before[0].since = start;
  now[1].causes[0].object.name = "public.users";
  carry_onsets(before, now);
  EXPECT_EQ(now[0].since, start);
  EXPECT_FALSE(now[1].since);
}

}  // namespace
}  // namespace pgvigil
