// Who is told: routes, the eldest agent, and many messages as one.
#include "agent/core/route.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "agent/alerts/kinds.h"
#include "checks/probes/agents.h"

namespace pgvigil {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Notice notice(Reach reach, const std::string& check = "unindexed_table", Notice::Edge edge = Notice::Edge::firing) {
  Notice n{.edge = edge, .key = "k", .target = "codeintel", .incident = {}};
  n.first_check = check;
  n.reach = reach;
  n.incident.causes.push_back({.check = check, .object = {"table", "t"}, .sentence = "t is in trouble"});
  return n;
}

TEST(Route, by_urgency_severity_target_and_check) {
  const Reach pages{Severity::critical, ActBy::now}, today{Severity::warning, ActBy::today};
  EXPECT_TRUE(wants({}, notice(today)));
  EXPECT_TRUE(wants({.act_by = ActBy::now}, notice(pages)));
  EXPECT_FALSE(wants({.act_by = ActBy::now}, notice(today)));
  EXPECT_FALSE(wants({.severity = Severity::critical}, notice(today)));
  EXPECT_TRUE(wants({.targets = {"other", "code*"}}, notice(pages)));
  EXPECT_FALSE(wants({.targets = {"other"}}, notice(pages)));
  EXPECT_TRUE(wants({.checks = {"*_table"}}, notice(pages)));
  EXPECT_FALSE(wants({.checks = {"lock_queue"}}, notice(pages)));
  EXPECT_FALSE(wants({.send_resolved = false}, notice(pages, "c", Notice::Edge::resolved)));
}

TEST(Route, a_cause_that_took_over_leaves_no_resolve_behind) {
  Notice n = notice({Severity::critical, ActBy::now}, "cpu_saturated", Notice::Edge::resolved);
  n.incident.causes[0].check = "unindexed_table";
  EXPECT_TRUE(wants({.checks = {"cpu_saturated"}}, n));
  EXPECT_FALSE(wants({.checks = {"unindexed_table"}}, n));
}

TEST(Agents, the_eldest_that_lives_speaks) {
  const AgentSession self{.pid = 7, .self = true, .started = 100.0};
  EXPECT_EQ(elder({self}, {}), nullptr);
  EXPECT_EQ(elder({self, {.pid = 8, .started = 101.0}}, {}), nullptr);
  const std::vector<AgentSession> three{self, {.pid = 9, .started = 99.0}, {.pid = 8, .started = 98.0}};
  ASSERT_NE(elder(three, {}), nullptr);
  EXPECT_EQ(elder(three, {})->pid, 8);
  EXPECT_EQ(elder({self, {.pid = 8, .started = 98.0, .alive = false}}, {}), nullptr);  // it hangs
  EXPECT_EQ(elder({self, {.pid = 8, .started = std::nullopt}}, {}), nullptr);  // two messages are better than none
  EXPECT_EQ(elder({{.pid = 8, .started = 98.0}}, {}), nullptr);
  ASSERT_NE(elder({self, {.pid = 6, .started = 100.0}}, {}), nullptr);
  // A connection of ours that was given up lives on for a while; so does that of another target on the same server.
  EXPECT_EQ(elder({self, {.pid = 6, .started = 99.0}}, {{6, 99.0}}), nullptr);
  EXPECT_TRUE(is_alone({self, {.pid = 6, .started = 99.0}}, {{6, 99.0}}));
  EXPECT_FALSE(is_alone({self, {.pid = 6, .started = 101.0}}, {}));
}

TEST(Storm, a_digest_counts_what_it_does_not_show) {
  std::vector<std::string> titles;
  for (int i = 0; i < 500; ++i) titles.push_back("[CRITICAL] t" + std::to_string(i));
  const Message m = digest(titles, 510, Severity::critical);
  EXPECT_EQ(m.title, "pgvigil: 510 messages at once");
  EXPECT_EQ(m.lead_lines.front(), "[CRITICAL] t0");
  EXPECT_EQ(m.lead_lines.back(), "+500 more");
  for (const ReceiverKind kind :
       {ReceiverKind::slack, ReceiverKind::mattermost, ReceiverKind::teams, ReceiverKind::discord}) {
    EXPECT_TRUE(takes_digests(kind));
    EXPECT_THAT(payload(kind, {}, m, "r"), HasSubstr("+500 more")) << to_string(kind);
  }
}

TEST(Storm, one_body_says_only_what_is_common_to_all) {
  const Notice one = notice({Severity::critical, ActBy::now}), two = [] {
    Notice n = notice({Severity::warning, ActBy::now}, "lock_queue", Notice::Edge::resolved);
    n.key = "l";
    return n;
  }();
  const auto body = [](const Notice& n) { return payload(ReceiverKind::webhook, n, render(n, {}, {}), "r"); };
  const json all = json::parse(merged(ReceiverKind::webhook, {body(two), body(one)}));
  ASSERT_EQ(all["alerts"].size(), 2u);
  EXPECT_EQ(all["status"], "firing");
  EXPECT_TRUE(all["dedup_key"].is_null());
  EXPECT_EQ(all["commonLabels"]["target"], "codeintel");
  EXPECT_FALSE(all["commonLabels"].contains("alertname"));
  EXPECT_EQ(all["alerts"][0]["fingerprint"], "l");
  EXPECT_EQ(merged(ReceiverKind::pagerduty, {}), "");
}

}  // namespace
}  // namespace pgvigil
