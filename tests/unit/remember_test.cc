// The memory that outlives the window: played over hours, as the agent would, with sweeps, restarts and replays.
#include "agent/core/remember.h"

#include <gmock/gmock.h>

#include "agent/core/metrics.h"
#include "agent/core/recording.h"
#include "checks/plans/remember.h"
#include "checks/probes/activity.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/statements.h"

namespace pgvigil {
extern const Check plan_changed, query_regressed;
namespace {

using testing::HasSubstr;

const Time start = Time{} + std::chrono::hours(24 * 20'000);

std::string plan_json(const char* node, double cost) {
  return "[{\"Plan\":{\"Node Type\":" + std::string(node) +
         ",\"Parallel Aware\":false,\"Schema\":\"public\",\"Relation Name\":\"docs\",\"Alias\":\"docs\",\"Plan "
         "Rows\":1,"
         "\"Total Cost\":" +
         std::to_string(cost) + "}}]";
}
std::string index_scan(double cost) {
  return plan_json(R"j("Index Scan","Index Name":"docs_path_idx","Index Cond":"(docs.path = $1)")j", cost);
}
std::string seq_scan(double cost) { return plan_json(R"j("Seq Scan","Filter":"(docs.path = $1)")j", cost); }

// A target whose sweeps are played one after the other, a minute apart.
struct Played {
  History history;
  Context context;
  AllCheckSettings settings;
  Time at = start;
  Statement counters{.query_id = "42", .database = "shop", .user = "app"};

  void see(std::string id, std::vector<Plan> rows) { add(plans, std::move(rows), id); }
  template <class Row>
  void add(const Probe<Row>& probe, std::vector<Row> rows, const std::string& = "") {
    Observation o{at, {}};
    o.answers[std::string(probe.id())] = Answer{at, probe.rows(std::move(rows)), {}, 0};
    history.add(std::move(o));
  }
  // `json` is the plan of query 42, each of whose `calls` takes `each` seconds.
  void sweep(const std::string& json, double each = 0.05, std::int64_t calls = 600) {
    at = after(at, 60);
    counters.calls += calls;
    counters.total_seconds += each * static_cast<double>(calls);
    add(statements, {counters});
    if (!json.empty()) {
      Plan p;
      p.query_id = "42", p.database = "shop", p.query = "SELECT data FROM docs WHERE path = $1";
      p.source = "generic", p.json = json;
      add(plans, {p});
    }
    Table t;
    t.database = "shop", t.schema = "public", t.relation = "docs", t.name = "public.docs", t.kind = "r";
    t.heap_bytes = 400LL << 20, t.rows = 2e6;
    add(plan_tables, {t});
    add(plan_indexes, {});
    Session s;
    s.pid = 7, s.database = "shop", s.user = "app", s.backend_type = "client backend", s.state = "active";
    s.query_id = "42", s.query = "SELECT data FROM docs WHERE path = $1", s.query_age = 2;
    add(activity, {s});
    history.add(remember(history, context, settings, at));
  }
  void minutes(int n, const std::string& json, double each = 0.05) {
    for (int k = 0; k < n; ++k) sweep(json, each);
  }
  Result says(const Check& check) const {
    static const CheckSettings none;
    const auto own = settings.find(check.id);
    return evaluate(check, Input(history, context, own == settings.end() ? none : own->second, at));
  }
  std::size_t causes(const Check& check) const {
    const auto found = says(check).findings;
    return static_cast<std::size_t>(
        std::count_if(found.begin(), found.end(), [](const Finding& f) { return f.role != Role::event; }));
  }
  void restart() {  // only what is kept on disk is left
    History anew;
    for (const AnyProbe* p : memories())
      if (const Answer* a = history.latest(*p); a != nullptr && a->rows) {
        const Sheet sheet = p->encode(*a->rows);
        Observation o{a->at, {}};
        o.answers[std::string(p->id())] = Answer{a->at, p->decode(sheet, 999'999), {}, 0};
        anew.add(std::move(o));
      }
    history = std::move(anew);
  }
};

TEST(Remember, AWorsePlanIsToldForHoursWithItsTimeAndThenIsTheUsual) {
  Played p;
  p.minutes(30, index_scan(8.4));
  EXPECT_EQ(p.causes(plan_changed), 0U);
  EXPECT_THAT(p.says(plan_changed).fine, HasSubstr("1 hot query looked at"));
  const Time change = after(p.at, 60);
  p.minutes(6 * 60, seq_scan(61'000));
  const auto found = p.says(plan_changed).findings;
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].since, change);
  EXPECT_THAT(found[0].sentence, HasSubstr("public.docs: Index Scan using docs_path_idx -> Seq Scan"));
  EXPECT_EQ(found[1].role, Role::event);
  EXPECT_EQ(found[1].since, change);
  EXPECT_THAT(found[1].sentence, HasSubstr("the plan of query 42 changed at 00:31:00 UTC: public.docs: Index Scan"));
  p.minutes(18 * 60 + 2, seq_scan(61'000));
  EXPECT_EQ(p.causes(plan_changed), 0U);  // a day: the retention
}

TEST(Remember, TheOperatorsRetentionCounts) {
  Played p;
  p.settings["plan_changed"].values["retention"] = 3600;
  p.minutes(30, index_scan(8.4));
  p.minutes(50, seq_scan(61'000));
  EXPECT_EQ(p.causes(plan_changed), 1U);
  p.minutes(15, seq_scan(61'000));
  EXPECT_EQ(p.causes(plan_changed), 0U);
}

TEST(Remember, AChangeEndsWhenThePlanIsGoodAgain) {
  Played p;
  p.minutes(10, index_scan(8.4));
  p.minutes(60, seq_scan(61'000));
  EXPECT_EQ(p.causes(plan_changed), 1U);
  p.minutes(1, index_scan(8.4));
  EXPECT_EQ(p.causes(plan_changed), 0U);
}

TEST(Remember, ARestartAndAReplayRemember) {
  Played p;
  p.minutes(30, index_scan(8.4));
  p.minutes(60, seq_scan(61'000), 0.6);
  ASSERT_EQ(p.causes(plan_changed), 1U);
  ASSERT_EQ(p.causes(query_regressed), 1U);
  const Recording replay = load_recording(save_recording({p.at, p.context, p.history, {}}));
  EXPECT_EQ(save_recording(replay), save_recording({p.at, p.context, p.history, {}}));
  for (const Check* c : {&plan_changed, &query_regressed}) {
    static const CheckSettings none;
    const auto again = evaluate(*c, Input(replay.history, replay.context, none, replay.at)).findings;
    const auto then = p.says(*c).findings;
    ASSERT_EQ(again.size(), then.size());
    for (std::size_t k = 0; k < then.size(); ++k) {
      EXPECT_EQ(again[k].sentence, then[k].sentence);
      EXPECT_EQ(again[k].since, then[k].since);
    }
  }
  p.restart();
  p.minutes(10, seq_scan(61'000), 0.6);
  EXPECT_EQ(p.causes(plan_changed), 1U);
  EXPECT_EQ(p.causes(query_regressed), 1U);
}

TEST(Remember, ASlowerQueryIsMeasuredByWhatItTookHoursAgo) {
  Played p;
  p.minutes(4 * 60, index_scan(8.4), 0.05);
  EXPECT_THAT(p.says(query_regressed).fine, HasSubstr("1 query takes as long as usual"));
  const Time change = p.at;
  p.minutes(8 * 60, index_scan(8.4), 0.3);
  const auto found = p.says(query_regressed).findings;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].sentence, HasSubstr("a query takes 0.3 s on average, "));
  EXPECT_NEAR(seconds_between(change, *found[0].since), 0, 600);
  p.minutes(20, index_scan(8.4), 0.05);
  EXPECT_EQ(p.causes(query_regressed), 0U);
  p.minutes(20, index_scan(8.4), 0.3);
  EXPECT_EQ(p.causes(query_regressed), 1U) << "hours of trouble are no part of the usual";
}

TEST(Remember, WhatWasSeenForAFewMinutesIsNoMeasureForADay) {
  Played p;
  p.minutes(11, index_scan(8.4), 0.02);
  p.minutes(60, index_scan(8.4), 0.2);
  EXPECT_EQ(p.causes(query_regressed), 1U);
  p.minutes(120, index_scan(8.4), 0.2);
  EXPECT_EQ(p.causes(query_regressed), 0U);
}

TEST(Remember, AQueryThatSwingsIsNotSlower) {
  Played p;
  for (int k = 0; k < 12; ++k) {
    p.minutes(20, index_scan(8.4), 0.05);
    p.minutes(10, index_scan(8.4), 0.3);
  }
  EXPECT_EQ(p.causes(query_regressed), 0U);
}

TEST(Remember, GrowthOfTheDataIsNoChangeOfThePlan) {
  Played p;
  p.minutes(5, index_scan(3000));
  p.minutes(20, seq_scan(9000));  // not dear enough, and the relation is small: see the next line
  const auto small = [&] {
    Table t;
    t.database = "shop", t.schema = "public", t.relation = "docs", t.name = "public.docs", t.kind = "r";
    t.heap_bytes = 4 << 20, t.rows = 2e4;
    p.add(plan_tables, {t});
  };
  small();
  EXPECT_EQ(p.causes(plan_changed), 0U);
  p.minutes(60, seq_scan(90'000));
  small();
  EXPECT_EQ(p.causes(plan_changed), 0U);
}

TEST(Remember, TheMemoryIsBounded) {
  Played p;
  p.minutes(2, index_scan(8.4));
  for (int sweep = 0; sweep < 40; ++sweep) {
    p.at = after(p.at, 60);
    std::vector<Plan> all;
    for (int k = 0; k < 10; ++k) {
      Plan one;
      one.query_id = std::to_string(1000 + sweep * 10 + k), one.database = "shop", one.source = "generic";
      one.json = index_scan(k);
      all.push_back(one);
    }
    p.add(plans, all);
    p.history.add(remember(p.history, p.context, p.settings, p.at));
  }
  const auto& kept = p.history.series(known_plans);
  ASSERT_EQ(kept.size(), 1U);
  const auto& rows = static_cast<const RowsOf<KnownPlan>&>(*kept[0].rows).rows;
  EXPECT_EQ(rows.size(), 60U);
  for (const KnownPlan& row : rows) EXPECT_GE(std::stoi(row.query_id), 1340) << "the least recently hot go";
}

TEST(Remember, MetricsTellOfThePlanWithoutItsText) {
  Played p;
  p.minutes(3, index_scan(8.4));
  p.minutes(2, seq_scan(61'000));
  SeriesBudget budget;
  const TargetMetrics target{.target = "db", .history = &p.history};
  std::map<std::string, double> values;
  std::map<std::string, std::string> labels;
  for (const Family& f : metrics(std::span(&target, 1), {}, p.at, budget))
    for (const Sample& s : f.samples)
      if (f.name.starts_with("pgvigil_plan_")) {
        values[f.name] = s.value;
        for (const Label& l : s.labels) labels[f.name] += l.name + "=" + l.value + " ";
      }
  EXPECT_EQ(values["pgvigil_plan_cost"], 61'000);
  EXPECT_EQ(values["pgvigil_plan_harmful_scan"], 1);
  EXPECT_EQ(values["pgvigil_plan_seq_scan_rows"], 2e6);
  EXPECT_EQ(values["pgvigil_plan_changes_total"], 1);
  EXPECT_EQ(labels["pgvigil_plan_info"],
            "target=db datname=shop queryid=42 source=generic plan=" + shape_hash(seq_scan(1)) + " ");
  p.at = after(p.at, 3600);  // no longer hot: the figures go, the counter stays
  p.history.add(remember(p.history, p.context, p.settings, p.at));
  values.clear();
  for (const Family& f : metrics(std::span(&target, 1), {}, p.at, budget))
    for (const Sample& s : f.samples) values[f.name] = s.value;
  EXPECT_FALSE(values.contains("pgvigil_plan_cost"));
  EXPECT_EQ(values["pgvigil_plan_changes_total"], 1);
}

TEST(Remember, APlansWaysToReadAreTold) {
  const auto plan = parse_plan(
      R"([{"Plan":{"Node Type":"Nested Loop","Plans":[
        {"Node Type":"Bitmap Heap Scan","Schema":"a\tb","Relation Name":"t","Plans":[{"Node Type":"BitmapAnd","Plans":[
          {"Node Type":"Bitmap Index Scan","Index Name":"t_x"},{"Node Type":"Bitmap Index Scan","Index Name":"t_y"}]}]},
        {"Node Type":"Seq Scan","Parallel Aware":true,"Schema":"public","Relation Name":"u"}]}}])");
  const auto reads = reads_of(plan);
  ASSERT_EQ(reads.size(), 3U);
  EXPECT_EQ(reads[0].title(), "Bitmap Heap Scan using t_x");
  EXPECT_EQ(reads[1].index, "t_y");
  EXPECT_EQ(reads[2].title(), "Parallel Seq Scan");
  EXPECT_EQ(plan_read(to_text(reads[2])), reads[2]);
  EXPECT_EQ(plan_read(to_text(reads[0])).relation, "t");
}

}  // namespace
}  // namespace pgvigil
