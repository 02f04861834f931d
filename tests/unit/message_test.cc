#include "agent/core/message.h"

#include <gmock/gmock.h>

#include "agent/alerts/payload.h"
#include "tests/unit/made_incident.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Message, the_first_lines_name_every_table_with_its_columns) {
  const Message m = render(the_incident(), the_report(), options);
  EXPECT_EQ(
      m.title,
      "[CRITICAL] codeintel: Large table without an index: public.lsif_data_documents (dump_id, path) and 1 more");
  ASSERT_GE(m.lead_lines.size(), 2u);
  EXPECT_THAT(m.lead_lines[0], HasSubstr("lsif_data_documents (dump_id, path)"));
  EXPECT_THAT(m.lead_lines[0], HasSubstr("public.lsif_data_metadata (dump_id)"));
  EXPECT_EQ(m.lead_lines[1],
            "load 41.6 active sessions on 4 vCPU (10.4x), 88% of it is this; CPU 96%; connections 178 of 200; "
            "seen as: CPU is at 96% of 4 cores");
  EXPECT_EQ(m.why,
            "plan: Parallel Seq Scan; rows read: 1.9 million for 1. Confidence high: the plan of the running query");
  EXPECT_EQ(m.not_cause, "0 waits above 1 s; Autovacuum");
  // What would explain the same comes first; a check of another kind is no cause that was ruled out.
  const Check vacuum{
      .id = "vacuum", .title = "Autovacuum", .why = "", .role = Role::cause, .explains = {"cpu_saturated"}};
  const Check advice{.id = "locks", .title = "Locks", .why = "", .role = Role::advice};
  Report r = the_report();
  r.results.push_back({.check = &vacuum});
  EXPECT_EQ(render(the_incident(), r, options).not_cause, "Autovacuum; 0 waits above 1 s");
  r.results.push_back({.check = &advice});
  EXPECT_EQ(render(the_incident(), r, options).not_cause, "Autovacuum");
  ASSERT_EQ(m.paste.size(), 2u);
  EXPECT_EQ(m.paste[0].sql, "CREATE INDEX CONCURRENTLY ON public.lsif_data_documents (dump_id, path);");
  EXPECT_EQ(m.paste[0].where, "database app, as app_owner");
  EXPECT_EQ(m.command, "pgvigil diagnose codeintel");
  ASSERT_EQ(m.links.size(), 2u);
  EXPECT_EQ(m.links[1].url, "https://wiki.example/runbooks/unindexed_table");
  EXPECT_EQ(m.footer, "since 2024-10-04 03:05Z | id 0123456789abcdef | 2 findings | 1 symptom");
}

TEST(Message, columns_come_from_any_create_index_and_from_evidence) {
  Notice n = the_incident();
  n.incident.causes = {table_finding("app.\"Odd \"\"Name\"\"\"", "(lower(\"on\"), (a || ')')) WHERE x")};
  n.incident.causes[0].remedies[1].steps[0].sql =
      "SET temp_file_limit = '20GB';\ncreate unique index concurrently if not exists \"my on (idx)\" on only "
      "app.\"Odd \"\"Name\"\"\" using btree (lower(\"on\"), path);";
  Finding plain = table_finding("other", "()");
  plain.remedies.clear();
  plain.evidence = {{"filter columns", "dump_id, path"}};
  n.incident.causes.push_back(plain);
  const Message m = render(n, the_report(), options);
  ASSERT_EQ(m.objects.size(), 2u);
  EXPECT_EQ(m.objects[0], "app.\"Odd \"\"Name\"\"\" (lower(\"on\"), path)");
  EXPECT_EQ(m.objects[1], "other (dump_id, path)");
}

TEST(Message, alternatives_and_first_aid_are_not_the_straight_path) {
  Notice n = the_incident();
  n.incident.causes[0].remedies[1].steps[0].straight_path = false;
  const Message m = render(n, the_report(), options);
  ASSERT_EQ(m.paste.size(), 1u);
  EXPECT_THAT(m.paste[0].sql, HasSubstr("lsif_data_metadata"));
}

TEST(Message, a_symptom_says_that_its_cause_is_not_known) {
  Notice n = the_incident();
  n.incident.causes = n.incident.symptoms;
  n.incident.symptoms.clear();
  n.incident.explained = false;
  n.incident.severity = Severity::warning;
  const Message m = render(n, the_report(), {});
  EXPECT_EQ(m.title, "[WARNING] codeintel: CPU is at 96% of 4 cores");
  EXPECT_THAT(m.lead_lines[0], StartsWith("cause not known yet: "));
  EXPECT_THAT(m.paste, IsEmpty());
  EXPECT_THAT(m.links, IsEmpty());
}

TEST(Message, what_happened_at_that_time_stands_beside_the_cause) {
  Notice n = the_incident();
  n.incident.events = {{.role = Role::event,
                        .object = {"index", "public.docs_key", "app"},
                        .sentence = "index public.docs_key on public.docs (path) was dropped at 03:04:58 UTC"}};
  EXPECT_THAT(
      render(n, the_report(), options).lead_lines,
      testing::Contains("what changed: index public.docs_key on public.docs (path) was dropped at 03:04:58 UTC"));
}

TEST(Message, an_update_says_what_changed) {
  Notice n = the_incident();
  n.edge = Notice::Edge::update;
  n.changed = "the cause is now known";
  EXPECT_EQ(render(n, the_report(), options).lead_lines[0], "update: the cause is now known");
}

TEST(Message, resolved_says_how_long_what_changed_and_what_was_left) {
  Notice n = the_incident();
  n.edge = Notice::Edge::resolved;
  n.at = after(start, 23 * 60);
  n.changed = "not seen for 30 s in complete reports";
  Report r = the_report();
  r.load.active = 0.4;
  Finding invalid{.object = {"index", "public.lsif_data_documents_idx"},
                  .sentence = "lsif_data_documents_idx is invalid"};
  invalid.tables = {"public.lsif_data_documents"};
  Finding foreign{.object = {"index", "public.other_idx"}, .sentence = "other_idx is invalid"};
  foreign.tables = {"public.other"};
  r.posture = {invalid, foreign};
  const Message m = render(n, r, options);
  EXPECT_THAT(m.title, StartsWith("[RESOLVED] codeintel: "));
  EXPECT_EQ(m.lead_lines[0],
            "over after 23 min, 2024-10-04 03:05Z to 2024-10-04 03:28Z: not seen for 30 s in complete reports");
  EXPECT_EQ(m.lead_lines[1], "load now 0.4 active sessions on 4 vCPU (0.1x), was 36.6 from this");
  EXPECT_THAT(m.undone, testing::ElementsAre("lsif_data_documents_idx is invalid"));
  EXPECT_THAT(m.paste, IsEmpty());
}

TEST(Message, statements_that_would_not_paste_as_they_are_are_not_shown) {
  for (const std::string& sql :
       {std::string(5000, 'x'), std::string("DROP INDEX \"```\";"), std::string("DROP \x1b[2J;"),
        std::string("DROP \xff;"), std::string("DROP \"\u202etxt\";")}) {
    Notice n = the_incident();
    n.incident.causes.resize(1);
    n.incident.causes[0].remedies[1].steps[0].sql = sql;
    const Message m = render(n, the_report(), options);
    for (const Paste& p : m.paste) EXPECT_EQ(p.sql, "");
    EXPECT_EQ(m.paste.size() + m.more_steps, 1u);
  }
}

TEST(Message, a_preflight_is_told_only_where_the_step_would_fail_or_wait) {
  using Outcome = Preflight::Outcome;
  for (const auto& [outcome, phrase, told] :
       {std::tuple(Outcome::pass, "goes through now", ""),
        {Outcome::unknown, "not looked at: disk", ""},
        {Outcome::wait, "waits for 1 transaction (5 min, pid 7, idle)",
         "now it waits for 1 transaction (5 min, pid 7, idle); end it"},
        {Outcome::fail, "would fail: a standby", "now it would fail: a standby; end it"}}) {
    Notice n = the_incident();
    n.incident.causes.resize(1);
    n.incident.causes[0].remedies[1].steps[0].preflight = Preflight{outcome, phrase, {{"x", outcome, "y", "end it"}}};
    const std::string text = plain_text(render(n, the_report(), options));
    if (*told == '\0')
      EXPECT_THAT(text, Not(HasSubstr(phrase)));
    else
      EXPECT_THAT(text, HasSubstr(told));
  }
}

TEST(Message, a_hundred_tables_stay_bounded) {
  Notice n = the_incident();
  n.incident.causes.clear();
  for (int i = 0; i < 500; ++i) n.incident.causes.push_back(table_finding("public.t" + std::to_string(i), "(a, b)"));
  const Message m = render(n, the_report(), options);
  EXPECT_THAT(m.title, HasSubstr("and 499 more"));
  EXPECT_LT(plain_text(m).size(), 12'000u);
  EXPECT_EQ(m.paste.size() + m.more_steps, 500u);
  EXPECT_LT(slack_payload(m).size(), 40'000u);
}

TEST(Message, small_words) {
  EXPECT_EQ(one_line("a\nb\tc\r\n\x1b[31md\xff\u202e\u200b"), "a b c \uFFFD[31md\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(one_line("käse \xe4\xb8\xad \xf0\x9f\x90\x98"), "käse \xe4\xb8\xad \xf0\x9f\x90\x98");
  EXPECT_EQ(one_line("\xc0\xaf\xed\xa0\x80\xe4\xb8").find_first_not_of("\xEF\xBF\xBD"), std::string::npos);
  EXPECT_EQ(cut("short", 5), "short");
  EXPECT_EQ(cut(std::string(40, 'x'), 20), "xxxxx... (truncated)");
  EXPECT_EQ(cut("ääääääääääääääääääää", 20), "ää... (truncated)");
  EXPECT_EQ(span_in_words(45), "45 s");
  EXPECT_EQ(span_in_words(720), "12 min");
  EXPECT_EQ(span_in_words(3 * 3600 + 300), "3 h 5 min");
  EXPECT_EQ(span_in_words(52 * 3600), "2 d 4 h");
  EXPECT_EQ(rfc3339(after(start, 1.25)), "2024-10-04T03:05:01.250Z");
}

TEST(Message, a_target_is_quoted_for_the_shell) {
  Notice n = the_incident();
  n.target = "db'; rm -rf /";
  EXPECT_EQ(render(n, the_report(), options).command, "pgvigil diagnose 'db'\\''; rm -rf /'");
}

}  // namespace
}  // namespace pgvigil
