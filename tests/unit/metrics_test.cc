#include "agent/core/metrics.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "agent/http/exposition.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::Not;

const Time at = Time{} + std::chrono::hours(24 * 20'000);

const Family* find(const std::vector<Family>& all, std::string_view name) {
  for (const Family& f : all)
    if (f.name == name) return &f;
  return nullptr;
}

Report a_report() {
  static const Check found{.id = "unindexed_table", .title = "t", .why = "w"};
  static const Check fine{.id = "lock_waits", .title = "t", .why = "w"};
  static const Check unknown{.id = "temp_spill", .title = "t", .why = "w"};
  Finding f;
  f.check = "unindexed_table";
  f.severity = Severity::critical;
  f.object = {"table", "public.secret_name", "db"};
  f.sentence = "a sentence";
  Report r;
  r.target = "db-1";
  r.at = at;
  r.verdict = Severity::critical;
  r.load = {.active = 3, .on_cpu = 2, .lock = 1, .vcpus = 4.0, .seconds = 60, .samples = 60};
  r.connections_used = 20;
  r.connections_max = 100;
  r.cpu_busy = 0.5;
  r.cpu_source = "host";
  r.cost = {2, 0.2, 60, 1000, 60};
  r.results = {{&found, {f, f}, {}, ""}, {&fine, {}, {}, "0"}, {&unknown, {}, Failure{}, ""}};
  return r;
}

OwnStats own() {
  OwnStats o;
  o.version = "0.1.0";
  o.start_time = 1.7e9;
  o.cpu_seconds = 3.5;
  o.resident_bytes = 2e7;
  o.open_files = 12;
  o.loop_lag_seconds = 0.001;
  o.reports = 100;
  o.reload_succeeded = 1;
  o.reload_time = 1.7e9;
  o.receivers = {{"on-call", 1, 0, 0, 2, 3.5}};
  o.silences = 0;
  o.state_degraded = 0;
  return o;
}

std::string page(const std::vector<TargetMetrics>& targets, SeriesBudget budget = {}) {
  return exposition(metrics(targets, own(), at, budget));
}

// Two probes of our own, so that the tests do not hang on the real ones.
struct Thing {
  std::string database, name;
  double value = 0;
  std::int64_t count = 1;
  std::optional<double> max_age = {};
};
ProbeAbout about(std::string_view id, Cadence cadence) {
  ProbeAbout a{.id = id, .title = "Things", .cadence = cadence};
  a.metrics = {
      {"pgvigil_test_value_total",
       "A counter.",
       MetricKind::counter,
       "value",
       {{"database", "database"}, {"name", "name"}}},
      {"pgvigil_test_things", "Rows.", MetricKind::gauge, "", {{"database", "database"}}},
      {"pgvigil_test_age_seconds", "A maximum.", MetricKind::gauge, "max_age", {{"database", "database"}}, 0.001},
  };
  return a;
}
const std::vector<Column<Thing>> columns{{"database", &Thing::database},
                                         {"name", &Thing::name},
                                         {"value", &Thing::value},
                                         {"count", &Thing::count},
                                         {"max_age", &Thing::max_age}};
const Probe<Thing> things(about("things", Cadence::cycle), columns);
const Probe<Thing> again(about("again", Cadence::slow), columns);
const std::vector<const AnyProbe*> probes{&things, &again};

History saw(std::vector<Thing> rows, const Probe<Thing>& probe = things, std::vector<Failure> failures = {}) {
  History history;
  Observation o{at, {}};
  o.answers[std::string(probe.id())] = Answer{at, probe.rows(std::move(rows)), std::move(failures), 0.25};
  history.add(std::move(o));
  return history;
}

std::vector<Family> families(const History& h, SeriesBudget& b, double later = 0) {
  const TargetMetrics t{"t", &h, nullptr};
  return metrics(std::span(&t, 1), {}, after(at, later), b, probes);
}

// "database/name" to value, of one family.
std::map<std::string, double> values(const std::vector<Family>& all, std::string_view name) {
  std::map<std::string, double> out;
  if (const Family* f = find(all, name))
    for (const Sample& s : f->samples) {
      std::string key;
      for (std::size_t i = 1; i < s.labels.size(); ++i) key += (i > 1 ? "/" : "") + s.labels[i].value;
      EXPECT_TRUE(out.emplace(key, s.value).second) << "twice: " << key;
    }
  return out;
}
using Values = std::map<std::string, double>;

TEST(Metrics, the_report_becomes_bounded_labels_without_texts) {
  const Report r = a_report();
  const std::string text = page({{"db-1", nullptr, &r}});
  EXPECT_THAT(text, HasSubstr("pgvigil_finding{target=\"db-1\",check=\"unindexed_table\",severity=\"critical\","
                              "role=\"cause\",act_by=\"now\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("pgvigil_check_state{target=\"db-1\",check=\"unindexed_table\",state=\"found\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("pgvigil_check_state{target=\"db-1\",check=\"lock_waits\",state=\"fine\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("pgvigil_check_state{target=\"db-1\",check=\"temp_spill\",state=\"unknown\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("pgvigil_load_sessions{target=\"db-1\",by=\"cpu\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("pg_up{target=\"db-1\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("secret_name")));
  EXPECT_THAT(text, Not(HasSubstr("a sentence")));
}

TEST(Metrics, the_onset_is_the_earliest_of_those_that_a_check_leads) {
  Report r = a_report();
  Incident first, second, unseen;
  first.causes = second.causes = {r.results[0].findings[0]};
  unseen.causes = {r.results[0].findings[0]};
  unseen.causes[0].check = "lock_waits";
  first.since = after(at, -10);
  second.since = after(at, -20);
  r.incidents = {first, second, unseen};
  const TargetMetrics t{"db-1", nullptr, &r};
  SeriesBudget b;
  EXPECT_EQ(values(metrics(std::span(&t, 1), {}, at, b), "pgvigil_incident_start_timestamp_seconds"),
            (Values{{"unindexed_table", seconds_between(Time{}, at) - 20}}));
}

TEST(Metrics, load_by_query_adds_up_to_the_load) {
  Report r = a_report();
  r.load.queries = {{"app", "17", 1.5}, {"app", "17", 0.5}, {"shop", "4", 0.25}};
  const TargetMetrics t{"db-1", nullptr, &r};
  SeriesBudget b;
  EXPECT_EQ(values(metrics(std::span(&t, 1), {}, at, b), "pgvigil_query_load_sessions"),
            (Values{{"app/17", 2}, {"shop/4", 0.25}, {"other/other", 0.75}}));
}

TEST(Metrics, a_server_that_is_away_has_up_0_and_no_figures_of_the_past) {
  Report r = a_report();
  r.reachable = false;
  const std::string text = page({{"db-1", nullptr, &r}});
  EXPECT_THAT(text, HasSubstr("pgvigil_up{target=\"db-1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("pg_up{target=\"db-1\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("pgvigil_load_sessions")));
  EXPECT_THAT(text, Not(HasSubstr("pgvigil_connections_used")));
}

TEST(Metrics, rows_become_series_and_rows_of_one_label_set_are_added_up) {
  SeriesBudget b;
  const auto all = families(saw({{"a", "x", 5, 1, 2000.0}, {"a", "y", 6, 1, 9000.0}, {"b", "z", 7, 1, {}}}), b);
  EXPECT_EQ(values(all, "pgvigil_test_value_total"), (Values{{"a/x", 5}, {"a/y", 6}, {"b/z", 7}}));
  EXPECT_EQ(values(all, "pgvigil_test_things"), (Values{{"a", 2}, {"b", 1}}));
  EXPECT_EQ(values(all, "pgvigil_test_age_seconds"), (Values{{"a", 9}})) << "the larger one, scaled; NULL is no sample";
}

TEST(Metrics, two_probes_with_one_family_do_not_count_twice) {
  History h = saw({{"a", "x", 5}});
  Observation o{at, {}};
  o.answers["again"] = Answer{at, again.rows({{"a", "x", 5}}), {}, 0};
  h.add(std::move(o));
  SeriesBudget b;
  EXPECT_EQ(values(families(h, b), "pgvigil_test_things"), (Values{{"a", 1}}));
}

TEST(Metrics, answers_older_than_three_intervals_are_dropped) {
  SeriesBudget b;
  const History cycle = saw({{"a", "x", 5}}), slow = saw({{"a", "x", 5}}, again);
  EXPECT_FALSE(values(families(cycle, b, 30), "pgvigil_test_things").empty());
  EXPECT_TRUE(values(families(cycle, b, 31), "pgvigil_test_things").empty());
  EXPECT_EQ(find(families(cycle, b, 31), "pgvigil_probe_success"), nullptr);
  EXPECT_FALSE(values(families(slow, b, 1800), "pgvigil_test_things").empty());
  EXPECT_TRUE(values(families(slow, b, 1801), "pgvigil_test_things").empty());
}

TEST(Metrics, a_probe_that_failed_says_so_and_keeps_the_rows_it_has) {
  SeriesBudget b;
  const auto all = families(saw({{"a", "x", 5}}, things, {Failure{}}), b);
  EXPECT_EQ(values(all, "pgvigil_probe_success"), (Values{{"things", 0}}));
  EXPECT_EQ(values(all, "pgvigil_probe_duration_seconds"), (Values{{"things", 0.25}}));
  EXPECT_FALSE(values(all, "pgvigil_test_things").empty());
}

TEST(Metrics, over_budget_the_largest_keep_their_place_and_the_sum_stays_right) {
  SeriesBudget b;
  b.per_family = 2;
  const auto name = "pgvigil_test_value_total";
  EXPECT_EQ(values(families(saw({{"d", "a", 10}, {"d", "b", 1}, {"d", "c", 20}, {"d", "e", 2}}), b), name),
            (Values{{"d/c", 20}, {"d/a", 10}, {"other/other", 3}}));
  // b overtakes a, but a keeps its place: series do not flicker. "other" grows by what b and e grew.
  EXPECT_EQ(values(families(saw({{"d", "a", 10}, {"d", "b", 50}, {"d", "c", 20}, {"d", "e", 3}}), b), name),
            (Values{{"d/c", 20}, {"d/a", 10}, {"other/other", 53}}));
  // a is gone, b was counted in "other" and stays there; what goes away takes nothing from a counter.
  EXPECT_EQ(values(families(saw({{"d", "b", 51}, {"d", "c", 20}}), b), name),
            (Values{{"d/c", 20}, {"other/other", 54}}));
  // A newcomer takes the free place; one that starts again at zero adds what it has since then.
  EXPECT_EQ(values(families(saw({{"d", "b", 4}, {"d", "c", 20}, {"d", "n", 9}}), b), name),
            (Values{{"d/c", 20}, {"d/n", 9}, {"other/other", 58}}));
  SeriesBudget none;
  EXPECT_EQ(find(metrics({}, {}, at, none, probes), "pgvigil_series_dropped_total"), nullptr);
  const auto quiet = families(saw({}), b);
  const Family* dropped = find(quiet, "pgvigil_series_dropped_total");
  ASSERT_NE(dropped, nullptr);
  ASSERT_EQ(dropped->samples.size(), 1U);
  EXPECT_EQ(dropped->samples[0].labels, (std::vector<Label>{{"family", name}}));
  EXPECT_EQ(dropped->samples[0].value, 2 + 2 + 1 + 1);
}

TEST(Metrics, over_budget_a_maximum_stays_one) {
  SeriesBudget b;
  b.per_family = 1;
  EXPECT_EQ(values(families(saw({{"a", "x", 1, 1, 9000.0}, {"b", "x", 1, 1, 3000.0}, {"c", "x", 1, 1, 2000.0}}), b),
                   "pgvigil_test_age_seconds"),
            (Values{{"a", 9}, {"other", 3}}));
}

TEST(Metrics, a_target_that_is_gone_leaves_no_memory) {
  SeriesBudget b;
  families(saw({{"a", "x", 5}}), b);
  EXPECT_FALSE(b.buckets.empty());
  metrics({}, {}, at, b, probes);
  EXPECT_TRUE(b.buckets.empty());
}

TEST(Metrics, promtool_has_nothing_to_say_even_about_hostile_names) {
  std::vector<Thing> rows;
  for (const char* name : {"a\"b\\c\nd", "\xe9\xff", "</script>\xe2\x80\xae", "", "{}=,", "plain"})
    rows.push_back({name, name, 1, 1, 3.0});
  const History history = saw(rows);
  const Report r = a_report();
  SeriesBudget budget;
  budget.per_family = 4;
  const TargetMetrics t{"tar\"get\n\xff", &history, &r};
  auto all = metrics(std::span(&t, 1), own(), at, budget, probes);
  std::erase_if(all,
                [](const Family& f) { return !f.name.starts_with("pgvigil_"); });  // borrowed names break its rules
  const std::string path = testing::TempDir() + "pgvigil_metrics_test.txt";
  std::ofstream(path) << exposition(all);
  std::FILE* pipe = popen(("promtool check metrics < '" + path + "' 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) said += buffer;
  const int status = pclose(pipe);
  EXPECT_NE(status, 127 << 8) << "promtool is missing\nhint: apt install prometheus";
  EXPECT_EQ(status, 0) << said;
  EXPECT_EQ(said, "");
  std::remove(path.c_str());
}

TEST(Metrics, what_is_not_finite_is_no_sample) {
  SeriesBudget b;
  EXPECT_TRUE(
      values(families(saw({{"a", "x", std::nan("")}, {"a", "y", INFINITY}}), b), "pgvigil_test_value_total").empty());
}

TEST(Metrics, nothing_known_is_still_a_page) {
  const std::string text = page({});
  EXPECT_THAT(text, HasSubstr("pgvigil_build_info{version=\"0.1.0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE pgvigil_own_reports_total counter\n"));
}

}  // namespace
}  // namespace pgvigil
