#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "checks/cannot_judge.h"
#include "checks/ceilings.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/databases.h"
#include "checks/probes/statements.h"
#include "checks/queries_timing_out_examples.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

using ceiling::ended, ceiling::floor_age, ceiling::most, ceiling::window;
using timing_out::readers, timing_out::limit, timing_out::counted, timing_out::counted_once;

constexpr Setting<Ratio> near{"near", 0.7, "share of a configured limit from which an execution is about to meet it"};
constexpr std::size_t fewest_samples = 10;
constexpr double enough = 3;       // times as many as make a suspicion
constexpr double none_ends = 0.9;  // share of the long executions that meet it: the two do not go together

std::string sentence(const Ceiling& c) {
  const double n = static_cast<double>(c.ends.size());
  switch (c.clock) {
    case Clock::lock:
      return fmt::format("{} gave up after waiting {} for a lock: {}", words::counted(n, "execution"),
                         exactly(c.seconds), c.layer);
    case Clock::transaction:
      return fmt::format("{} ended at an age of {}: {}", words::counted(n, "transaction"), exactly(c.seconds), c.layer);
    case Clock::idle:
      return fmt::format("{} ended after sitting idle in transaction for {}: {}", words::counted(n, "session"),
                         exactly(c.seconds), c.layer);
    default:
      return fmt::format("{} ended at an age of {}: {}", words::counted(n, "execution"), exactly(c.seconds), c.layer);
  }
}

void add_rollbacks(const Input& in, Finding& f) {
  if (const double r = rollbacks(in); r > 0) f.evidence.push_back({"transactions rolled back", words::rate(r, "")});
}

void add_queries(Finding& f, const std::vector<Session>& sessions) {
  std::map<std::string, std::pair<double, std::string>> by_query;
  for (const Session& s : sessions) {
    auto& [n, text] = by_query[s.query_id.empty() ? s.query : s.query_id];
    n += 1;
    text = s.query;
  }
  std::vector<std::pair<std::string, std::pair<double, std::string>>> all(by_query.begin(), by_query.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    f.queries.push_back(all[i].first);
    if (i < 3)
      f.evidence.push_back({"query", fmt::format("{} times: {}", words::count(all[i].second.first),
                                                 words::one_line(all[i].second.second))});
  }
}

Finding found_at(const Input& in, const std::vector<Ending>& all, const Ceiling& c) {
  const double n = static_cast<double>(c.ends.size()), of = long_ones(in, all, c);
  const double part = n / std::max(1.0, of);
  Finding f;
  f.role = Role::symptom;
  const bool critical = part >= in[most] && n > in[ended] && c.cancelled;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"server", in.context().target};
  for (const Ending* e : c.ends)
    if (!in.context().one_shot) f.since = std::min(f.since.value_or(e->at), e->at);
  f.sentence = sentence(c);
  f.evidence = {{"ended there", fmt::format("{} of {} that ran for longer than {}", words::count(n), words::count(of),
                                            words::duration(floor_of(in, c)))},
                {"limit", c.layer}};
  add_rollbacks(in, f);
  std::vector<Session> sessions;
  for (const Ending* e : c.ends) sessions.push_back(e->last);
  add_queries(f, sessions);
  if (critical && c.configured && c.clock == Clock::statement && part >= none_ends)
    f.fix = "a longer limit for them, or less to do: " + c.layer;
  f.confidence = !c.cancelled ? Confidence::low : c.configured ? Confidence::high : Confidence::medium;
  f.basis = !c.cancelled ? "the ages at which executions ended agree with the setting; rollbacks could not be seen"
            : c.configured
                ? "the ages at which executions ended agree with the setting, and transactions are rolled back"
                : "the ages at which executions ended agree with each other, and transactions are rolled back";
  return f;
}

// A run of a few seconds may see no end; executions that stand just below their limit tell what comes.
std::vector<Finding> suspected(const Input& in, std::size_t finished) {
  const auto samples = in.series(activity, in[window]);
  if (!in.context().one_shot || samples.empty()) return {};
  std::map<std::string, std::vector<Session>> by_layer;
  for (const Session& s : samples.back().rows) {
    const auto t = limit_of(in, s, Clock::statement);
    if (t && is_active(s) && !s.leader_pid && s.query_age.value_or(0) >= std::max(in[floor_age], in[near] * t->seconds))
      by_layer[layer_in_words(*t)].push_back(s);
  }
  std::vector<Finding> found;
  for (const auto& [layer, sessions] : by_layer) {
    if (static_cast<double>(sessions.size()) < in[ended] || finished > 0) continue;
    Finding f;
    f.role = Role::symptom;
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"server", in.context().target};
    f.sentence = fmt::format("{} about to meet a limit and none finishes: {}",
                             words::counted(static_cast<double>(sessions.size()), "execution"), layer);
    double oldest = 0;
    for (const Session& s : sessions) oldest = std::max(oldest, s.query_age.value_or(0));
    f.evidence = {{"oldest", words::duration(oldest)}, {"limit", layer}};
    add_queries(f, sessions);
    f.confidence = Confidence::low;
    f.basis = "ages of running executions; no end was seen";
    found.push_back(std::move(f));
  }
  return found;
}

// Samples that are a second apart cannot date the ends of what lives so short. But where executions reach their limit
// and none passes it, and as many transactions roll back as would be cut off, they are cut off.
std::vector<Finding> cut_short(const Input& in) {
  const auto samples = in.series(activity, in[window]);
  const auto limits = in.now(timeouts);
  if (in.context().one_shot || samples.size() < fewest_samples) return {};
  const double gap = seen_for(in) / static_cast<double>(samples.size() - 1);
  struct Short {
    double seconds = 0, at_the_end = 0;
    std::vector<Session> near;
  };
  std::set<Caller> outlived;
  std::map<std::string, Short> by_layer;
  const auto readings = in.series(timeouts, in[window]);
  // Until the last reading that had another limit, it did not hold.
  const auto held_at = [&](Time at, const Session& s, double seconds) {
    return std::none_of(readings.begin(), readings.end(), [&](const Snapshot<Timeout>& r) {
      const auto then = limit_of(r.rows, setting_of(Clock::statement), s.user, s.database);
      return r.at >= at && (!then || then->seconds != seconds);
    });
  };
  for (const auto& sample : samples)
    for (const Session& s : sample.rows) {
      if (!is_active(s) || s.leader_pid) continue;
      const auto t = limit_of(limits, setting_of(Clock::statement), s.user, s.database);
      const double age = s.query_age.value_or(0);
      if (!t || !too_short_for(gap, t->seconds) || !held_at(sample.at, s, t->seconds)) continue;
      if (outlives(age, t->seconds)) outlived.insert(caller(s));
      if (age < in[near] * t->seconds) continue;
      Short& one = by_layer[layer_in_words(*t)];
      one.seconds = t->seconds;
      one.near.push_back(s);
    }
  std::vector<Finding> found;
  for (auto& [layer, found_there] : by_layer) {
    Short& one = found_there;
    std::erase_if(one.near, [&](const Session& s) { return outlived.contains(caller(s)); });
    // What is cut off at the limit is met at every age up to it; the last tenth shows that it does not end before.
    const double in_zone = (1 - in[near]) * one.seconds, last_tenth = 0.1 * one.seconds;
    const auto late = std::count_if(one.near.begin(), one.near.end(), [&](const Session& s) {
      return s.query_age.value_or(0) >= one.seconds - last_tenth;
    });
    const double there = static_cast<double>(one.near.size());
    if (there < in[ended] || static_cast<double>(late) < there * last_tenth / in_zone / 2) continue;
    std::map<std::string, Cut> ends;
    for (const Session& s : one.near) ends[s.database].ends += gap / in_zone;
    if (rolled_back(in, ends) != true) continue;
    const double cut = there * gap / in_zone, rolled = rollbacks(in) * seen_for(in);
    // So many ages that fill the time up to the limit, and no more rollbacks than they make up: it is the limit.
    const bool sure = there >= enough * in[ended] && rolled <= enough * cut;
    Finding f;
    f.role = Role::symptom;
    f.severity = Severity::warning;
    f.act_by = sure ? ActBy::now : ActBy::today;
    f.object = {"server", in.context().target};
    f.sentence = fmt::format("executions reach their limit, none passes it, and transactions roll back: {}", layer);
    f.evidence = {{"limit", layer},
                  {"cut off, by the ages that were met", "about " + words::rate(cut / seen_for(in), "")}};
    add_rollbacks(in, f);
    add_queries(f, one.near);
    f.confidence = sure ? Confidence::high : Confidence::medium;
    if (sure) f.fix = "a longer limit for them, or less to do: " + layer;
    f.basis = "ages of running executions and rollbacks; samples are too far apart to see the ends";
    found.push_back(std::move(f));
  }
  return found;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto all = endings(in, in[window], lowest_floor(in));
  std::vector<Finding> found;
  for (const Ceiling& c : ceilings(in, all)) found.push_back(found_at(in, all, c));
  if (found.empty()) found = cut_short(in);
  if (found.empty()) found = suspected(in, static_cast<std::size_t>(long_ones(in, all, {})));
  if (found.empty()) need_sight(in);
  return found;
}

std::string fine(const Input& in) {
  const Load l = load(in, in[window]);
  if (l.samples < 2) return {};
  double oldest = 0;
  for (const QueryLoad& q : l.queries) oldest = std::max(oldest, q.oldest_seconds);
  return fmt::format("longest execution seen {}, no common end in {}", words::duration(oldest),
                     words::counted(static_cast<double>(l.samples), "sample"));
}

}  // namespace

extern const Check queries_timing_out;
const Check queries_timing_out{
    .id = "queries_timing_out",
    .title = "Queries end at a time limit",
    .why = "Work is done up to the limit and thrown away; the users get an error, and often ask again.",
    .role = Role::symptom,
    .reads = {activity, timeouts},
    .may_read = {databases, statements},
    .settings = {window, ended, floor_age, most, near},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"all end at ten seconds, as the role's setting says",
          [] {
            return readers({{12, 10}}, {limit("server", "", 0), limit("role", "app", 10)}, 1);
          },
          {Severity::critical}},
         {"all end at ten seconds, no setting says so, transactions roll back",
          [] {
            return readers({{12, 10}}, {limit("server", "", 0)}, 1);
          },
          {Severity::critical}},
         {"all end at five seconds, and most of the samples are two seconds apart",
          [] {
            return readers({{12, 5}}, {limit("server", "", 0)}, 50, 30, 1, 10);
          },
          {Severity::critical}},
         {"of a crowd some are cut off late, by a proxy that gets no CPU either",
          [] { return timing_out::late(50); },
          {Severity::critical}},
         {"... where there is CPU for all, it is no limit", [] { return timing_out::late(12); }, {}},
         {"all give up waiting for a lock after five seconds", timing_out::gives_up, {Severity::critical}},
         {"a sixth of the long ones end there, the others finish",
          [] {
            return readers({{10, 10}, {20, 4}}, {limit("role", "app", 10)}, 1);
          },
          {Severity::warning}},
         {"reports that take five seconds each and commit",
          [] {
            return readers({{12, 5}}, {limit("server", "", 0)}, 0);
          },
          {}},
         {"jobs of five seconds that complete, beside others that roll back", [] { return counted(5, 72, 360); }, {}},
         {"a statement that is short but where it is cut off at ten seconds",
          [] { return counted(10, 9000, 400); },
          {Severity::critical}},
         {"one-shot: jobs that always took five seconds", [] { return counted_once(5.01); }, {}},
         {"the same, soon after the agent's start", [] { return counted_once(5.01, false); }, {}},
         {"one-shot: all end at five seconds, those before them did so sooner",
          [] { return counted_once(3); },
          {Severity::critical}},
         {"reports that take five seconds each, and another database where much is rolled back",
          timing_out::rolled_back_elsewhere,
          {}},
         {"1.5 s queries under a 2 s limit that commit",
          [] {
            return readers({{12, 1.5}}, {limit("role", "app", 2)}, 0);
          },
          {}},
         {"4.6 s queries under a 5 s limit that commit",
          [] {
            return readers({{12, 4.6}}, {limit("role", "app", 5)}, 0);
          },
          {}},
         {"1.5 s queries under a 2 s limit, beside short ones that roll back",
          [] {
            return readers({{12, 1.5}}, {limit("role", "app", 2)}, 50);
          },
          {}},
         {"three ends at ten seconds are too few for an alarm",
          [] {
            return readers({{3, 10}}, {limit("role", "app", 10)}, 1, 9);
          },
          {Severity::warning}},
         {"another role's limit",
          [] {
            return readers({{12, 10}}, {limit("role", "other", 10)}, 0);
          },
          {}},
         {"all end at half a second, seen ten times a second",
          [] {
            return readers({{12, 0.5}}, {limit("role", "app", 0.5)}, 20, 4, 0.1);
          },
          {Severity::critical}},
         {"0.4 s queries under half a second, beside short ones that roll back",
          [] {
            return readers({{12, 0.4}}, {limit("role", "app", 0.5)}, 50, 4, 0.1);
          },
          {}},
         {"all end at one second, seen once a second",
          [] {
            return readers({{12, 1}}, {limit("role", "app", 1)}, 10);
          },
          {Severity::warning}},
         {"the same, under a limit that is half a minute old; before it they took longer",
          [] { return timing_out::lowered(); },
          {Severity::warning}},
         {"all take about a second under that limit, and commit",
          [] {
            return readers({{12, 1}}, {limit("role", "app", 1)}, 0);
          },
          {}},
         {"short statements, many of them rolled back",
          [] {
            return readers({{16, 0.05}}, {limit("server", "", 1)}, 50);
          },
          {}},
         {"one-shot: cancelled in bursts, and the counters were read between two of them",
          [] { return timing_out::in_bursts(2); },
          {Severity::critical}},
         {"the counters were last read before the window", timing_out::read_seldom, {}},
         {"... where the counters stood still", [] { return timing_out::in_bursts(0); }, {}},
         {"one-shot: all stand just below the limit",
          [] { return timing_out::at_the_brink(true); },
          {Severity::warning}},
         {"the same, watched by the agent: no end was seen", [] { return timing_out::at_the_brink(false); }, {}}},
};

}  // namespace pgvigil
