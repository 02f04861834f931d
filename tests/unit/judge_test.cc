// The judge on plans captured from PostgreSQL 13, 15 and 18 (EXPLAIN (FORMAT JSON, VERBOSE); costs dropped).
#include "checks/plans/judge.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace pgvigil {
namespace {

const std::vector<RelationFacts> facts{{"public.lsif_data_documents", 56'770'560, 0, 150'000},
                                       {"public.orders", 57'155'584, 0, 300'000},
                                       {"public.items", 98'304'000, 0, 900'000},
                                       {"public.fresh", 28'254'208, 0, std::nullopt},
                                       {"public.small", 73'728, 0, 2'025},
                                       {"public.ev1", 26'951'680, 0, 213'806},
                                       {"public.ev2", 23'470'080, 0, 186'194}};

class CapturedPlan : public testing::TestWithParam<int> {
 protected:
  CapturedPlan() {
    std::ifstream in(std::string(PGVIGIL_SOURCE_DIR) + "/tests/unit/data/plans_" + std::to_string(GetParam()) +
                     ".json");
    plans_ = nlohmann::json::parse(in);
  }
  std::string plan(const char* name) const { return plans_.at(name).dump(); }
  std::vector<Scan> judged(const char* name, bool generic = false) const {
    return judge(plan(name), facts, {.floor_bytes = 10LL << 20, .generic = generic});
  }
  // "relation verdict" of each scan.
  std::string verdicts(const char* name, bool generic = false) const {
    std::string out;
    for (const Scan& s : judged(name, generic))
      out += (out.empty() ? "" : ", ") + s.relation + " " + std::string(to_string(s.verdict));
    return out;
  }
  nlohmann::json plans_;
};

TEST_P(CapturedPlan, TheIncident) {
  const auto scans = judged("lookup");
  ASSERT_EQ(scans.size(), 1U);
  EXPECT_EQ(scans[0].verdict, ScanVerdict::harmful);
  EXPECT_EQ(scans[0].confidence, Confidence::high);
  EXPECT_EQ(scans[0].node, "Parallel Seq Scan");
  EXPECT_EQ(scans[0].schema, "public");
  EXPECT_EQ(scans[0].rows_read, 150'000);
  EXPECT_LT(scans[0].rows_kept, 10);
  EXPECT_THAT(scans[0].filter, testing::Not(testing::HasSubstr("'x'")));
  const auto generic = judged("generic", true);
  ASSERT_EQ(generic.size(), 1U);
  EXPECT_EQ(generic[0].verdict, ScanVerdict::harmful);
  EXPECT_EQ(generic[0].confidence, Confidence::medium);
}

TEST_P(CapturedPlan, Harmful) {
  for (const char* name : {"lookup", "topn", "update_key", "delete_fk", "join", "in_list", "nested", "never_analysed",
                           "min_max", "part", "where_agg", "semi"}) {
    EXPECT_THAT(verdicts(name), testing::HasSubstr("harmful")) << name;
  }
  EXPECT_EQ(verdicts("part"), "ev1 harmful, ev2 harmful");
  EXPECT_EQ(judged("never_analysed")[0].confidence, Confidence::low);
  EXPECT_THAT(verdicts("nested"), testing::HasSubstr("items harmful"));
}

TEST_P(CapturedPlan, Rightful) {
  for (const char* name : {"aggregate", "count_all", "limit_plain", "topn_page", "third", "join_all", "indexed",
                           "small", "volatile", "anti"}) {
    EXPECT_THAT(verdicts(name),
                testing::Not(testing::AnyOf(testing::HasSubstr("harmful"), testing::HasSubstr("unsure"))))
        << name;
  }
}

TEST_P(CapturedPlan, PrunedPartitionsAreNeverJudged) {
  EXPECT_THAT(verdicts("removed", true), testing::Not(testing::HasSubstr("harmful")));
}

TEST_P(CapturedPlan, SizesDecide) {
  EXPECT_EQ(judge(plan("lookup"), {}, {})[0].verdict, ScanVerdict::unsure);
  auto small = facts;
  small[0].heap_bytes = 5 << 20;
  EXPECT_EQ(judge(plan("lookup"), small, {})[0].verdict, ScanVerdict::rightful);
  small[0].toast_bytes = 500 << 20;
  EXPECT_EQ(judge(plan("lookup"), small, {})[0].verdict, ScanVerdict::harmful);
}

TEST_P(CapturedPlan, RowsOfAllProcessesCount) {
  const auto scans = judged("where_agg");
  ASSERT_EQ(scans.size(), 1U);
  EXPECT_NEAR(scans[0].rows_kept, 900, 600);  // one product of 1,000, split over three processes in the plan
}

TEST_P(CapturedPlan, RelationsAndShape) {
  const auto relations = plan_relations(plan("join"));
  ASSERT_EQ(relations.size(), 2U);
  EXPECT_EQ(relations[0].schema, "public");
  EXPECT_NE(plan_shape(plan("lookup")), plan_shape(plan("indexed")));
  EXPECT_EQ(plan_shape(plan("lookup")), plan_shape(plan("generic")));
}

INSTANTIATE_TEST_SUITE_P(Versions, CapturedPlan, testing::Values(13, 15, 18));

TEST(Judge, RefusesWhatIsNoPlan) {
  for (const char* text : {"", "{}", "[]", "[{}]", "[1]", "[{\"Plan\": 3}]", "nonsense"}) {
    EXPECT_THROW(judge(text, facts, {}), std::invalid_argument) << text;
    EXPECT_TRUE(plan_relations(text).empty());
    EXPECT_EQ(plan_shape(text), "");
  }
  std::string deep = "[{\"Plan\":";
  for (int i = 0; i < 20'000; ++i) deep += "{\"Node Type\":\"Result\",\"Plans\":[";
  deep += "{}";
  for (int i = 0; i < 20'000; ++i) deep += "]}";
  EXPECT_TRUE(judge(deep + "}]", facts, {}).empty());
  EXPECT_TRUE(
      judge(R"([{"Plan":{"Node Type":3,"Plan Rows":"x","Plans":[1,null,{"Node Type":"Limit","Plans":7}]}}])", facts, {})
          .empty());
}

TEST(Judge, NamesThatNeedQuotes) {
  const std::string plan = R"json([{"Plan":{"Node Type":"Seq Scan","Schema":"My App","Relation Name":"Order",
    "Plan Rows":1,"Filter":"(k = 7)"}}])json";
  EXPECT_EQ(judge(plan, {{"\"My App\".\"Order\"", 50 << 20, 0, 100'000}}, {})[0].verdict, ScanVerdict::harmful);
}

std::string partitions(const char* filter, double first, double second, const char* settings = "") {
  std::string plans;
  for (const auto& [name, rows] : {std::pair("ev1", first), std::pair("ev2", second)})
    plans += std::string(plans.empty() ? "" : ",") + R"({"Node Type":"Seq Scan","Parent Relationship":"Member",
      "Schema":"public","Relation Name":")" +
             name + R"(","Alias":"ev","Plan Rows":)" + std::to_string(rows) + R"(,"Filter":")" + filter + "\"}";
  return R"([{"Plan":{"Node Type":"Append","Plan Rows":9,"Plans":[)" + plans + "]}" + settings + "}]";
}

TEST(Judge, PartitionsThatAnExecutionLeavesOut) {
  auto parts = facts;
  for (auto& f : parts)
    if (f.name.starts_with("public.ev")) f.parent = "public.ev", f.partition_key = {"day"};
  const auto verdict = [&](const std::string& plan, bool generic) {
    return judge(plan, parts, {.generic = generic})[0].verdict;
  };
  const char* off = R"(,"Settings":{"enable_partition_pruning":"off"})";
  const char *range = "((ev.day >= $1) AND (ev.day < $2))", *one = "((ev.account = $3) AND (ev.day >= $1))";
  EXPECT_EQ(verdict(partitions(range, 1000, 1000, off), true), ScanVerdict::rightful);
  EXPECT_EQ(verdict(partitions("(ev.account = $1)", 30, 30, off), true), ScanVerdict::harmful);
  EXPECT_EQ(verdict(partitions(one, 30, 30, off), true), ScanVerdict::harmful) << "within one partition";
  EXPECT_EQ(verdict(partitions(range, 1, 180'000, off), false), ScanVerdict::rightful) << "by the clock";
  EXPECT_EQ(verdict(partitions(range, 1, 900, off), false), ScanVerdict::harmful) << "a narrow part of one";
  EXPECT_EQ(verdict(partitions(range, 210'000, 5'000), false), ScanVerdict::rightful) << "the edge of a wide range";
  EXPECT_EQ(verdict(partitions(range, 900, 0), false), ScanVerdict::harmful);
  const char* exactly = "(ev.day = $1)";
  EXPECT_EQ(verdict(partitions(exactly, 180'000, 180'000, off), true), ScanVerdict::rightful) << "all of one has it";
  EXPECT_EQ(verdict(partitions(exactly, 200, 200, off), true), ScanVerdict::harmful) << "one of many values in it";
  // Partitioned again by account: either level selects.
  const char *both = "((ev.account = $3) AND (ev.day >= $1) AND (ev.day < $2))", *second = "(ev.account = $1)";
  EXPECT_EQ(verdict(partitions(both, 500, 500, off), true), ScanVerdict::harmful);
  for (auto& f : parts) f.subpartition_key = {"account"};
  EXPECT_EQ(verdict(partitions(both, 500, 500, off), true), ScanVerdict::rightful);
  EXPECT_EQ(verdict(partitions(second, 180'000, 180'000, off), true), ScanVerdict::rightful);
  // By hash a range selects nothing.
  for (auto& f : parts) f.subpartition_key = {}, f.hash_key = {"day"};
  EXPECT_EQ(verdict(partitions(range, 1000, 1000, off), true), ScanVerdict::harmful);
  EXPECT_EQ(verdict(partitions(exactly, 180'000, 180'000, off), true), ScanVerdict::rightful);
  for (auto& f : parts) f.hash_key = {}, f.heap_bytes /= 3;
  EXPECT_EQ(verdict(partitions(one, 30, 30, off), true), ScanVerdict::rightful) << "each is small";
}

TEST(Judge, AConditionThatDoesNotReachTheTable) {
  const auto read_twice = [](const char* second) {
    return std::string(R"json([{"Plan":{"Node Type":"Nested Loop","Join Type":"Inner","Plan Rows":100,"Plans":[
      {"Node Type":"Seq Scan","Parent Relationship":"InitPlan","Subplan Name":"CTE o","Schema":"public",
       "Relation Name":"orders","Plan Rows":300000},
      {"Node Type":"CTE Scan","Parent Relationship":"Outer","CTE Name":"o","Plan Rows":15,"Filter":"(o.customer = 5)"},
      {"Node Type":"CTE Scan","Parent Relationship":"Inner","CTE Name":"o","Plan Rows":15)json") +
           second + "}]}}]";
  };
  const auto scans = judge(read_twice(R"x(,"Filter":"(o.customer = 5)")x"), facts, {});
  ASSERT_EQ(scans.size(), 1U);
  EXPECT_EQ(scans[0].verdict, ScanVerdict::harmful);
  EXPECT_THAT(scans[0].rewrite, testing::HasSubstr("NOT MATERIALIZED"));
  EXPECT_EQ(judge(read_twice(""), facts, {})[0].verdict, ScanVerdict::rightful) << "one reader needs all";
  const std::string barrier =
      R"json([{"Plan":{"Node Type":"Subquery Scan","Plan Rows":10,"Filter":"(v.a ~~ 'u7%')","Plans":[
    {"Node Type":"Seq Scan","Parent Relationship":"Subquery","Schema":"public","Relation Name":"orders",
     "Plan Rows":290000,"Filter":"(deleted IS NULL)"}]}}])json";
  EXPECT_EQ(judge(barrier, facts, {})[0].verdict, ScanVerdict::harmful);
  EXPECT_THAT(judge(barrier, facts, {})[0].rewrite, testing::HasSubstr("LEAKPROOF"));
}

TEST(Judge, DetailsOfTheFirstRows) {
  const auto page = [](const char* join_type) {
    return std::string(
               R"json([{"Plan":{"Node Type":"Limit","Plan Rows":20,"Plans":[{"Node Type":"Sort","Plan Rows":900000,
      "Sort Key":["o.created DESC"],"Plans":[{"Node Type":"Hash Join","Plan Rows":900000,"Join Type":")json") +
           join_type + R"json(","Plans":[{"Node Type":"Seq Scan","Parent Relationship":"Outer","Schema":"public",
      "Relation Name":"items","Alias":"i","Plan Rows":900000},{"Node Type":"Hash","Parent Relationship":"Inner",
      "Plan Rows":300000,"Plans":[{"Node Type":"Seq Scan","Parent Relationship":"Outer","Schema":"public",
      "Relation Name":"orders","Alias":"o","Plan Rows":300000}]}]}]}]}}])json";
  };
  for (const char* kept : {"Right", "Inner"}) {
    const auto scans = judge(page(kept), facts, {});
    ASSERT_EQ(scans.size(), 2U);
    EXPECT_EQ(scans[0].reason, "all rows are read to join 60 rows") << kept;
    EXPECT_EQ(scans[1].first, 20) << kept;
  }
  EXPECT_EQ(judge(page("Left"), facts, {})[0].verdict, ScanVerdict::rightful) << "items without an order come, too";
}

TEST(Judge, AWalkOverAWholeIndexIsAScan) {
  const std::string plan = R"json([{"Plan":{"Node Type":"Limit","Plan Rows":1,"Plans":[{"Node Type":"Index Scan",
    "Parent Relationship":"Outer","Index Name":"q_pkey","Schema":"public","Relation Name":"orders","Plan Rows":30,
    "Filter":"(state = 'todo'::text)"}]}}])json";
  const auto scans = judge(plan, facts, {});
  ASSERT_EQ(scans.size(), 1U);
  EXPECT_EQ(scans[0].verdict, ScanVerdict::harmful);
  EXPECT_EQ(scans[0].confidence, Confidence::low);
}

TEST(Judge, AGuessedRangeIsUnsure) {
  const std::string plan = R"json([{"Plan":{"Node Type":"Seq Scan","Schema":"public","Relation Name":"orders",
    "Plan Rows":100000,"Filter":"(created > $1)"}}])json";
  EXPECT_EQ(judge(plan, facts, {.generic = true})[0].verdict, ScanVerdict::unsure);
  EXPECT_EQ(judge(plan, facts, {})[0].verdict, ScanVerdict::rightful);
}

}  // namespace
}  // namespace pgvigil
