// What names may hold must stay text, and what is to be pasted must stay as it is.
#include <gmock/gmock.h>

#include <utility>

#include "agent/alerts/payload.h"
#include "agent/alerts/payload_markdown.h"
#include "tests/unit/read_payload.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Marks, a mention and addresses, in each place that a name comes to.
const std::string hostile =
    "public.\"*a* _b_ __c__ `d` ~~e~~ [f](https://evil.example) <https://evil.example> <@&1> @here "
    "www.evil.example | # \\ &lt; {{DATE(2024-10-04T03:05:01Z)}} c_d\"";
Message hostile_message() {
  Message m = firing_message();
  m.title += hostile;
  m.lead_lines = {"- " + hostile, "12. " + hostile, "# " + hostile};
  m.why = m.not_cause = m.remedy = hostile;
  m.paste = {{.title = hostile, .where = hostile, .sql = "SELECT " + hostile + ";", .note = hostile}};
  m.undone = {hostile};
  m.footer = hostile;
  return m;
}

// Text of a chat without its code blocks, its escapes, and the bold and the links that are ours.
std::string marks_left(std::string text, const Message& m, Escape mark) {
  for (std::size_t from = 0; (from = text.find("```")) != std::string::npos;)
    text.erase(from, text.find("```", from + 3) + 3 - from);
  for (const Link& l : m.links) text = without(text, markdown(l, mark));
  std::string left;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\\')
      ++i;
    else
      left += text[i];
  return without(left, "**");
}

TEST(PayloadMarkup, what_names_hold_is_shown_and_is_no_markup) {
  const Message m = hostile_message();
  json embed = json::parse(discord_payload(m));
  EXPECT_EQ(std::exchange(embed["embeds"][0]["footer"]["text"], ""), m.footer);  // which has no Markdown
  const std::string discord = discord_text(embed), mattermost = json::parse(mattermost_payload(m))["text"];
  for (const auto& [text, mark] : {std::pair{discord, Escape{discord_mark}}, {mattermost, Escape{mattermost_mark}}}) {
    const std::string left = marks_left(text, m, mark);
    EXPECT_EQ(left.find_first_of("*`~[]<>#|"), std::string::npos) << left;
    EXPECT_THAT(left, Not(HasSubstr("@here")));
    EXPECT_THAT(left, Not(HasSubstr("://")));
    EXPECT_THAT(left, Not(HasSubstr("www.")));
    EXPECT_THAT(left, Not(HasSubstr("\n- ")));
    EXPECT_THAT(left, Not(HasSubstr("\n12. ")));
  }
  for (const std::string& line : {m.title, m.lead_lines[0], m.lead_lines[1], m.lead_lines[2], "Cure: " + m.remedy})
    EXPECT_THAT(without(read_markdown(mattermost), "**"), HasSubstr(line));
  EXPECT_THAT(mattermost, HasSubstr("&amp;lt;"));
  EXPECT_EQ(json::parse(discord_payload(m))["allowed_mentions"], json({{"parse", json::array()}}));
}

TEST(PayloadMarkup, teams_shows_names_in_runs_which_have_no_markup) {
  const Message m = hostile_message();
  const json made = json::parse(teams_payload(m));
  for (const json& b : teams_body(made)) EXPECT_EQ(b["type"], "RichTextBlock");
  std::vector<std::string> runs;
  for (const json& r : teams_runs(made)) {
    EXPECT_EQ(r["type"], "TextRun");
    EXPECT_THAT(r["text"].get<std::string>(), Not(HasSubstr("{{DATE(")));
    runs.push_back(without_zero_width(r["text"]));
  }
  for (const std::string& text :
       {m.title, m.lead_lines[0], m.lead_lines[2], std::string(cannot_be_shown), m.undone[0], m.footer})
    EXPECT_THAT(runs, testing::Contains(text));
  EXPECT_THAT(runs, testing::Contains(" " + m.why));
}

TEST(PayloadMarkup, sql_can_be_pasted_from_everywhere) {
  Message m = firing_message();
  m.paste[0].sql = "DO $$\nBEGIN\n  -- @here *a* _b_ <c> & [d](https://e) \\ {{1}}\n  PERFORM 'x' || \"y`z\";\nEND $$;";
  std::vector<std::string> runs;
  for (const json& r : teams_runs(json::parse(teams_payload(m))))
    if (r.value("fontType", "") == "Monospace") runs.push_back(r["text"]);
  EXPECT_THAT(runs, testing::ElementsAre(m.paste[0].sql, m.paste[1].sql, m.command));
  EXPECT_THAT(code_blocks(discord_text(json::parse(discord_payload(m)))),
              testing::ElementsAre(m.paste[0].sql, m.paste[1].sql, m.command));
  EXPECT_THAT(code_blocks(json::parse(mattermost_payload(m))["text"]),
              testing::ElementsAre(m.paste[0].sql, m.paste[1].sql, m.command));
  EXPECT_THAT(json::parse(pagerduty_payload(the_incident(), m))["payload"]["custom_details"]["remedy_sql"],
              HasSubstr(m.paste[0].sql));
}

TEST(PayloadMarkup, what_would_end_a_code_block_is_not_put_into_one) {
  Message m = firing_message();
  m.paste[0].sql = "SELECT '```';";
  m.command = "pgvigil diagnose 'a```b'";
  for (const std::string& text :
       {discord_text(json::parse(discord_payload(m))), json::parse(mattermost_payload(m))["text"].get<std::string>()}) {
    EXPECT_THAT(text, HasSubstr("cannot be shown here as it is"));
    EXPECT_THAT(code_blocks(text), testing::ElementsAre(m.paste[1].sql));
    EXPECT_THAT(text, HasSubstr("a\\`\\`\\`b"));
  }
}

TEST(PayloadMarkup, markdown_is_never_cut_inside_an_escape_or_a_character) {
  const std::string text = "**__[]&&<<ää中中@here``||\\\\*_*_*_*_*_*_*_*_*_*_*_*_";
  for (const Escape mark : {Escape{discord_mark}, Escape{mattermost_mark}})
    for (std::size_t max = 16; max < 120; ++max) {
      const std::string made = markdown(text, mark, max);
      EXPECT_LE(made.size(), max);
      const std::string head = made.substr(0, made.find("... (truncated)"));
      EXPECT_EQ(one_line(without_zero_width(head)), without_zero_width(head));
      EXPECT_THAT(text, StartsWith(read_markdown(head)))
          << max;  // half an escape would be a backslash or an & of its own
    }
}

TEST(PayloadMarkup, an_underscore_inside_a_name_needs_no_escape) {
  for (const Escape mark : {Escape{discord_mark}, Escape{mattermost_mark}}) {
    EXPECT_EQ(markdown("public.lsif_data_documents (dump_id)", mark), "public.lsif_data_documents (dump_id)");
    EXPECT_EQ(markdown("_a_ b__c d_", mark), "\\_a\\_ b\\_\\_c d\\_");
    EXPECT_EQ(markdown("3.5 GB", mark), "3.5 GB");
    EXPECT_EQ(markdown("  12) b", mark), "12\\) b");
  }
}

TEST(PayloadMarkup, a_name_makes_no_mention_and_no_address) {
  EXPECT_EQ(defused("@here @channel @all a@b.example @中"),
            "@\u200bhere @\u200bchannel @\u200ball a@\u200bb.example @\u200b中");
  EXPECT_EQ(defused("http://a WWW.b www12.c"), "http:\u200b//a WWW\u200b.b www12\u200b.c");
  EXPECT_EQ(defused("tags @> '{a}', a.b, x::text, ww.x, 03:14"), "tags @> '{a}', a.b, x::text, ww.x, 03:14");
}

}  // namespace
}  // namespace pgvigil
