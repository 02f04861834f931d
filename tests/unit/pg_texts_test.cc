// Literals leave neither a query's text nor a plan; and what the agent remembers of both.
#include <gtest/gtest.h>

#include "agent/pg/explain.h"
#include "agent/pg/explain_memory.h"

namespace pgvigil::pg {
namespace {

Sheet sample(std::vector<std::vector<Cell>> rows) {
  return {{"database", "query_id", "query", "truncated", "backend_type"}, std::move(rows)};
}

TEST(QueryTexts, TakesLiteralsOutAndKeepsThemForExplain) {
  QueryTexts texts;
  Sheet s = sample({{"d", "", "select * from t where a = 's3cret'", "f", "client backend"},
                    {"d", "42", "select * from t where b = 's3cret' and c = ", "t", "client backend"},
                    {"d", "7", "select * from u where a = 17", "f", "client backend"},
                    {"d", "", "<insufficient privilege>", "f", Cell()},
                    {"d", "", "autovacuum: VACUUM public.t", "f", "autovacuum worker"},
                    {"d", "", Cell(), Cell(), "walsender"}});
  texts.clean(s);
  for (const auto& row : s.rows) EXPECT_EQ(row[2].value_or("").find("s3cret"), std::string::npos) << *row[2];
  EXPECT_TRUE(s.rows[0][1]->starts_with("f")) << *s.rows[0][1];
  EXPECT_EQ(s.rows[1][1], "42");
  EXPECT_EQ(s.rows[3][1], "");
  EXPECT_EQ(s.rows[3][2], "<insufficient privilege>");
  EXPECT_EQ(s.rows[4][1], "");
  EXPECT_EQ(texts.with_literals("d", *s.rows[0][1]), "select * from t where a = 's3cret'");
  EXPECT_EQ(texts.with_literals("d", "7"), "select * from u where a = 17");
  EXPECT_FALSE(texts.with_literals("d", "42"));  // cut off: not whole
  EXPECT_FALSE(texts.with_literals("other", "7"));
}

TEST(QueryTexts, TakesBodiesApartAndKeepsTheirLiteralsForExplain) {
  QueryTexts texts;
  Sheet s{{"database", "query_id", "query", "fingerprint", "truncated", "trigger", "function_name", "language", "body",
           "argument_names", "argument_types"},
          {{"d", "in:5", "", "", "f", "", "find", "plpgsql",
            "BEGIN PERFORM 1 FROM parts WHERE code = p_code AND state = 's3cret'; DELETE FROM lots WHERE id = 7; END",
            "{p_code}", "{text}"},
           {"d", "in:6", "", "", "f", "", "broken", "plpgsql", "no body", "{}", "{}"},
           {"d", "in:7", "", "", "f", "", "hidden", "sql", Cell(), "{}", "{}"}}};
  texts.clean(s);
  ASSERT_EQ(s.rows.size(), 2U);
  EXPECT_EQ(s.rows[0][1], "in:5.1");
  EXPECT_EQ(s.rows[1][1], "in:5.2");
  for (const auto& row : s.rows) {
    EXPECT_EQ(row[2]->find("s3cret"), std::string::npos) << *row[2];
    EXPECT_FALSE(row[3]->empty());
    EXPECT_EQ(row[8].value_or(""), "");
  }
  EXPECT_EQ(texts.with_literals("d", "in:5.1"), "SELECT 1 FROM parts WHERE code = $1::text AND state = 's3cret'");
}

TEST(QueryTexts, IsBounded) {
  QueryTexts texts;
  for (int i = 0; i < 3000; ++i) {
    Sheet s = sample(
        {{"d", std::to_string(i), "select * from t" + std::to_string(i) + " where a = 1", "f", "client backend"}});
    texts.clean(s);
  }
  EXPECT_TRUE(texts.with_literals("d", "2999"));
  EXPECT_FALSE(texts.with_literals("d", "1"));
}

TEST(BlankPlan, KeepsNamesAndBlanksValues) {
  const std::string plan = blank_plan(
      R"json([{"Plan": {"Node Type": "Seq Scan", "Relation Name": "t1", "Alias": "t1", "Filter": "(a = 's3cret'::text)",
      "Output": ["a", "'s3cret'::text"], "Plan Rows": 12, "Something New": "x = 's3cret'",
      "Plans": [{"Node Type": "Index Scan", "Index Name": "i_7", "Index Cond": "(b = 's3cret')"}]}}])json");
  EXPECT_EQ(plan.find("s3cret"), std::string::npos) << plan;
  for (const char* kept : {"Seq Scan", "t1", "\"Plan Rows\":12", "i_7", "Index Cond"})
    EXPECT_NE(plan.find(kept), std::string::npos) << kept;
  EXPECT_EQ(blank_plan("{}"), "");
  EXPECT_EQ(blank_plan("not json"), "");
  EXPECT_EQ(blank_plan(""), "");
}

Explained failure(std::string sqlstate, std::string message) {
  Explained e;
  e.sqlstate = std::move(sqlstate);
  e.error = std::move(message);
  return e;
}

TEST(ExplainMemory, RemembersWhatWillComeAgain) {
  ExplainMemory memory;
  const auto now = Clock::now();
  memory.note("syntax", failure("42601", "syntax error"), now);
  memory.note("locked", failure("55P03", "lock timeout"), now);
  memory.note("denied", failure("42501", "permission denied"), now);
  memory.note("lost", failure("PGV01", "no answer"), now);
  EXPECT_NE(memory.failed("syntax", now + std::chrono::minutes(9)), nullptr);
  EXPECT_EQ(memory.failed("syntax", now + std::chrono::minutes(11)), nullptr);
  EXPECT_NE(memory.failed("denied", now), nullptr);
  EXPECT_EQ(memory.failed("denied", now + std::chrono::minutes(2)), nullptr);  // a GRANT may have come
  EXPECT_EQ(memory.failed("locked", now), nullptr);
  EXPECT_EQ(memory.failed("lost", now), nullptr);
}

TEST(ExplainMemory, WhatRanOutOfTimeIsTriedSoonAndThenLessAndLess) {
  ExplainMemory memory;
  auto now = Clock::now();
  const auto pause = [&](bool ended) {
    Explained late = failure(ended ? "PGV01" : "57014", "out of time");
    late.ended = ended;
    memory.note("late", late, now);
    int seconds = 0;
    for (; memory.failed("late", now) != nullptr; now += std::chrono::seconds(1)) ++seconds;
    return seconds;
  };
  EXPECT_EQ((std::vector<int>{pause(false), pause(false), pause(false), pause(false), pause(false)}),
            (std::vector<int>{2, 8, 32, 128, 512}));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pause(false), 600);
  memory.planned("late");
  EXPECT_EQ(pause(false), 2);
  memory.planned("late");
  EXPECT_EQ((std::vector<int>{pause(true), pause(true), pause(true), pause(true)}),
            (std::vector<int>{10, 40, 160, 600}));
}

}  // namespace
}  // namespace pgvigil::pg
