#include "agent/core/alerting.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "agent/core/alert_state.h"
#include "agent/core/notes.h"
#include "agent/core/recording.h"

namespace pgvigil {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Time start = Time{} + std::chrono::hours(24 * 20'000);

// Checks of our own, so that nothing here depends on the catalogue.
const Check no_index{.id = "unindexed_table", .title = "Large table without an index", .why = "", .role = Role::cause};
const Check locks{.id = "lock_pile_up", .title = "Sessions wait for one lock", .why = "", .role = Role::cause};
const Check cpu{.id = "cpu_saturated", .title = "CPU saturated", .why = "", .role = Role::symptom};
const Check rising{.id = "connections_rising", .title = "Connections rising", .why = "", .role = Role::symptom};
const Check down{.id = "server_unreachable", .title = "Server unreachable", .why = "", .role = Role::cause};
const std::vector<const Check*> catalogue{&no_index, &locks, &cpu, &rising, &down};

Finding finding(const Check& check, const std::string& object, Severity severity = Severity::critical,
                Confidence confidence = Confidence::high) {
  Finding f{.object = {"table", object}, .sentence = object + " is in trouble"};
  f.check = std::string(check.id);
  f.role = check.role;
  f.severity = severity;
  f.confidence = confidence;
  return f;
}

Incident incident(std::vector<Finding> causes, std::vector<Finding> symptoms = {}) {
  Incident i;
  i.explained = causes.front().role == Role::cause;
  for (const auto* side : {&causes, &symptoms})
    for (const Finding& f : *side) i.severity = std::max(i.severity, f.severity);
  i.act_by = causes.front().act_by;
  i.causes = std::move(causes);
  i.symptoms = std::move(symptoms);
  return i;
}

Report report(Time at, std::vector<Incident> incidents = {}) {
  Report r;
  r.target = "codeintel";
  r.at = at;
  r.incidents = std::move(incidents);
  for (const Check* c : catalogue) r.results.push_back({.check = c});
  return r;
}

void make_unknown(Report& r, const Check& check) {
  for (Result& x : r.results)
    if (x.check == &check) x.unknown = Failure{.message = "permission denied"};
}

class Alerting : public testing::Test {
 protected:
  // One step `seconds` after the last one.
  std::vector<Notice> see(std::vector<Incident> incidents, double seconds = 10) {
    now = after(now, seconds);
    return step(state, report(now, std::move(incidents)), settings, now);
  }
  std::vector<Notice> see_report(Report r, double seconds = 10) {
    now = after(now, seconds);
    r.at = now;
    return step(state, r, settings, now);
  }
  // Steps every ten seconds until one says something; its notices.
  std::vector<Notice> until_told(const std::vector<Incident>& incidents, double limit = 900) {
    for (double t = 0; t < limit; t += 10)
      if (auto n = see(incidents); !n.empty()) return n;
    return {};
  }

  AlertState state;
  AlertSettings settings;
  Time now = start;
  const Incident proven = incident({finding(no_index, "documents")}, {finding(cpu, "host", Severity::warning)});
  const Incident symptom = incident({finding(cpu, "host", Severity::warning)});
};

MATCHER_P(EdgeIs, edge, "") { return arg.edge == edge; }

TEST_F(Alerting, a_proven_cause_fires_at_once_and_resolves_under_the_same_key) {
  const auto fired = see({proven});
  ASSERT_THAT(fired, ElementsAre(EdgeIs(Notice::Edge::firing)));
  EXPECT_THAT(fired[0].key, testing::MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(fired[0].target, "codeintel");
  EXPECT_EQ(fired[0].incident.symptoms.size(), 1u);
  EXPECT_THAT(see({proven}), IsEmpty());
  EXPECT_THAT(see({}), IsEmpty());  // absent for 0 s
  EXPECT_THAT(see({}), IsEmpty());
  EXPECT_THAT(see({}), IsEmpty());
  const auto over = see({});
  ASSERT_THAT(over, ElementsAre(EdgeIs(Notice::Edge::resolved)));
  EXPECT_EQ(over[0].key, fired[0].key);
  EXPECT_EQ(over[0].started, fired[0].started);
  EXPECT_EQ(over[0].incident.lead().check, "unindexed_table");
  EXPECT_NE(over[0].changed, "");
  EXPECT_THAT(until_told({}), IsEmpty());
}

TEST_F(Alerting, a_proven_cause_that_can_wait_until_today_is_told_once_two_more_looks_show_it) {
  Incident today = proven;
  today.act_by = ActBy::today;
  for (int i = 0; i < 2; ++i) EXPECT_THAT(see({today}), IsEmpty()) << i;
  EXPECT_THAT(see({today}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  state = {};
  see({today});
  see({today});
  EXPECT_THAT(until_told({}), IsEmpty());  // it was a blip
  settings.for_critical = 5;
  see({today});
  EXPECT_THAT(see({today}), ElementsAre(EdgeIs(Notice::Edge::firing)));  // no longer than a symptom
  state = {};
  Incident doubtful = incident({finding(no_index, "documents", Severity::warning, Confidence::low)});
  doubtful.act_by = ActBy::today;
  for (int i = 0; i < 6; ++i) EXPECT_THAT(see({doubtful}), IsEmpty()) << i;
  EXPECT_THAT(see({doubtful}), ElementsAre(EdgeIs(Notice::Edge::firing)));
}

TEST_F(Alerting, a_symptom_must_last) {
  for (int i = 0; i < 6; ++i) EXPECT_THAT(see({symptom}), IsEmpty()) << i;
  EXPECT_THAT(see({symptom}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  AlertState other;
  std::swap(state, other);
  const Incident bad = incident({finding(cpu, "host", Severity::critical)});
  for (int i = 0; i < 3; ++i) EXPECT_THAT(see({bad}), IsEmpty()) << i;
  EXPECT_THAT(see({bad}), ElementsAre(EdgeIs(Notice::Edge::firing)));
}

TEST_F(Alerting, a_symptom_that_pauses_starts_again) {
  for (int i = 0; i < 6; ++i) see({symptom});
  EXPECT_THAT(see({}), IsEmpty());
  for (int i = 0; i < 6; ++i) EXPECT_THAT(see({symptom}), IsEmpty()) << i;
  EXPECT_THAT(see({symptom}), ElementsAre(EdgeIs(Notice::Edge::firing)));
}

TEST_F(Alerting, a_doubtful_cause_must_last_too) {
  EXPECT_THAT(see({incident({finding(no_index, "documents", Severity::critical, Confidence::low)})}), IsEmpty());
}

TEST_F(Alerting, what_can_wait_or_only_informs_is_silent) {
  Incident later = proven, info = proven;
  later.act_by = ActBy::this_week;
  info.severity = Severity::info;
  EXPECT_THAT(until_told({later}, 300), IsEmpty());
  EXPECT_THAT(until_told({info}, 300), IsEmpty());
  Report r = report(now);
  r.events.push_back(finding(cpu, "restart"));
  r.posture.push_back(finding(no_index, "small"));
  for (int i = 0; i < 20; ++i) EXPECT_THAT(see_report(r), IsEmpty());
}

TEST_F(Alerting, the_cause_found_later_is_one_update_and_no_second_page) {
  const auto fired = until_told({symptom});
  ASSERT_EQ(fired.size(), 1u);
  const auto update = see({proven});
  ASSERT_THAT(update, ElementsAre(EdgeIs(Notice::Edge::update)));
  EXPECT_EQ(update[0].key, fired[0].key);
  EXPECT_EQ(update[0].incident.lead().check, "unindexed_table");
  EXPECT_THAT(until_told({proven}, 300), IsEmpty());
  EXPECT_THAT(until_told({symptom}, 300), IsEmpty());  // the lead changes back: the same trouble
  const auto over = until_told({});
  ASSERT_THAT(over, ElementsAre(EdgeIs(Notice::Edge::resolved)));
  EXPECT_EQ(over[0].key, fired[0].key);
  EXPECT_EQ(over[0].incident.lead().check, "unindexed_table");  // told with its cause
}

TEST_F(Alerting, severity_steps_up_once) {
  ASSERT_EQ(see({incident({finding(no_index, "documents", Severity::warning)})}).size(), 1u);
  EXPECT_THAT(see({proven}), ElementsAre(EdgeIs(Notice::Edge::update)));
  EXPECT_THAT(see({incident({finding(no_index, "documents", Severity::warning)})}), IsEmpty());
  EXPECT_THAT(see({proven}), IsEmpty());
}

TEST_F(Alerting, unknown_is_no_recovery) {
  const auto fired = see({proven});
  Report blind = report(now);
  make_unknown(blind, no_index);
  blind.partial = true;
  for (int i = 0; i < 30; ++i) EXPECT_THAT(see_report(blind), IsEmpty()) << i;
  Report nothing = report(now);
  nothing.results.clear();
  for (int i = 0; i < 30; ++i) EXPECT_THAT(see_report(nothing), IsEmpty()) << i;
  for (int i = 0; i < 3; ++i) EXPECT_THAT(see({}), IsEmpty()) << i;
  const auto over = see({});
  ASSERT_THAT(over, ElementsAre(EdgeIs(Notice::Edge::resolved)));
  EXPECT_EQ(over[0].key, fired[0].key);
}

TEST_F(Alerting, another_checks_blindness_does_not_keep_it_open) {
  see({proven});
  Report r = report(now);
  make_unknown(r, locks);
  r.partial = true;
  std::vector<Notice> told;
  for (int i = 0; i < 5 && told.empty(); ++i) told = see_report(r);
  EXPECT_THAT(told, ElementsAre(EdgeIs(Notice::Edge::resolved)));
}

TEST_F(Alerting, an_unreachable_server_mutes_the_rest) {
  const auto fired = see({proven});
  Incident gone = incident({finding(down, "server")}, {finding(cpu, "host", Severity::warning)});
  Report r = report(now, {gone, incident({finding(locks, "orders")})});
  r.reachable = false;
  const auto told = see_report(r);
  ASSERT_THAT(told, ElementsAre(EdgeIs(Notice::Edge::firing)));
  EXPECT_EQ(told[0].incident.lead().check, "server_unreachable");
  EXPECT_NE(told[0].key, fired[0].key);
  for (int i = 0; i < 60; ++i) EXPECT_THAT(see_report(r), IsEmpty()) << i;
  std::vector<Notice> all;
  for (int i = 0; i < 5; ++i)
    for (Notice& n : see({proven})) all.push_back(std::move(n));
  ASSERT_THAT(all, ElementsAre(EdgeIs(Notice::Edge::resolved)));  // the server is back; the index is still missing
  EXPECT_EQ(all[0].key, told[0].key);
}

TEST_F(Alerting, two_that_turn_out_to_be_one_keep_the_older_key) {
  const auto first = see({proven});
  const auto second = see({proven, incident({finding(locks, "orders")})});
  ASSERT_EQ(second.size(), 1u);
  EXPECT_THAT(see({incident({finding(no_index, "documents"), finding(locks, "orders")})}), IsEmpty());
  const auto over = until_told({});
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].key, first[0].key);
  EXPECT_THAT(over[0].merged, ElementsAre(second[0].key));
  EXPECT_THAT(until_told({}), IsEmpty());
}

TEST_F(Alerting, a_new_cause_beside_an_open_one_is_its_own_incident) {
  const auto first = see({proven});
  const auto second =
      see({incident({finding(no_index, "documents")}), incident({finding(locks, "orders")}, {finding(cpu, "host")})});
  ASSERT_THAT(second, ElementsAre(EdgeIs(Notice::Edge::firing)));
  EXPECT_EQ(second[0].incident.lead().check, "lock_pile_up");
}

// A queue is seen behind one session first; some samples later that session turns out to be one of many at one row.
TEST_F(Alerting, what_stands_behind_an_open_incident_continues_it) {
  const auto made = [](const char* check, Object object, const char* query) {
    Finding f{.severity = Severity::critical, .object = std::move(object), .sentence = "in trouble"};
    f.check = check;
    f.confidence = Confidence::high;
    f.queries = {query};
    return f;
  };
  const Finding queue = made("lock_queue", {"session", "4711"}, "7");
  ASSERT_THAT(see({incident({queue})}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  EXPECT_THAT(see({incident({made("hot_row", {"table", "public.page_views"}, "7")})}), IsEmpty());
  EXPECT_EQ(state.open.size(), 1U);
  EXPECT_THAT(see({incident({queue})}), IsEmpty());
  const auto other = see({incident({queue}), incident({made("hot_row", {"table", "public.votes"}, "8")})});
  EXPECT_THAT(other, ElementsAre(EdgeIs(Notice::Edge::firing)));
}

TEST_F(Alerting, a_table_whose_schema_is_known_later_is_the_same_incident) {
  ASSERT_THAT(see({incident({finding(no_index, "page_views")})}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  EXPECT_THAT(see({incident({finding(no_index, "public.page_views")})}), IsEmpty());
  EXPECT_THAT(see({incident({finding(no_index, "page_views")})}), IsEmpty());
  EXPECT_THAT(see({incident({finding(no_index, "page_views")}), incident({finding(no_index, "public.views")})}),
              ElementsAre(EdgeIs(Notice::Edge::firing)));
}

TEST_F(Alerting, a_symptom_that_splits_off_is_not_told_again) {
  see({proven});
  EXPECT_THAT(until_told({incident({finding(no_index, "documents")}), symptom}, 300), IsEmpty());
  EXPECT_EQ(state.open.size(), 1u);
}

TEST_F(Alerting, our_own_sleep_proves_nothing) {
  for (int i = 0; i < 6; ++i) see({symptom});
  EXPECT_THAT(see({symptom}, 3600), IsEmpty());  // asleep: it did not last, as far as we know
  for (int i = 0; i < 5; ++i) EXPECT_THAT(see({symptom}), IsEmpty()) << i;
  EXPECT_THAT(see({symptom}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  see({});
  EXPECT_THAT(see({}, 3600), IsEmpty());
  for (int i = 0; i < 2; ++i) EXPECT_THAT(see({}), IsEmpty()) << i;
  EXPECT_THAT(see({}), ElementsAre(EdgeIs(Notice::Edge::resolved)));
}

TEST_F(Alerting, waking_up_to_a_broken_connection_pages_nobody) {
  see({});
  EXPECT_THAT(see({incident({finding(down, "server")})}, 600), IsEmpty());
  EXPECT_THAT(see({}), IsEmpty());
}

TEST_F(Alerting, a_clock_that_jumps_makes_no_edge) {
  const auto fired = see({proven});
  for (const double jump : {3600.0, -3600.0, -7200.0, 9000.0}) {
    EXPECT_THAT(see({proven}, jump), IsEmpty()) << jump;
    EXPECT_THAT(see({proven}), IsEmpty()) << jump;
  }
  see({}, -3600);
  const auto over = until_told({});
  ASSERT_THAT(over, ElementsAre(EdgeIs(Notice::Edge::resolved)));
  EXPECT_EQ(over[0].key, fired[0].key);
}

TEST_F(Alerting, a_slow_server_is_not_a_gap) {
  EXPECT_THAT(see({symptom}, 40), IsEmpty());
  EXPECT_THAT(see({symptom}, 40), IsEmpty());
  EXPECT_THAT(see({symptom}, 40), IsEmpty());
  EXPECT_THAT(see({symptom}, 40), ElementsAre(EdgeIs(Notice::Edge::firing)));
}

TEST_F(Alerting, the_same_report_twice_is_no_evidence) {
  see({proven});
  const Report empty = report(after(now, 10));
  for (int i = 0; i < 20; ++i) {
    now = after(now, 10);
    EXPECT_THAT(step(state, empty, settings, now), IsEmpty()) << i;
  }
}

TEST_F(Alerting, flapping_makes_two_edges_in_ten_minutes) {
  std::vector<Time> edges;
  for (int i = 0; i < 720; ++i)  // two hours, five steps there and five steps gone
    for (const Notice& n : see(i / 5 % 2 == 0 ? std::vector<Incident>{proven} : std::vector<Incident>{}))
      edges.push_back(n.at);
  ASSERT_GT(edges.size(), 3u);
  for (std::size_t i = 2; i < edges.size(); ++i) EXPECT_GE(seconds_between(edges[i - 2], edges[i]), 600) << i;
}

TEST_F(Alerting, flapping_between_cause_and_symptom_is_one_trouble) {
  int edges = 0;
  for (int i = 0; i < 60; ++i)
    edges += static_cast<int>(see(i / 5 % 2 == 1    ? std::vector<Incident>{}
                                  : i / 10 % 2 == 0 ? std::vector<Incident>{proven}
                                                    : std::vector<Incident>{symptom})
                                  .size());
  EXPECT_LE(edges, 2);
}

TEST_F(Alerting, keys_depend_on_what_names_an_incident) {
  const Object o{"table", "documents", "app"};
  const std::string key = incident_key("a", "c", o);
  EXPECT_EQ(key, incident_key("a", "c", o));
  EXPECT_EQ(key.size(), 16u);
  EXPECT_NE(key, incident_key("b", "c", o));
  EXPECT_NE(key, incident_key("a", "d", o));
  EXPECT_NE(key, incident_key("a", "c", {"table", "documents", "other"}));
}

TEST_F(Alerting, the_same_trouble_has_the_same_key_and_each_edge_its_own_id) {
  const auto first = see({proven});
  const auto over = until_told({});
  for (int i = 0; i < 70; ++i) see({});  // out of the flap window
  const auto again = see({proven});
  ASSERT_THAT(again, ElementsAre(EdgeIs(Notice::Edge::firing)));
  EXPECT_EQ(again[0].key, first[0].key);
  EXPECT_EQ(std::set<std::string>({first[0].id(), over.at(0).id(), again[0].id()}).size(), 3u);
  // Another agent that saw it a little later knows it by the same key.
  AlertState other;
  const auto theirs = step(other, report(after(start, 3), {proven}), settings, after(start, 3));
  EXPECT_EQ(theirs.at(0).key, first[0].key);
}

TEST_F(Alerting, a_silence_holds_back_until_it_ends) {
  const Silence on{.id = "1", .target = "code*", .check = "unindexed_table", .from = start, .until = after(start, 300)};
  const auto quietly = [&](std::vector<Incident> incidents) {
    now = after(now, 10);
    return step(state, report(now, std::move(incidents)), settings, now, {on});
  };
  for (int i = 0; i < 29; ++i) EXPECT_THAT(quietly({proven}), IsEmpty()) << i;
  EXPECT_THAT(quietly({proven}), ElementsAre(EdgeIs(Notice::Edge::firing)));  // it is over, the trouble is not
}

TEST_F(Alerting, what_had_fired_resolves_in_a_silence_too) {
  ASSERT_THAT(see({proven}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  const Silence on{.id = "1", .from = start, .until = after(start, 9000)};
  std::vector<Notice> told;
  for (int i = 0; i < 10 && told.empty(); ++i) {
    now = after(now, 10);
    told = step(state, report(now), settings, now, {on});
  }
  EXPECT_THAT(told, ElementsAre(EdgeIs(Notice::Edge::resolved)));
}

TEST_F(Alerting, what_goes_on_is_told_again_only_where_that_is_wanted) {
  see({proven});
  for (int i = 0; i < 1000; ++i) EXPECT_THAT(see({proven}), IsEmpty());
  settings.repeat = 3600;
  now = after(now, 10);
  const auto again = step(state, report(now, {proven}), settings, now);
  ASSERT_THAT(again, ElementsAre(EdgeIs(Notice::Edge::update)));
  EXPECT_EQ(again[0].changed, "it still goes on, 2 h 46 min");
  for (int i = 0; i < 359; ++i) EXPECT_THAT(see({proven}), IsEmpty()) << i;
  EXPECT_THAT(see({proven}), ElementsAre(EdgeIs(Notice::Edge::update)));
}

TEST_F(Alerting, whoever_was_told_of_it_at_its_worst_is_told_of_its_end) {
  Incident today = proven;
  today.act_by = ActBy::today;
  today.severity = Severity::warning;
  const auto fired = until_told({today});
  EXPECT_EQ(fired.at(0).reach, (Reach{Severity::warning, ActBy::today}));
  const auto worse = see({proven});
  ASSERT_THAT(worse, ElementsAre(EdgeIs(Notice::Edge::update)));
  EXPECT_EQ(worse[0].before, (Reach{Severity::warning, ActBy::today}));
  EXPECT_EQ(worse[0].reach, (Reach{Severity::critical, ActBy::now}));
  EXPECT_THAT(see({today}), IsEmpty());
  const auto over = until_told({});
  EXPECT_EQ(over.at(0).reach, (Reach{Severity::critical, ActBy::now}));
  EXPECT_EQ(over.at(0).first_check, "unindexed_table");
}

TEST_F(Alerting, critical_and_urgent_are_each_told_once) {
  Incident i = proven;
  i.severity = Severity::warning;
  i.act_by = ActBy::today;
  ASSERT_THAT(until_told({i}), ElementsAre(EdgeIs(Notice::Edge::firing)));
  i.severity = Severity::critical;
  const auto critical = see({i});
  ASSERT_THAT(critical, ElementsAre(EdgeIs(Notice::Edge::update)));
  EXPECT_EQ(critical[0].changed, "it became critical");
  i.act_by = ActBy::now;
  const auto urgent = see({i});
  ASSERT_THAT(urgent, ElementsAre(EdgeIs(Notice::Edge::update)));
  EXPECT_EQ(urgent[0].changed, "it became urgent");
  i.severity = Severity::warning;
  EXPECT_THAT(see({i}), IsEmpty());
  i.severity = Severity::critical;
  EXPECT_THAT(see({i}), IsEmpty());
}

TEST_F(Alerting, a_restart_forgets_nothing) {
  const auto fired = see({proven});
  TargetAlerts saved;
  saved.alerts = state;
  saved.notes.known[{"c", {"table", "t", "d"}}] = {start, now, true};
  const TargetAlerts loaded = load_alerts(save_alerts(saved));
  EXPECT_EQ(save_alerts(loaded), save_alerts(saved));
  state = loaded.alerts;
  now = after(now, 600);  // it took a while
  EXPECT_THAT(see({proven}), IsEmpty());
  const auto over = until_told({});
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].key, fired[0].key);
  EXPECT_EQ(over[0].fired, fired[0].fired);
  EXPECT_EQ(over[0].incident.lead().sentence, fired[0].incident.lead().sentence);
}

TEST(AlertState, whatever_a_file_holds_is_refused_or_bounded) {
  EXPECT_THROW(load_alerts("not json"), BadRecording);
  EXPECT_THROW(load_alerts(R"({"alerts": {"open": 7}})"), BadRecording);
  EXPECT_TRUE(load_alerts("{}").alerts.open.empty());
  // Without a key or a cause it is no incident; an enumerator that is none becomes the last one.
  EXPECT_TRUE(load_alerts(R"({"alerts": {"open": [{"key": "a"}]}})").alerts.open.empty());
  const auto odd = load_alerts(
      R"({"alerts": {"open": [{"key": "a", "incident": {"severity": 99, "causes": [{"check": "c", "role": 250}]}}]}})");
  ASSERT_EQ(odd.alerts.open.size(), 1u);
  EXPECT_EQ(odd.alerts.open[0].incident.severity, Severity::critical);
  EXPECT_EQ(odd.alerts.open[0].incident.causes[0].role, Role::advice);
}

TEST(Silences, globs) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("a*c?e", "abbbcde"));
  EXPECT_FALSE(matches_glob("a*c", "abcd"));
  EXPECT_TRUE(matches_glob("*_table", "unindexed_table"));
  EXPECT_FALSE(matches_glob("", "x"));
  EXPECT_TRUE(matches_glob("a**b", "ab"));
  EXPECT_FALSE(matches_glob("*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));  // and ends
}

TEST(Silences, of_one_table_hide_no_other) {
  const Silence archive{.id = "1", .object = "archive", .from = start, .until = after(start, 60)};
  Silence orders = archive;
  orders.object = "orders";
  const Incident two = incident({finding(no_index, "orders"), finding(no_index, "archive")});
  EXPECT_FALSE(silenced({archive}, "any", two, start));
  EXPECT_TRUE(silenced({archive, orders}, "any", two, start));
  Finding lesser = finding(no_index, "orders");
  lesser.act_by = ActBy::later;
  EXPECT_TRUE(silenced({archive}, "any", incident({finding(no_index, "archive"), lesser}), start));
  EXPECT_TRUE(silenced({archive}, "any", incident({finding(no_index, "archive"), finding(cpu, "archive")}), start))
      << "two checks on one table";
}

TEST(Silences, match_by_what_they_name_and_while_they_last) {
  const Incident i = incident({finding(no_index, "documents")}, {finding(cpu, "host")});
  const Silence all{.id = "1", .from = start, .until = after(start, 60)};
  EXPECT_TRUE(silenced({all}, "any", i, start));
  EXPECT_FALSE(silenced({all}, "any", i, after(start, 60)));
  EXPECT_FALSE(silenced({all}, "any", i, after(start, -1)));
  Silence s = all;
  s.object = "doc*";
  EXPECT_TRUE(silenced({s}, "any", i, start));
  s.check = "cpu_saturated";  // only a symptom of it
  EXPECT_FALSE(silenced({s}, "any", i, start));
  EXPECT_EQ(load_silence(save_silence(s)), s);
  EXPECT_THROW(load_silence("{}"), BadRecording);
}

class Notes : public testing::Test {
 protected:
  Report with(std::vector<Finding> events, std::vector<Finding> posture) {
    Report r = report(now);
    r.events = std::move(events);
    r.posture = std::move(posture);
    return r;
  }
  Finding posture_of(const std::string& object, ActBy by = ActBy::this_week) {
    Finding f = finding(no_index, object, Severity::warning);
    f.act_by = by;
    return f;
  }
  std::vector<Notice> see(const Report& r, double seconds = 10) {
    now = after(now, seconds);
    return take_notes(state, r, open, {}, now);
  }
  // Within so many looks from now on.
  std::vector<Notice> soon(const Report& r, int looks = 7) {
    std::vector<Notice> told;
    while (told.empty() && looks-- > 0) told = see(r);
    return told;
  }
  std::vector<OpenIncident> open;
  NoteState state;
  Time now = start;
};

TEST_F(Notes, an_event_is_told_once) {
  Finding restarted = finding(down, "server", Severity::warning);
  restarted.role = Role::event;
  restarted.act_by = ActBy::today;
  const Report r = with({restarted}, {});
  EXPECT_THAT(soon(r, 6), IsEmpty());  // an incident may come of it
  const auto told = see(r);
  ASSERT_THAT(told, ElementsAre(EdgeIs(Notice::Edge::note)));
  EXPECT_EQ(told[0].reach, (Reach{Severity::warning, ActBy::today}));
  for (int i = 0; i < 1000; ++i) EXPECT_THAT(see(r), IsEmpty());
  // Gone for a while, or of another time: it happened again.
  for (int i = 0; i < 400; ++i) see(with({}, {}));
  EXPECT_EQ(soon(r).size(), 1u);
  restarted.since = now;
  EXPECT_THAT(see(with({restarted}, {})), IsEmpty());
  for (int i = 0; i < 400; ++i) see(with({}, {}));
  EXPECT_EQ(soon(with({restarted}, {})).size(), 1u);
  restarted.since = after(now, -100);
  EXPECT_EQ(soon(with({restarted}, {})).size(), 1u);
  EXPECT_THAT(see(with({restarted}, {})), IsEmpty());
  restarted.act_by = ActBy::later;
  EXPECT_THAT(see(with({restarted, finding(locks, "x", Severity::info)}, {})), IsEmpty());
}

TEST_F(Notes, an_event_that_an_incident_told_of_is_not_told_again) {
  Finding dropped = finding(down, "i", Severity::warning);
  dropped.role = Role::event;
  dropped.act_by = ActBy::today;
  EXPECT_THAT(see(with({dropped}, {})), IsEmpty());
  open.resize(1);
  open[0].incident.events = {dropped};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(see(with({}, {})), IsEmpty());
  open[0].fired = now;
  EXPECT_THAT(see(with({}, {})), IsEmpty());
  open.clear();  // it is over, the event still stands in the report
  EXPECT_THAT(soon(with({dropped}, {}), 90), IsEmpty());
  // One beside an incident that never alerted is told.
  dropped.object.name = "j";
  open.resize(1);
  open[0].incident.events = {dropped};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(see(with({}, {})), IsEmpty());
  open.clear();
  EXPECT_EQ(soon(with({dropped}, {})).size(), 1u);
}

TEST_F(Notes, posture_is_one_digest_a_day_of_what_lasts) {
  const Report r = with({}, {posture_of("a"), posture_of("b", ActBy::later)});
  for (int i = 0; i < 90; ++i) EXPECT_THAT(see(r), IsEmpty()) << i;
  const auto digest = see(r);
  ASSERT_EQ(digest.size(), 1u);
  EXPECT_EQ(digest[0].incident.causes.size(), 2u);
  EXPECT_EQ(digest[0].incident.causes[0].object.name, "a");  // the more urgent one
  EXPECT_EQ(digest[0].reach.act_by, ActBy::this_week);
  // What comes the same day waits for the next digest; what was told is not told again.
  const Report more = with({}, {posture_of("a"), posture_of("b", ActBy::later), posture_of("c")});
  std::vector<Notice> next;
  double waited = 0;
  for (; waited < 2 * 86400 && next.empty(); waited += 600) next = see(more, 600);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_GE(waited, 86400 - 600);
  ASSERT_EQ(next[0].incident.causes.size(), 1u);
  EXPECT_EQ(next[0].incident.causes[0].object.name, "c");
}

// Whatever a server and a clock do: what is told makes sense.
TEST(AlertingProperties, generated_histories_obey_the_rules) {
  std::mt19937 random(20261122);
  const auto chance = [&](double p) { return std::uniform_real_distribution<double>(0, 1)(random) < p; };
  const auto pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  std::size_t told = 0, updates = 0, resolves = 0;
  for (int history = 0; history < 100; ++history) {
    AlertState state;
    const AlertSettings settings;
    Time now = start;
    std::set<std::string> open, ids;
    std::map<std::string, int> updates_of;
    std::vector<Incident> trouble;
    for (int i = 0; i < 300; ++i) {
      if (chance(0.08)) {
        trouble.clear();
        for (int n = pick(4); n > 0; --n) {
          const bool explained = chance(0.6);
          const Check& lead = explained ? (chance(0.5) ? no_index : locks) : (chance(0.5) ? cpu : rising);
          std::vector<Finding> causes{finding(lead, std::string(1, static_cast<char>('a' + pick(3))),
                                              chance(0.5) ? Severity::critical : Severity::warning,
                                              static_cast<Confidence>(pick(3)))};
          std::vector<Finding> symptoms;
          if (explained && chance(0.6)) symptoms.push_back(finding(chance(0.5) ? cpu : rising, "a", Severity::warning));
          trouble.push_back(incident(causes, symptoms));
          trouble.back().act_by = static_cast<ActBy>(pick(4));
        }
        if (chance(0.1)) trouble.push_back(incident({finding(down, "server")}));
      }
      const double wait = chance(0.01) ? (chance(0.5) ? -3600.0 : 3600.0) : 1 + pick(15);
      now = after(now, wait);
      Report r = report(now, trouble);
      r.reachable = !chance(0.05);
      if (chance(0.1)) make_unknown(r, *catalogue[static_cast<std::size_t>(pick(5))]);
      bool muted = !r.reachable;
      for (const Incident& t : trouble) muted = muted || t.lead().check == "server_unreachable";
      for (const Notice& n : step(state, r, settings, now)) {
        ++told;
        EXPECT_FALSE(wait < 0 || wait > 30) << "an edge on our own gap";
        EXPECT_TRUE(!muted || n.incident.lead().check == "server_unreachable") << "told though muted";
        EXPECT_GE(n.incident.severity, Severity::warning);
        EXPECT_LE(n.incident.act_by, ActBy::today);
        EXPECT_TRUE(ids.insert(n.id()).second) << "two edges of one id";
        bool worse = false;
        switch (n.edge) {
          case Notice::Edge::firing:
            EXPECT_TRUE(open.insert(n.key).second) << "fired twice";
            updates_of.erase(n.key);
            for (const std::string& m : n.merged) EXPECT_NE(m, n.key);
            break;
          case Notice::Edge::update:
            ++updates;
            EXPECT_TRUE(open.contains(n.key));
            EXPECT_LE(++updates_of[n.key], 3) << "more than the cause, critical and urgent";
            worse = n.before.severity < n.reach.severity || n.before.act_by > n.reach.act_by;
            EXPECT_TRUE(worse || n.changed.find("cause is now known") != std::string::npos);
            break;
          case Notice::Edge::resolved:
            ++resolves;
            EXPECT_EQ(open.erase(n.key), 1u) << "resolved what never fired";
            for (const std::string& m : n.merged) EXPECT_EQ(open.erase(m), 1u) << "ended with another";
            break;
          case Notice::Edge::note:
            ADD_FAILURE() << "not of step";
        }
      }
    }
    // Then quiet, for long: everything that fired is over, and nothing is left behind.
    for (int i = 0; i < 250; ++i) {
      now = after(now, 10);
      for (const Notice& n : step(state, report(now), settings, now)) {
        EXPECT_EQ(n.edge, Notice::Edge::resolved);
        EXPECT_EQ(open.erase(n.key), 1u);
        for (const std::string& m : n.merged) EXPECT_EQ(open.erase(m), 1u);
      }
    }
    EXPECT_TRUE(open.empty());
    EXPECT_TRUE(state.open.empty());
    EXPECT_TRUE(state.past.empty());
  }
  EXPECT_GT(told, 300u);
  EXPECT_GT(updates, 20u);
  EXPECT_GT(resolves, 100u);
}

TEST(AlertingProperties, quiet_input_says_nothing) {
  AlertState state;
  Time now = start;
  for (int i = 0; i < 1000; ++i) {
    now = after(now, 10);
    EXPECT_THAT(step(state, report(now), {}, now), IsEmpty());
  }
}

}  // namespace
}  // namespace pgvigil
