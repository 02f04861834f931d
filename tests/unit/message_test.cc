#include "agent/core/message.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/alerts/payload.h"

namespace pgvigil {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const Time start = Time{} + std::chrono::hours(24 * 20'000) + std::chrono::minutes(185);
const Check no_index{.id = "unindexed_table", .title = "Large table without an index", .why = ""};

Step step_of(std::string title, std::string sql) {
  return {.title = std::move(title), .database = "app", .run_as = "app_owner", .sql = std::move(sql)};
}

Finding table_finding(const std::string& table, const std::string& columns) {
  Finding f{.severity = Severity::critical,
            .object = {"table", table, "app"},
            .sentence = table + " (266 GB) has no index; every look-up reads all of it",
            .evidence = {{"plan", "Parallel Seq Scan"}, {"rows read", "1.9 million for 1"}},
            .remedies = {},
            .confidence = Confidence::high,
            .basis = "the plan of the running query"};
  f.check = "unindexed_table";
  Step cure = step_of("index " + table, "CREATE INDEX CONCURRENTLY ON " + table + " " + columns + ";");
  cure.caution = "a failed build leaves an invalid index";
  f.remedies.push_back(
      {Remedy::Kind::first_aid, "cancel the readers", {step_of("cancel", "SELECT pg_cancel_backend(1);")}});
  f.remedies.push_back({Remedy::Kind::cure, "build the missing indexes", {cure}});
  f.tables = {table};
  return f;
}

Notice the_incident() {
  Notice n{.key = "0123456789abcdef",
           .target = "codeintel",
           .incident = {},
           .started = start,
           .fired = start,
           .at = after(start, 2)};
  n.incident.causes = {table_finding("public.lsif_data_documents", "(dump_id, path)"),
                       table_finding("public.lsif_data_metadata", "(dump_id)")};
  Finding cpu{.role = Role::symptom, .object = {"host", "host"}, .sentence = "CPU is at 96% of 4 cores"};
  cpu.check = "cpu_saturated";
  n.incident.symptoms = {cpu};
  n.incident.severity = Severity::critical;
  n.incident.load = 36.6;
  n.incident.share = 0.88;
  return n;
}

Report the_report() {
  Report r;
  r.target = "codeintel";
  r.load = {.active = 41.6, .vcpus = 4.0, .seconds = 10, .samples = 10};
  r.cpu_busy = 0.96;
  r.connections_used = 178;
  r.connections_max = 200;
  r.ruled_out = {{"locks", "Locks", "0 waits above 1 s"}, {"vacuum", "Autovacuum", ""}};
  r.results.push_back({.check = &no_index});
  return r;
}

const MessageOptions options{.external_url = "https://pgvigil.example/db",
                             .diagnose_command = "pgvigil diagnose {target}",
                             .runbook_url = "https://wiki.example/runbooks"};

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
  Notice over = the_incident();
  over.edge = Notice::Edge::resolved;
  over.at = after(start, 600);
  over.changed = "not seen for 30 s in complete reports";
  over.merged = {"fedcba9876543210"};
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

}  // namespace
}  // namespace pgvigil
