#include "agent/commands/page_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "agent/core/text.h"
#include "agent/pg/now.h"
#include "checks/probes/activity.h"

namespace pgvigil {
namespace {

using nlohmann::json;
using testing::ElementsAre;

class PageDeskTest : public ::testing::Test {
 protected:
  PageDeskTest() {
    char name[] = "/tmp/pgvigil-desk-XXXXXX";
    directory = ::mkdtemp(name);
    context.target = "main";
  }
  ~PageDeskTest() override { std::filesystem::remove_all(directory); }

  // One life of the agent.
  struct Process {
    explicit Process(const std::string& directory)
        : history({.directory = directory, .beat = Milliseconds(20), .now = utc_now}) {
      desk.open(&history);
      desk.watch("main");
    }
    // What the desk puts on the loop after it has asked what happened before.
    std::function<void()> recall() {
      const auto task = std::make_shared<std::promise<std::function<void()>>>();
      desk.recall("main", [task](std::function<void()> f) { task->set_value(std::move(f)); });
      return task->get_future().get();
    }
    Board board;
    HistoryKeeper history;
    PageDesk desk{board};
  };

  std::vector<std::string> reported(Process& p) const {
    Report report;
    report.target = "main";
    report.at = utc_now();
    p.desk.reported(report, {}, context, {});
    std::vector<std::string> sentences;
    const json document = json::parse(*p.board.all().at(0)->others.at("events"));
    for (const json& e : document["events"]) sentences.push_back(e["sentence"]);
    return sentences;
  }
  std::vector<std::string> kept() const {
    HistoryReader reader(directory);
    std::vector<std::string> sentences;
    for (const Moment& m : reader.moments(1, Time::min(), Time::max())) sentences.push_back(m.sentence);
    return sentences;
  }
  static Moment event(double ago, double happened_ago, const std::string& sentence) {
    const Time now = utc_now();
    return {.at = after(now, -ago),
            .kind = "event",
            .check = "schema_changed",
            .object = {"table", "public.docs", "shop"},
            .sentence = sentence,
            .started = after(now, -happened_ago)};
  }

  std::string directory;
  Context context;
};

TEST_F(PageDeskTest, WhatIsStillShownAfterARestartIsNotNotedAgain) {
  {
    Process p(directory);
    p.recall()();
    p.desk.happened("main", event(100, 120, "as first noted"));
    EXPECT_TRUE(p.history.stop(Milliseconds(5000)));
  }
  Process p(directory);
  const auto come = p.recall();
  p.desk.happened("main", event(0, 119, "again, before the past is known"));
  p.desk.happened("main", event(0, 5, "another, before the past is known"));
  come();
  p.desk.happened("main", event(0, 119, "again, when the past is known"));
  p.desk.happened("main", event(0, 0, "within a minute, but seen twice by us"));
  EXPECT_THAT(reported(p), ElementsAre("as first noted", "another, before the past is known",
                                       "within a minute, but seen twice by us"));
  EXPECT_TRUE(p.history.stop(Milliseconds(5000)));
  EXPECT_EQ(kept().size(), 3U);
}

TEST_F(PageDeskTest, AnEventIsShownWhileTheDiskHangs) {
  Process p(directory);
  const auto come = p.recall();
  p.desk.happened("main", event(0, 5, "now"));
  EXPECT_THAT(reported(p), ElementsAre("now"));
  come();
  EXPECT_THAT(reported(p), ElementsAre("now"));
}

TEST_F(PageDeskTest, DeploysThatTheFileNoLongerHoldsAreGone) {
  Process p(directory);
  const std::string path = directory + "/deploys";
  std::ofstream(path) << rfc3339(utc_now()) << " shop 1.2.3\n";
  p.desk.configure(path);
  EXPECT_THAT(reported(p), ElementsAre("shop 1.2.3"));
  EXPECT_THAT(reported(p), ElementsAre("shop 1.2.3")) << "the file is as it was";
  std::ofstream(path).close();
  EXPECT_THAT(reported(p), ElementsAre());
}

TEST_F(PageDeskTest, WhoNamesOnlyTheEndGetsAsMuchBeforeIt) {
  const Time now = utc_now();
  std::vector<Observation> all;
  for (const double ago : {3000, 2000, 1500, 10}) {
    Observation o{after(now, -ago), {}};
    o.answers[std::string(activity.id())] = Answer{o.at, activity.rows({}), {}, 0.01};
    all.push_back(std::move(o));
  }
  HistoryFile(directory, {}).write({{context, all, {}, {}}}, now);
  Process p(directory);
  const auto ask = [&](PastAsk what) {
    const auto answer = std::make_shared<std::promise<Text>>();
    p.desk.past()(what, [answer](Text t) { answer->set_value(std::move(t)); });
    const Text t = answer->get_future().get();
    return t ? json::parse(*t)["points"].size() : 0;
  };
  EXPECT_EQ(ask({.path = "load", .target = "main", .until = after(now, -1400)}), 2U);
  EXPECT_EQ(ask({.path = "load", .target = "main", .from = after(now, -1600), .until = after(now, -1000)}), 1U);
}

}  // namespace
}  // namespace pgvigil
