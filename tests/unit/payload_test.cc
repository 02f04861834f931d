#include "agent/alerts/payload.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/read_payload.h"

namespace pgvigil {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

void expect_in_order(const std::string& text, const std::vector<std::string>& words) {
  std::size_t at = 0;
  for (const std::string& w : words) {
    const std::size_t found = text.find(w, at);
    ASSERT_NE(found, std::string::npos) << w << " is not behind what comes before it in\n" << text;
    at = found + w.size();
  }
}

json golden(const std::string& name, const json& made) {
  const std::string path = std::string(PGVIGIL_SOURCE_DIR) + "/tests/unit/golden/" + name;
  if (std::getenv("PGVIGIL_WRITE_GOLDEN") != nullptr) std::ofstream(path) << made.dump(2) << "\n";
  std::ifstream in(path);
  return json::parse(in, nullptr, false);
}

TEST(Payload, slack_is_as_it_was) {
  const json made = json::parse(slack_payload(render(the_incident(), the_report(), options)));
  EXPECT_EQ(made, golden("slack_firing.json", made)) << made.dump(2);
}

TEST(Payload, webhook_is_as_it_was) {
  const json made = json::parse(webhook_payload(the_incident(), render(the_incident(), the_report(), options), "ops"));
  EXPECT_EQ(made, golden("webhook_firing.json", made)) << made.dump(2);
  const Notice over = resolved_incident();
  const json resolved = json::parse(webhook_payload(over, render(over, the_report(), options), "ops"));
  EXPECT_EQ(resolved, golden("webhook_resolved.json", resolved)) << resolved.dump(2);
  EXPECT_EQ(resolved["alerts"][0]["fingerprint"], made["alerts"][0]["fingerprint"]);
  EXPECT_EQ(resolved["dedup_key"], made["dedup_key"]);
  EXPECT_EQ(resolved["alerts"][0]["labels"], made["alerts"][0]["labels"]);
}

TEST(Payload, slack_escapes_what_names_may_hold) {
  Notice n = the_incident();
  n.incident.causes = {table_finding("public.\"<!channel> & <https://evil|x>\"", "(a)")};
  n.target = "<!here>";
  const std::string made = slack_payload(render(n, the_report(), options));
  EXPECT_THAT(made, Not(HasSubstr("<!")));
  EXPECT_THAT(made, Not(HasSubstr("<https://evil")));
  EXPECT_THAT(made, HasSubstr("&lt;!channel&gt; &amp; "));
}

TEST(Payload, slack_keeps_its_limits_whatever_comes) {
  Notice n = the_incident();
  n.target = std::string(300, '&') + "\xff";
  n.incident.causes.clear();
  for (int i = 0; i < 60; ++i) {
    n.incident.causes.push_back(table_finding("public.\"" + std::string(60, '<') + "中中中" + std::to_string(i) + "\"",
                                              "(\"" + std::string(63, '&') + "\")"));
    for (int e = 0; e < 20; ++e) n.incident.causes.back().evidence.push_back({"k", std::string(500, '>')});
    n.incident.causes.back().remedies[1].steps[0].caution = std::string(3000, '&');
    n.incident.symptoms.push_back(n.incident.causes.back());
  }
  Report r = the_report();
  for (int i = 0; i < 60; ++i) r.ruled_out.push_back({"c", std::string(400, '&'), "x"});
  const json made = json::parse(slack_payload(render(n, r, options)));
  EXPECT_LE(made["text"].get<std::string>().size(), 3500u);
  EXPECT_LE(made["blocks"].size(), 50u);
  EXPECT_LE(made["blocks"][0]["text"]["text"].get<std::string>().size(), 150u);
  for (const json& b : made["blocks"])
    EXPECT_TRUE(b["type"] != "section" || b["text"]["text"].get<std::string>().size() <= 3000u);
  EXPECT_THAT(made.dump(), HasSubstr("(truncated)"));
  EXPECT_EQ(made["blocks"].back()["type"], "context");
}

TEST(Payload, escaping_never_cuts_an_entity_or_a_character) {
  for (std::size_t max = 16; max < 60; ++max) {
    const std::string e = slack_escape("&&&&&&&&&&&&äääää<<<<<", max);
    EXPECT_LE(e.size(), max);
    const std::string head = e.substr(0, e.find("..."));
    EXPECT_EQ(one_line(head), head);
    const auto amp = head.rfind('&');
    EXPECT_TRUE(amp == std::string::npos || head.find(';', amp) != std::string::npos) << head;
  }
}

TEST(Payload, teams_is_as_it_was) {
  const json made = json::parse(teams_payload(firing_message()));
  EXPECT_EQ(made, golden("teams_firing.json", made)) << made.dump(2);
  const json over = json::parse(teams_payload(resolved_message()));
  EXPECT_EQ(over, golden("teams_resolved.json", over)) << over.dump(2);
}

TEST(Payload, discord_is_as_it_was) {
  const json made = json::parse(discord_payload(firing_message()));
  EXPECT_EQ(made, golden("discord_firing.json", made)) << made.dump(2);
  const json over = json::parse(discord_payload(resolved_message()));
  EXPECT_EQ(over, golden("discord_resolved.json", over)) << over.dump(2);
}

TEST(Payload, mattermost_is_as_it_was) {
  const json made = json::parse(mattermost_payload(firing_message()));
  EXPECT_EQ(made, golden("mattermost_firing.json", made)) << made.dump(2);
  const json over = json::parse(mattermost_payload(resolved_message()));
  EXPECT_EQ(over, golden("mattermost_resolved.json", over)) << over.dump(2);
}

TEST(Payload, pagerduty_is_as_it_was) {
  const json made = json::parse(pagerduty_payload(the_incident(), firing_message()));
  EXPECT_EQ(made, golden("pagerduty_firing.json", made)) << made.dump(2);
  const json over = json::parse(pagerduty_payload(resolved_incident(), resolved_message()));
  EXPECT_EQ(over, golden("pagerduty_resolved.json", over)) << over.dump(2);
}

TEST(Payload, the_same_message_gives_the_same_bytes) {
  for (const Message& m : {firing_message(), resolved_message(), monster()}) {
    const Message copy = m;
    EXPECT_EQ(teams_payload(m), teams_payload(copy));
    EXPECT_EQ(discord_payload(m), discord_payload(copy));
    EXPECT_EQ(mattermost_payload(m), mattermost_payload(copy));
    EXPECT_EQ(pagerduty_payload(the_incident(), m), pagerduty_payload(the_incident(), copy));
  }
}

TEST(Payload, every_chat_says_it_in_the_order_of_reading) {
  Message m = firing_message();
  m.more_steps = 3;
  m.undone = {"an index is invalid"};
  const std::vector<std::string> order = {"CRITICAL",
                                          "has no index",
                                          "load 41.6",
                                          "Why we think so",
                                          "Seq Scan",
                                          "Not the cause",
                                          "0 waits",
                                          "Cure",
                                          "app_owner",
                                          "invalid index",
                                          "CREATE",
                                          "CREATE",
                                          "3 more steps are not shown",
                                          "Next",
                                          "diagnose codeintel",
                                          "Left undone"};
  const auto then = [&](std::vector<std::string> rest) {
    std::vector<std::string> all = order;
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  };
  expect_in_order(mattermost_payload(m),
                  then({"an index is invalid", "https://pgvigil.example/db", "id 0123456789abcdef"}));
  expect_in_order(discord_text(json::parse(discord_payload(m))),
                  then({"an index is invalid", "https://pgvigil.example/db", "id 0123456789abcdef"}));
  // Its links are buttons below the card.
  expect_in_order(teams_text(json::parse(teams_payload(m))),
                  then({"an index is invalid", "id 0123456789abcdef", "https://pgvigil.example/db"}));
}

TEST(Payload, severity_is_in_words_and_in_colour) {
  Message m = firing_message();
  std::vector<std::string> teams;
  std::vector<int> discord;
  const auto look = [&] {
    const json card = json::parse(teams_payload(m));
    teams.push_back(teams_body(card)[0]["inlines"][0]["color"]);
    discord.push_back(json::parse(discord_payload(m))["embeds"][0]["color"]);
  };
  look();
  m.severity = Severity::warning;
  look();
  m.edge = Notice::Edge::resolved;
  look();
  EXPECT_THAT(teams, testing::ElementsAre("Attention", "Warning", "Good"));
  std::sort(discord.begin(), discord.end());
  EXPECT_EQ(std::unique(discord.begin(), discord.end()), discord.end());
}

TEST(Payload, teams_keeps_its_limit_whatever_comes) {
  const Message m = monster();
  const std::string bytes = teams_payload(m);
  EXPECT_LE(bytes.size(), 20'000u);
  EXPECT_GT(bytes.size(), 15'000u);  // and uses its room
  const json made = json::parse(bytes);
  const std::string text = without_zero_width(teams_text(made));
  expect_in_order(text, {"[CRITICAL] db: ", "(truncated)", "line *", "line *", "Why we think so:", "Cure:", "step ",
                         "more steps are not shown ... (truncated)", "Next:", "pgvigil diagnose",
                         "Left undone:", "id 0123456789abcdef", "https://pgvigil.example/"});
  for (const json& r : teams_runs(made)) EXPECT_NE(r["text"], "");
}

TEST(Payload, discord_keeps_its_limits_whatever_comes) {
  const json made = json::parse(discord_payload(monster()));
  EXPECT_LE(made["content"].get<std::string>().size(), 2000u);
  const json& embed = made["embeds"][0];
  const auto size = [](const json& text) { return text.get<std::string>().size(); };
  std::size_t all = size(embed["title"]) + size(embed["description"]) + size(embed["footer"]["text"]);
  EXPECT_LE(size(embed["title"]), 256u);
  EXPECT_LE(size(embed["description"]), 4096u);
  EXPECT_LE(embed["fields"].size(), 25u);
  for (const json& f : embed["fields"]) {
    EXPECT_LE(size(f["name"]), 256u);
    EXPECT_LE(size(f["value"]), 1024u);
    all += size(f["name"]) + size(f["value"]);
  }
  EXPECT_LE(all, 6000u);
  expect_in_order(without_zero_width(discord_text(made)),
                  {"CRITICAL", "(truncated)", "line ", "line ", "more steps are not shown ... (truncated)", "Next",
                   "pgvigil diagnose", "Left undone", "id 0123456789abcdef"});
}

TEST(Payload, mattermost_keeps_its_limit_whatever_comes) {
  const std::string text = json::parse(mattermost_payload(monster()))["text"];
  EXPECT_LE(text.size(), 16'383u);
  EXPECT_GT(text.size(), 12'000u);
  expect_in_order(without_zero_width(text),
                  {"CRITICAL", "(truncated)", "line ", "line ", "Why we think so:", "Cure:", "step ",
                   "more steps are not shown ... (truncated)", "Next:", "pgvigil diagnose",
                   "Left undone:", "https://pgvigil.example/", "id 0123456789abcdef"});
}

TEST(Payload, pagerduty_keeps_its_limits_whatever_comes) {
  Notice n = the_incident();
  n.target = n.changed = monster().why;
  n.incident.causes[0].object.name = monster().why;
  n.merged.assign(10'000, "fedcba9876543210");
  for (const Notice::Edge edge : {Notice::Edge::firing, Notice::Edge::resolved}) {
    n.edge = edge;
    const std::string bytes = pagerduty_payload(n, monster());
    EXPECT_LE(bytes.size(), 60'000u);
    const json event = json::parse(bytes);
    EXPECT_LE(event["payload"]["summary"].get<std::string>().size(), 1024u);
    EXPECT_THAT(event["payload"]["summary"].get<std::string>(), StartsWith("[CRITICAL] db: "));
    EXPECT_EQ(event["dedup_key"], n.key);
  }
  n.edge = Notice::Edge::firing;
  const json details = json::parse(pagerduty_payload(n, monster()))["payload"]["custom_details"];
  EXPECT_THAT(details["command"].get<std::string>(), StartsWith("pgvigil diagnose"));
  EXPECT_THAT(details["message"].get<std::string>(), EndsWith("... (truncated)"));
}

TEST(Payload, when_room_is_short_the_middle_goes_and_the_frame_stays) {
  Message m = firing_message();
  m.paste.clear();
  for (int i = 0; i < 60; ++i)
    m.paste.push_back({.title = "step " + std::to_string(i),
                       .where = "database app",
                       .sql = "UPDATE t SET a = '" + std::string(2000, 'x') + "';",
                       .note = std::string(400, 'n')});
  const json teams = json::parse(teams_payload(m)), discord = json::parse(discord_payload(m));
  const std::string mattermost = json::parse(mattermost_payload(m))["text"];
  for (const std::string& text : {teams_text(teams), read_markdown(discord_text(discord)), read_markdown(mattermost)}) {
    EXPECT_THAT(text, HasSubstr(m.title));
    EXPECT_THAT(text, HasSubstr(m.lead_lines[0]));
    EXPECT_THAT(text, HasSubstr(m.lead_lines[1]));
    EXPECT_THAT(text, HasSubstr("step 0"));
    EXPECT_THAT(text, HasSubstr("more steps are not shown ... (truncated)"));
    EXPECT_THAT(text, HasSubstr(m.command));
    for (const Link& l : m.links) EXPECT_THAT(text, HasSubstr(l.url));
    EXPECT_THAT(text, HasSubstr(m.footer));
  }
  std::vector<std::string> shown;
  for (const json& r : teams_runs(teams))
    if (r.contains("fontType") && r["text"] != m.command) shown.push_back(r["text"]);
  for (const std::string& text : {discord_text(discord), mattermost})
    for (const std::string& code : code_blocks(text))
      if (code != m.command) shown.push_back(code);
  EXPECT_GE(shown.size(), 3u);
  for (const std::string& sql : shown) EXPECT_EQ(sql, m.paste[0].sql);
  // As comments tell it, where it is one text.
  const std::string listed =
      json::parse(pagerduty_payload(the_incident(), m))["payload"]["custom_details"]["remedy_sql"];
  EXPECT_THAT(listed, StartsWith("-- step 0 (database app)\n" + m.paste[0].sql + "\n-- step 1 (database app)\n"));
  EXPECT_THAT(listed, EndsWith(m.paste[2].sql + "\n-- 57 more steps are not shown ... (truncated)"));
}

TEST(Payload, pagerduty_has_one_key_from_its_trigger_to_its_end) {
  Notice update = the_incident();
  update.edge = Notice::Edge::update;
  update.changed = "the cause is now known";
  const json first = json::parse(pagerduty_payload(the_incident(), firing_message()));
  const json then = json::parse(pagerduty_payload(update, render(update, the_report(), options)));
  const json last = json::parse(pagerduty_payload(resolved_incident(), resolved_message()));
  EXPECT_EQ(first["event_action"], "trigger");
  EXPECT_EQ(then["event_action"], "trigger");
  EXPECT_EQ(last["event_action"], "resolve");
  for (const json& event : {first, then, last}) {
    EXPECT_EQ(event["dedup_key"], "0123456789abcdef");
    EXPECT_FALSE(event.contains("routing_key"));
    EXPECT_EQ(event["payload"]["timestamp"], "2024-10-04T03:05:00.000Z");
    EXPECT_EQ(event["payload"]["source"], "codeintel");
    EXPECT_EQ(event["client_url"], "https://pgvigil.example/db");
  }
  EXPECT_EQ(then["payload"]["custom_details"]["changed"], "the cause is now known");
  EXPECT_THAT(last["payload"]["summary"].get<std::string>(), StartsWith("[RESOLVED] "));
  EXPECT_LT(last.dump().size(), first.dump().size());
}

TEST(Payload, pagerduty_knows_severity_and_does_without_links) {
  Message m = render(the_incident(), the_report(), {});
  for (const auto& [severity, word] : {std::pair{Severity::critical, "critical"},
                                       {Severity::warning, "warning"},
                                       {Severity::info, "info"},
                                       {Severity::ok, "info"}}) {
    m.severity = severity;
    const json event = json::parse(pagerduty_payload(the_incident(), m));
    EXPECT_EQ(event["payload"]["severity"], word);
    EXPECT_FALSE(event.contains("client_url"));
    EXPECT_THAT(event["links"], IsEmpty());
  }
}

TEST(Payload, an_update_says_first_what_changed) {
  Notice update = the_incident();
  update.edge = Notice::Edge::update;
  update.changed = "the cause is now known";
  const Message m = render(update, the_report(), options);
  const std::vector<std::string> order = {"CRITICAL", "update: the cause is now known", "has no index", "load 41.6"};
  expect_in_order(mattermost_payload(m), order);
  expect_in_order(discord_text(json::parse(discord_payload(m))), order);
  expect_in_order(teams_text(json::parse(teams_payload(m))), order);
}

}  // namespace
}  // namespace pgvigil
