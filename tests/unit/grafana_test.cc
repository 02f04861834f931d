#include "agent/core/grafana.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {
namespace {

using ::testing::HasSubstr;

Json panels(const std::vector<Panel>& all) {
  const Catalog catalog = whole_catalog();
  Board board(catalog, "uid", "title", "description", "10s");
  for (const Panel& p : all) board.add(p);
  return Json::parse(board.json())["panels"];
}
Panel asking(std::string expr) { return {.title = "t", .says = "s", .queries = {{std::move(expr)}}}; }
std::string sent(std::string expr) { return panels({asking(std::move(expr))})[0]["targets"][0]["expr"]; }

TEST(Grafana, AMetricIsNarrowedByTheLabelsThatItHas) {
  EXPECT_EQ(sent("pgvigil_build_info"), R"(pgvigil_build_info{job=~"$job",instance=~"$instance"})");
  EXPECT_EQ(sent("max(pgvigil_up)"), R"(max(pgvigil_up{job=~"$job",instance=~"$instance",target=~"$target"}))");
  EXPECT_EQ(sent(R"(pgvigil_finding{role="cause"})"),
            R"(pgvigil_finding{job=~"$job",instance=~"$instance",target=~"$target",role="cause"})");
  EXPECT_EQ(sent("rate(pg_stat_database_xact_commit[$__rate_interval])"),
            R"(rate(pg_stat_database_xact_commit{job=~"$job",instance=~"$instance",target=~"$target",)"
            R"(datname=~"$database"}[$__rate_interval]))");
  const std::string quoted = "label_replace(vector(1), \"pgvigil_up\", \"$1\", \"pg_up\", \"(.+)\")";
  EXPECT_EQ(sent(quoted), quoted) << "what is quoted is left alone";
}

TEST(Grafana, WhatIsNotThereIsAnErrorOfTheBoard) {
  EXPECT_THROW(sent("pgvigil_no_such_metric"), std::logic_error);
  Panel p = asking("pgvigil_up");
  p.checks = {"no_such_check"};
  EXPECT_THROW(panels({p}), std::logic_error);
}

TEST(Grafana, PanelsFillRowsFromTheLeft) {
  Panel wide = asking("pgvigil_up"), low = wide;
  wide.width = 16;
  low.height = 3;
  const Json all = panels({wide, low, wide});
  EXPECT_EQ(all[1]["gridPos"], (Json{{"h", 3}, {"w", 8}, {"x", 16}, {"y", 0}}));
  EXPECT_EQ(all[2]["gridPos"], (Json{{"h", 7}, {"w", 16}, {"x", 0}, {"y", 7}})) << "below the highest of the row above";
}

TEST(Grafana, ADescriptionHasTheHelpOfItsMetricsAndTheMark) {
  Panel p = asking("pgvigil_verdict");
  p.empty_when_healthy = true;
  EXPECT_THAT(std::string(panels({p})[0]["description"]),
              HasSubstr("s (empty when healthy)\n\n- `pgvigil_verdict`: The verdict of the newest report"));
}

TEST(Grafana, ACounterThatIsSeldomAskedForHasALongerStep) {
  EXPECT_EQ(panels({asking("rate(pgvigil_table_seq_rows_read_total[$__rate_interval])")})[0]["interval"], "120s");
  EXPECT_FALSE(panels({asking("rate(pg_stat_database_xact_commit[$__rate_interval])")})[0].contains("interval"));
  EXPECT_FALSE(panels({asking("pgvigil_table_size_bytes")})[0].contains("interval"));
}

}  // namespace
}  // namespace pgvigil::grafana
