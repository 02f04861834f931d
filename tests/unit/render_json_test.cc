// The golden reports of tests/e2e/reports are what render_json makes of these; the test of the page shows them.
// PGVIGIL_UPDATE_GOLDEN=1 writes them anew.
#include "agent/core/render_json.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/core/text.h"

namespace pgvigil {
namespace {

using nlohmann::json;

const Time at = Time(std::chrono::milliseconds(1'795'000'000'250));

const Check& a_check(std::string_view id) {
  static const Check unindexed{.id = "unindexed_table", .title = "Large table without an index", .why = "w"};
  static const Check cpu{.id = "cpu_saturated", .title = "CPU saturated", .why = "w"};
  static const Check locks{.id = "lock_waits", .title = "Waiting for locks", .why = "w"};
  static const Check temp{.id = "temp_spill", .title = "Temporary files in flight", .why = "w"};
  for (const Check* c : {&unindexed, &cpu, &locks})
    if (c->id == id) return *c;
  return temp;
}

Finding unindexed(const std::string& table, double load) {
  Finding f;
  f.check = "unindexed_table";
  f.severity = Severity::critical;
  f.object = {"table", table, "codeintel"};
  f.sentence = table + " has no index; every look-up reads all of it";
  f.evidence = {{"size", "5.5 GB heap, 261 GB TOAST"},
                {"plan", "Parallel Seq Scan, filter (dump_id, path)\nreads 1.9 million rows to return 1"},
                {"load", "36.6 of 41.6 active sessions"}};
  Step build;
  build.title = "Build the index without blocking writers";
  build.database = "codeintel";
  build.run_as = "codeintel_owner";
  build.sql = "CREATE INDEX CONCURRENTLY ON " + table + " (dump_id, path);";
  build.relief = "about 88 % of the load";
  build.duration = "about 4 min on an idle server";
  build.lock = "nothing; waits for old transactions";
  build.undo = "DROP INDEX CONCURRENTLY lsif_data_documents_dump_id_path_idx;";
  build.caution = "needs about 3.4 GB of temporary space and temp_file_limit is 1 GB: raise it first";
  build.load_relieved = 36.6;
  build.minutes = 4;
  using Outcome = Preflight::Outcome;
  build.preflight =
      Preflight{Outcome::fail,
                "would fail: needs about 3.4 GB of temporary files, temp_file_limit is 1 GB; waits for 2 transactions "
                "(oldest 5 min, "
                "pid 4711, idle)",
                {{"writes", Outcome::pass, "a primary"},
                 {"temporary files", Outcome::fail, "needs about 3.4 GB of temporary files, temp_file_limit is 1 GB",
                  "as a superuser SET temp_file_limit"},
                 {"disk", Outcome::unknown, "needs about 5.1 GB; the server's disks are not seen from here",
                  "look with df on the server"},
                 {"open transactions", Outcome::wait,
                  "it waits for pid 4711 (loader, idle in transaction, 5 min) and pid 4720 (lsif, active, 40 s)",
                  "pid 4711 sits idle and does not end by itself: let it commit, or end it"}}};
  Step limit = build;
  limit.title = "Raise the temporary limit of this session first";
  limit.run_as = "superuser";
  limit.sql = "SET temp_file_limit = '20GB';";
  limit.relief = limit.lock = limit.undo = limit.caution = "";
  limit.duration = "at once";
  limit.straight_path = false;
  limit.preflight.reset();
  Step cancel;
  cancel.title = "Cancel the readers that pile up";
  cancel.database = "codeintel";
  cancel.run_as = "superuser";
  cancel.sql =
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity\nWHERE query LIKE '%lsif_data_documents%' AND state = "
      "'active' AND pid <> pg_backend_pid();";
  cancel.relief = "for as long as nobody asks again";
  cancel.preflight = Preflight{
      Outcome::pass, "goes through now", {{"session", Outcome::pass, "it chooses its sessions when it is run"}}};
  f.remedies = {{Remedy::Kind::first_aid, "stops the pile-up for a moment", {cancel}},
                {Remedy::Kind::cure, "give the look-ups an index", {build, limit}}};
  f.confidence = Confidence::high;
  f.basis = "the plan of the running query and the counters of the table agree";
  f.load = load;
  f.tables = {table};
  f.queries = {"-4711"};
  f.sessions = {101, 102};
  f.since = after(at, -50'460);
  return f;
}

Finding symptom(const std::string& check, const std::string& sentence, Severity severity) {
  Finding f;
  f.check = check;
  f.role = Role::symptom;
  f.severity = severity;
  f.object = {"server", "", ""};
  f.sentence = sentence;
  f.evidence = {{"seen", "in each of the last 12 samples"}};
  f.confidence = Confidence::high;
  return f;
}

Report base() {
  Report r;
  r.target = "codeintel@db-1:5432";
  r.at = at;
  r.version = "15.20";
  r.load.vcpus = 4;
  r.load.seconds = 60;
  r.load.samples = 60;
  r.connections_max = 200;
  r.cpu_source = "host";
  r.cost = {2, 0.21, 64, 48'211, 60};
  return r;
}

Report healthy() {
  Report r = base();
  r.headline = "nothing harms this server";
  r.reason = "load is 0.4 on 4 vCPUs, 21 of 200 connections are in use";
  r.load.active = 0.4, r.load.on_cpu = 0.3, r.load.io = 0.1;
  r.connections_used = 21;
  r.cpu_busy = 0.07;
  r.ruled_out = {{"lock_waits", "Waiting for locks", "0 sessions wait"},
                 {"connections_saturated", "Connections used up", "21 of 200"},
                 {"invalid_index", "Invalid indexes", "none in 4 databases"}};
  r.results = {{&a_check("unindexed_table"), {}, {}, "no table above 1 GB without one"},
               {&a_check("lock_waits"), {}, {}, "0 sessions wait"}};
  return r;
}

Report incident() {
  Report r = base();
  r.verdict = Severity::critical;
  r.partial = true;
  r.headline = "5 tables have no index; every request reads them whole";
  r.reason = "lsif_data_documents needs an index on (dump_id, path): 88 % of the load waits for it";
  Incident i;
  i.causes = {unindexed("public.lsif_data_documents", 36.6), unindexed("public.lsif_data_references", 2.9)};
  i.symptoms = {
      symptom("cpu_saturated", "the CPU is 96 % busy", Severity::critical),
      symptom("connections_rising", "connections grow by 9 a minute, full in about 2 min", Severity::warning)};
  i.severity = Severity::critical;
  i.load = 39.5;
  i.share = 0.95;
  i.since = after(at, -50'460);
  Incident unknown;
  unknown.explained = false;
  unknown.severity = Severity::warning;
  unknown.act_by = ActBy::today;
  unknown.causes = {symptom("temp_spill", "a session writes 800 MB of temporary files", Severity::warning)};
  r.incidents = {i, unknown};
  Finding posture =
      symptom("invalid_index", "index public.lsif_old_idx is invalid and only costs writes", Severity::info);
  posture.role = Role::advice;
  posture.act_by = ActBy::this_week;
  r.posture = {posture};
  r.ruled_out = healthy().ruled_out;
  r.blind_spots = {{"plans of 2 statements",
                    "the role may not read the table",
                    "GRANT pg_read_all_data TO pgvigil;",
                    {"seq_scan_hot_query"}}};
  r.load.active = 41.6, r.load.on_cpu = 38.7, r.load.lock = 0.4, r.load.io = 1.9, r.load.client = 0.5,
  r.load.other = 0.1;
  r.connections_used = 178;
  r.cpu_busy = 0.96;
  r.results = {{&a_check("unindexed_table"), i.causes, {}, ""},
               {&a_check("cpu_saturated"), {i.symptoms[0]}, {}, ""},
               {&a_check("lock_waits"), {}, {}, "0 sessions wait"},
               {&a_check("temp_spill"),
                {},
                Failure{"codeintel", "42501", "permission denied", "GRANT pg_monitor TO pgvigil;"},
                ""}};
  return r;
}

Report unreachable() {
  Report r = base();
  r.reachable = false;
  r.verdict = Severity::critical;
  r.version = "";
  r.headline = "db-1:5432 does not answer: connection refused";
  r.reason = "nothing listens on the port; the last answer came 42 s ago";
  r.load = {};
  r.connections_max.reset();
  r.cpu_source = "";
  r.blind_spots = {{"everything inside the server", "no connection", "", {"unindexed_table", "lock_waits"}}};
  return r;
}

Report hostile() {
  Report r = incident();
  const std::string name = "\"<script>alert(1)</script>\n\xe2\x80\xae'; -- \xe9\xff\"";
  r.target = "<i>two</i> & \"more\"";
  r.headline = name + " has no index <img src=x onerror=alert(2)>";
  r.incidents[0].causes = {unindexed(name, 36.6)};
  r.incidents[0].causes[0].evidence.push_back({"<b>plan</b>", "</script><script>alert(3)</script>"});
  return r;
}

std::string read(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Golden : public testing::TestWithParam<std::pair<const char*, Report (*)()>> {};

TEST_P(Golden, report_is_rendered_as_recorded) {
  const auto [name, make] = GetParam();
  const std::string path = std::string(PGVIGIL_SOURCE_DIR) + "/tests/e2e/reports/" + name + ".json";
  const std::string text = render_json(make(), 2) + "\n";
  if (std::getenv("PGVIGIL_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, read(path)) << "hint: PGVIGIL_UPDATE_GOLDEN=1 writes it anew; look at the difference";
}
INSTANTIATE_TEST_SUITE_P(RenderJson, Golden,
                         testing::Values(std::pair{"healthy", &healthy}, std::pair{"incident", &incident},
                                         std::pair{"unreachable", &unreachable}, std::pair{"hostile", &hostile}),
                         [](const auto& i) { return i.param.first; });

TEST(RenderJson, one_line_unless_asked_otherwise) {
  const std::string text = render_json(incident());
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(text), json::parse(render_json(incident(), 2)));
}

TEST(RenderJson, flat_causes_leave_out_symptoms_without_a_cause) {
  const json causes = json::parse(render_json(incident())).at("causes");
  ASSERT_EQ(causes.size(), 2U);
  EXPECT_EQ(causes[0].at("object"), "public.lsif_data_documents");
  EXPECT_EQ(causes[1].at("object"), "public.lsif_data_references");
  EXPECT_EQ(causes[0].at("confidence"), "high");
  EXPECT_EQ(json::parse(render_json(incident())).at("incidents").size(), 2U);
}

TEST(RenderJson, every_check_has_a_state) {
  std::vector<std::string> states;
  const json report = json::parse(render_json(incident()));
  for (const json& c : report.at("checks")) states.push_back(c.at("state"));
  EXPECT_THAT(states, testing::ElementsAre("found", "found", "fine", "unknown"));
}

TEST(RenderJson, unknown_figures_are_null_and_not_zero) {
  Report r = unreachable();
  r.load.active = std::nan("");
  const json j = json::parse(render_json(r));
  EXPECT_TRUE(j.at("cpu").at("busy").is_null());
  EXPECT_TRUE(j.at("connections").at("used").is_null());
  EXPECT_TRUE(j.at("version").is_null());
  EXPECT_TRUE(j.at("load").at("active").is_null());
}

TEST(RenderJson, times_are_rfc3339_in_utc) {
  EXPECT_EQ(rfc3339(Time{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(Time(std::chrono::milliseconds(-1))), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(Time(std::chrono::seconds(951'782'400))), "2000-02-29T00:00:00.000Z");
}

}  // namespace
}  // namespace pgvigil
