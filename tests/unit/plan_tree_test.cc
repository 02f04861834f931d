#include "checks/plans/plan_tree.h"

#include <gmock/gmock.h>

#include <stdexcept>

namespace pgvigil {
namespace {

using testing::ElementsAre;

TEST(PlanTree, ReadsWhatTheJudgeNeeds) {
  const PlanTree t = parse_plan(R"json([{"Plan": {"Node Type": "Limit", "Plan Rows": 1, "Plans": [
    {"Node Type": "Seq Scan", "Parallel Aware": true, "Parent Relationship": "Outer", "Schema": "public",
     "Relation Name": "docs", "Alias": "d", "Plan Rows": 7, "Total Cost": 9.5, "Filter": "(d.a = 1)", "Output": ["d.a", "d.b"]},
    {"Node Type": "Index Scan", "Index Name": "i", "Index Cond": "(x = 1)"}]},
    "Settings": {"enable_seqscan": "off"}}])json");
  EXPECT_EQ(t.root.type, "Limit");
  ASSERT_EQ(t.root.children.size(), 2U);
  const PlanNode& scan = t.root.children[0];
  EXPECT_EQ(scan.title(), "Parallel Seq Scan");
  EXPECT_EQ(scan.relation, "docs");
  EXPECT_EQ(scan.rows, 7);
  EXPECT_THAT(scan.output, ElementsAre("d.a", "d.b"));
  EXPECT_EQ(t.root.children[1].index_condition, "(x = 1)");
  EXPECT_EQ(t.settings.at("enable_seqscan"), "off");
  std::vector<int> numbers, depths;
  each_node(t.root, [&](const PlanNode& n, int depth) { numbers.push_back(n.number), depths.push_back(depth); });
  EXPECT_THAT(numbers, ElementsAre(0, 1, 2));
  EXPECT_THAT(depths, ElementsAre(0, 1, 1));
}

TEST(PlanTree, RefusesWhatIsNoPlan) {
  for (const char* text : {"", "{}", "[]", "[{}]", "[{\"Plan\": 3}]"})
    EXPECT_THROW(parse_plan(text), std::invalid_argument);
}

}  // namespace
}  // namespace pgvigil
