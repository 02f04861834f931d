// Ranking: causes above the symptoms they explain, and what is never silent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/core/evaluate.h"
#include "agent/core/incidents.h"
#include "agent/core/recording.h"
#include "agent/core/render_text.h"
#include "checks/probes/activity.h"
#include "checks/probes/server.h"
#include "checks/probes/tables.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;

constexpr Time now = Time{} + std::chrono::hours(24 * 20'000);

Session busy(std::int64_t pid, std::string query_id, double age) {
  Session s;
  s.pid = pid;
  s.backend_type = "client backend";
  s.state = "active";
  s.query_id = std::move(query_id);
  s.query_age = age;
  s.query_start = 1e9 + static_cast<double>(pid);
  return s;
}

History loaded(int sessions) {
  Scenario s;
  s.at = now;
  for (int ago = 10; ago >= 0; --ago) {
    std::vector<Session> all;
    for (int i = 0; i < sessions; ++i) all.push_back(busy(100 + i, "1", 5));
    s.saw(ago, activity, std::move(all));
  }
  return s.history;
}

Result found(std::string_view check, std::vector<Finding> findings) {
  Result r{.check = find_check(check), .findings = std::move(findings)};
  for (Finding& f : r.findings) f.check = check;
  return r;
}

Finding cause(std::string table, Severity severity, double load) {
  return {.role = Role::cause,
          .severity = severity,
          .object = {"table", table},
          .sentence = "all of " + table + " is read",
          .load = load,
          .tables = {table}};
}
Finding symptom(std::string sentence, Severity severity) {
  return {.role = Role::symptom, .severity = severity, .object = {"server", ""}, .sentence = std::move(sentence)};
}

Report ranked(std::vector<Result> results, int sessions = 10) {
  Context context;
  context.target = "t";
  return rank(std::move(results), loaded(sessions), context, now);
}

TEST(Rank, FoldsTheSymptomUnderTheCauseThatExplainsIt) {
  const Report r = ranked({found("load_above_cores", {symptom("5x load", Severity::critical)}),
                           found("seq_scan_hot_query", {cause("a", Severity::critical, 8)})});
  ASSERT_EQ(r.incidents.size(), 1u);
  EXPECT_EQ(r.incidents[0].lead().object.name, "a");
  ASSERT_EQ(r.incidents[0].symptoms.size(), 1u);
  EXPECT_EQ(r.verdict, Severity::critical);
  EXPECT_EQ(r.headline, "all of a is read");
  EXPECT_NEAR(r.incidents[0].share, 0.8, 0.01);
}

TEST(Rank, TheLargerLoadLeads) {
  const Report r = ranked(
      {found("seq_scan_hot_query", {cause("small", Severity::critical, 1), cause("large", Severity::critical, 7)})});
  ASSERT_EQ(r.incidents.size(), 1u);  // one family, one incident
  EXPECT_EQ(r.incidents[0].lead().object.name, "large");
  EXPECT_EQ(r.incidents[0].causes.size(), 2u);
}

TEST(Rank, ACauseThatCarriesLittleLoadDoesNotAccountForTheServer) {
  const Report r = ranked({found("load_above_cores", {symptom("5x load", Severity::critical)}),
                           found("seq_scan_hot_query", {cause("a", Severity::warning, 0.5)})});
  ASSERT_EQ(r.incidents.size(), 2u);
  EXPECT_FALSE(r.incidents[0].explained);
  EXPECT_THAT(r.headline, HasSubstr("its cause is not known"));
}

TEST(Rank, SymptomsThatNothingExplainsNameWhatIsNear) {
  const Report r = ranked({found("load_above_cores", {symptom("5x load", Severity::critical)})});
  ASSERT_EQ(r.incidents.size(), 1u);
  ASSERT_FALSE(r.incidents[0].suspects.empty());
  EXPECT_THAT(r.incidents[0].suspects[0], HasSubstr("100 % of the load"));
  EXPECT_THAT(render_text(r, {.width = 200}), HasSubstr("nearest:"));
}

Finding of_session(std::int64_t pid, Severity severity, double load) {
  return {.role = Role::cause,
          .severity = severity,
          .object = {"session", std::to_string(pid)},
          .sentence = "pid " + std::to_string(pid),
          .load = load,
          .sessions = {pid, 99}};
}

TEST(Rank, FullSlotsThatNothingExplainsAreTheirOwnCauseWhereTheirHolderIsNamed) {
  Finding full = symptom("97 of 97 connections are in use", Severity::critical);
  const auto load = found("load_above_cores", {symptom("5x load", Severity::critical)});
  EXPECT_FALSE(ranked({load, found("connections_saturated", {full})}).incidents.at(0).explained);
  full.remedies = {{Remedy::Kind::first_aid, "cancel what runs longest", {}}};
  const Report r = ranked({load, found("connections_saturated", {full})});
  ASSERT_EQ(r.incidents.size(), 1u);
  EXPECT_TRUE(r.incidents[0].explained);
  EXPECT_EQ(r.incidents[0].lead().sentence, full.sentence);
  const Report by_scan = ranked(
      {found("connections_saturated", {full}), found("seq_scan_hot_query", {cause("a", Severity::critical, 8)})});
  EXPECT_EQ(by_scan.incidents.at(0).lead().object.name, "a");
}

TEST(Rank, LoadThatNothingExplainsIsItsOwnCauseWhereItSaysWhy) {
  Finding load = symptom("12 statements run at once, 12 of them one", Severity::warning);
  EXPECT_FALSE(ranked({found("load_above_cores", {load})}).incidents.at(0).explained);
  load.fix = "a condition that joins them by equality";
  EXPECT_TRUE(ranked({found("load_above_cores", {load})}).incidents.at(0).explained);
}

TEST(Tie, APreparedTransactionIsTiedByThoseThatWaitForIt) {
  Finding queue = of_session(0, Severity::critical, 4), prepared = cause("", Severity::critical, 4);
  prepared.tables.clear();
  prepared.sessions = {99};
  EXPECT_EQ(tie(prepared, queue), Tie::shown);
  prepared.sessions = {98};
  EXPECT_EQ(tie(prepared, queue), Tie::refuted);
}

TEST(Tie, ComparesWhatBothName) {
  Finding a = cause("t", Severity::warning, 1), b = cause("t", Severity::warning, 1);
  EXPECT_EQ(tie(a, b), Tie::shown);
  b.tables = {"u"};
  EXPECT_EQ(tie(a, b), Tie::refuted);
  b.queries = a.queries = {"7"};
  EXPECT_EQ(tie(a, b), Tie::shown);  // one agreement is enough
  b.queries.clear();
  b.tables.clear();
  EXPECT_EQ(tie(a, b), Tie::open);
}

TEST(Rank, TwoFamiliesAreTwoIncidents) {
  const Report r = ranked({found("seq_scan_hot_query", {cause("a", Severity::critical, 4)}),
                           found("temp_spill", {cause("b", Severity::warning, 4)})});
  EXPECT_EQ(r.incidents.size(), 2u);
}

TEST(Rank, TheQueueStandsBehindTheBlockerThatExplainsIt) {
  const Report r = ranked({found("lock_queue", {of_session(7, Severity::critical, 8)}),
                           found("long_transaction", {of_session(7, Severity::critical, 8)})});
  ASSERT_EQ(r.incidents.size(), 1u);
  EXPECT_EQ(r.incidents[0].lead().check, "long_transaction");
  EXPECT_EQ(r.incidents[0].causes.size(), 1u);
  ASSERT_EQ(r.incidents[0].symptoms.size(), 1u);  // it is what the blocker explains
  EXPECT_NEAR(r.incidents[0].load, 8, 0.01);      // once
}

TEST(Rank, TheCauseOfACauseLeadsWithTheHarmAndTheLoadOfWhatItExplains) {
  const Report r = ranked({found("connections_rising", {symptom("rising", Severity::warning)}),
                           found("lock_queue", {of_session(7, Severity::critical, 6)}),
                           found("idle_in_transaction", {of_session(7, Severity::warning, 0)})});
  ASSERT_EQ(r.incidents.size(), 1u);
  EXPECT_EQ(r.incidents[0].lead().check, "idle_in_transaction");
  EXPECT_EQ(r.incidents[0].symptoms.size(), 2u);  // the queue, and through it the connections
  EXPECT_EQ(r.verdict, Severity::critical);
  EXPECT_NEAR(r.incidents[0].share, 0.6, 0.01);
}

TEST(Rank, AQueueBehindAnotherSessionIsAnIncidentOfItsOwn) {
  Finding other = of_session(8, Severity::critical, 5);
  other.sessions = {8, 98};
  const Report r =
      ranked({found("lock_queue", {other}), found("idle_in_transaction", {of_session(7, Severity::critical, 5)})});
  EXPECT_EQ(r.incidents.size(), 2u);
}

TEST(Rank, WhatCanWaitIsPostureAndNoPartOfTheVerdict) {
  Finding later = cause("a", Severity::critical, 0);
  later.act_by = ActBy::this_week;
  const Report r = ranked({found("invalid_index", {later})}, 0);
  EXPECT_EQ(r.verdict, Severity::ok);
  EXPECT_TRUE(r.incidents.empty());
  ASSERT_EQ(r.posture.size(), 1u);
}

TEST(Rank, ALesserFindingOfTheFamilyIsNamedWithTheIncident) {
  Finding small = cause("metadata", Severity::info, 0);
  const Report r =
      ranked({found("seq_scan_hot_query", {cause("a", Severity::critical, 8)}), found("unindexed_table", {small})});
  ASSERT_EQ(r.incidents.size(), 1u);
  EXPECT_EQ(r.incidents[0].causes.size(), 2u);
  EXPECT_TRUE(r.posture.empty());
}

TEST(Rank, AnUnknownIsABlindSpotWithItsMendAndNeverRuledOut) {
  Scenario s;
  s.at = now;
  s.failed(1, activity, {.sqlstate = "42501", .message = "permission denied", .mend = "GRANT pg_monitor TO x"});
  const Report r = rank(evaluate_all(s.history, s.context, {}, now), s.history, s.context, now);
  ASSERT_FALSE(r.blind_spots.empty());
  EXPECT_EQ(r.blind_spots[0].mend, "GRANT pg_monitor TO x");
  EXPECT_FALSE(r.blind_spots[0].checks.empty());
  EXPECT_TRUE(r.partial);
  for (const RuledOut& o : r.ruled_out) EXPECT_NE(o.check, "load_above_cores");
}

TEST(Recording, ReplayIsExact) {
  Recording saved{now, {}, loaded(3)};
  saved.context.target = "quote\" \x01 and ü";
  saved.context.vcpus = 2;
  const std::string text = save_recording(saved);
  const Recording again = load_recording(text);
  EXPECT_EQ(save_recording(again), text);
  EXPECT_EQ(again.history.series(activity).size(), saved.history.series(activity).size());
  EXPECT_EQ(
      render_text(rank(evaluate_all(again.history, again.context, {}, now), again.history, again.context, now), {}),
      render_text(rank(evaluate_all(saved.history, saved.context, {}, now), saved.history, saved.context, now), {}));
}

TEST(Recording, WhatAnEarlierVersionSavedIsStillRead) {
  auto saved = nlohmann::json::parse(save_recording({now, {}, loaded(1)}));
  for (auto& answer : saved["series"]["activity"]) {  // a column that was not asked then
    auto& columns = answer["columns"];
    const auto at = std::find(columns.begin(), columns.end(), "truncated") - columns.begin();
    columns.erase(columns.begin() + at);
    for (auto& row : answer["rows"]) row.erase(row.begin() + at);
  }
  const Recording again = load_recording(saved.dump());
  EXPECT_EQ(again.history.series(activity).size(), loaded(1).series(activity).size());
}

TEST(Recording, DamageIsOneClearError) {
  const std::string good = save_recording({now, {}, loaded(1)});
  for (const std::string& bad : {std::string(), std::string("{}"), std::string("[1]"), good.substr(0, good.size() / 2),
                                 std::string("{\"pgvigil_recording\": 99}"), std::string("{\"pgvigil_recording\": 1}")})
    EXPECT_THROW(load_recording(bad), BadRecording) << bad.substr(0, 40);
}

TEST(RenderText, TheFirstTwoLinesAreTheAnswer) {
  Finding f = cause("public.documents", Severity::critical, 8);
  f.fix = "index on public.documents (dump_id, path)";
  const std::string text = render_text(ranked({found("seq_scan_hot_query", {f})}), {.width = 200});
  const std::string first = text.substr(0, text.find('\n', text.find('\n') + 1));
  EXPECT_THAT(first, HasSubstr("CRITICAL"));
  EXPECT_THAT(first, HasSubstr("public.documents (dump_id, path)"));
}

TEST(RenderText, NothingReachesTheTerminalButText) {
  const std::string text = render_text(
      ranked({found("seq_scan_hot_query", {cause("evil\x1b]0;x\x07\xC2\x9B\xE2\x80\xAEname", Severity::critical, 8)})}),
      {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find("\xC2\x9B"), std::string::npos);
  EXPECT_EQ(text.find("\xE2\x80\xAE"), std::string::npos);
}

// What one database hides may be the cause: fine elsewhere is not fine.
TEST(Rank, ADatabaseThatDidNotAnswerMakesItPartial) {
  const auto partial = [](const char* sqlstate) {
    Scenario s;
    s.at = now;
    Observation o{now, {}};
    o.answers["tables"] = Answer{now, tables.rows({}), {{.database = "app", .sqlstate = sqlstate, .message = "no"}}, 0};
    s.history.add(std::move(o));
    return rank({{.check = find_check("unindexed_table")}}, s.history, {}, now).partial;
  };
  EXPECT_TRUE(partial("57014"));
  EXPECT_TRUE(partial("PGV01"));
  EXPECT_FALSE(partial("PGV03"));  // left out on purpose
  EXPECT_FALSE(partial("3D000"));  // dropped meanwhile
}

TEST(Rank, AMendNamesTheRoleThatIsConnected) {
  Server s;
  s.role = "Night Watch";
  s.version_num = 150000;
  s.can_read_data = true;
  History history;
  Observation o{now, {}};
  o.answers["server"] = Answer{now, server.rows({s}), {}, 0};
  o.answers["activity"] = Answer{now, nullptr, {{.sqlstate = "42501", .mend = "GRANT pg_monitor TO pgvigil;"}}, 0};
  history.add(std::move(o));
  const Report r = rank({}, history, {}, now);
  ASSERT_EQ(r.blind_spots.size(), 2U);
  for (const BlindSpot& b : r.blind_spots) EXPECT_EQ(b.mend, "GRANT pg_monitor TO \"Night Watch\";");
}

}  // namespace
}  // namespace pgvigil
