#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/check.h"
#include "checks/plans/remember.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> factor{"factor", 3, "mean time against the query's own past from which it is slower"};
constexpr Setting<Count> min_calls{"min_calls", 20,
                                   "executions before, below which a mean says little; now a quarter is enough"};
constexpr Setting<Count> min_load{"min_load", 0.3, "average sessions it takes now, below which it does not matter"};
constexpr double recent = 150;  // seconds that are "now"; the rest of the window is its past

struct Mean {
  double calls = 0, seconds = 0, span = 0;
  double each() const { return calls > 0 ? seconds / calls : 0; }
};

// Between two readings; none after a reset.
std::optional<Mean> between(const Statement& a, const Statement& b, double span) {
  if (b.calls < a.calls || b.total_seconds < a.total_seconds || span <= 0) return std::nullopt;
  return Mean{static_cast<double>(b.calls - a.calls), b.total_seconds - a.total_seconds, span};
}

// What a query took before, and since when it takes longer.
struct Past {
  double each = 0;     // seconds
  double longest = 0;  // it took before, on average over some minutes
  double calls = 0;
  Time since{};
  std::string what, basis;
};

Past of_memory(const UsualTime& t, Time slow) {
  return {t.median(),
          t.longest(),
          t.executions(),
          t.slow_since ? after(Time{}, *t.slow_since) : slow,
          words::counted(static_cast<double>(t.means.size()), "interval") + " of some minutes",
          "pg_stat_statements, against what the query usually takes"};
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  if (in.context().one_shot && in.history().latest(usual_times) == nullptr) return found;
  const auto series = in.series(statements, in.history().keep_seconds);
  if (series.size() < 2) return found;
  std::size_t middle = series.size() - 1;  // the newest answer that is old enough to begin "now"
  while (middle > 0 && seconds_between(series[middle].at, in.at()) < recent) --middle;
  const auto by_key = [&](std::size_t k) {
    std::map<std::string, const Statement*> all;
    for (const Statement& s : series[k].rows) all.emplace(statements.key(s), &s);
    return all;
  };
  const auto first = by_key(0), half = by_key(middle), last = by_key(series.size() - 1);
  std::map<std::string, UsualTime> usual;
  for (UsualTime& t : remembered_times(in, in[retention])) usual.emplace(usual_times.key(t), std::move(t));
  for (const auto& [key, now] : last) {
    const auto b = half.find(key);
    if (b == half.end()) continue;
    const auto after = between(*b->second, *now, seconds_between(series[middle].at, series.back().at));
    if (!after || after->calls < in[min_calls] / 4) continue;
    const double load = after->seconds / after->span;
    if (load < in[min_load]) continue;
    std::optional<Past> past;
    if (const auto t = usual.find(key); t != usual.end() && !t->second.means.empty())
      past = of_memory(t->second, series[middle].at);
    if (const auto a = first.find(key); !past && middle > 0 && a != first.end())
      if (const auto before = between(*a->second, *b->second, seconds_between(series[0].at, series[middle].at)))
        past = Past{before->each(),
                    before->each(),
                    before->calls,
                    series[middle].at,
                    words::duration(before->span),
                    "pg_stat_statements, two parts of the last quarter of an hour"};
    if (!past || past->calls < in[min_calls] || past->each <= 0) continue;
    if (after->each() < in[factor] * past->each || after->each() <= past->longest) continue;
    Finding f;
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"query", now->query_id, now->database};
    f.sentence = fmt::format("a query takes {} on average, {} before: {} times as long", words::duration(after->each()),
                             words::duration(past->each), words::number(after->each() / past->each));
    f.load = load;
    f.queries = {now->query_id};
    f.since = past->since;
    f.or_earlier = true;
    f.confidence = Confidence::medium;
    f.basis = past->basis;
    f.evidence.push_back({"calls", fmt::format("{} in {}, {} in {} before", words::count(after->calls),
                                               words::duration(after->span), words::count(past->calls), past->what)});
    f.evidence.push_back({"since", utc_clock(past->since, in.at())});
    for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
      for (const StatementText& t : answer.rows)
        if (t.query_id == now->query_id && f.evidence.size() < 3)
          f.evidence.push_back({"query", words::one_line(t.text, 300)});
    found.push_back(std::move(f));
  }
  std::stable_sort(found.begin(), found.end(), [](const Finding& x, const Finding& y) { return x.load > y.load; });
  return found;
}

std::string fine(const Input& in) {
  if (in.context().one_shot) return "";
  std::size_t known = 0;
  for (const UsualTime& t : remembered_times(in, in[retention])) known += t.means.empty() ? 0 : 1;
  return known == 0 ? "" : fmt::format("{} {} as long as usual", known, known == 1 ? "query takes" : "queries take");
}

Scenario past(double before, double after, std::int64_t calls = 200, bool one_shot = false) {
  Scenario s;
  s.context.one_shot = one_shot;
  Statement q{.query_id = "42", .database = "shop", .user = "app"};
  for (int ago = 600; ago >= 0; ago -= 60) {
    s.saw(ago, statements, {q});
    q.calls += calls;
    q.total_seconds += static_cast<double>(calls) * (ago > 180 ? before : after);
  }
  return s;
}

// For the last quarter of an hour and longer it took this long; the memory knows what it took before.
Scenario slow_for(double hours, double usual, double now, bool varies = false) {
  Scenario s = past(now, now);
  UsualTime t{.database = "shop", .query_id = "42", .user = "app"};
  const double at = seconds_between(Time{}, s.at);
  t.last_hot = t.read_at = at - 700;
  for (int k = 0; k < 20; ++k) {
    t.means.push_back(static_cast<std::int64_t>(1e6 * (varies && k % 4 == 0 ? 5 * usual : usual)));
    t.calls.push_back(900);
  }
  t.slow_since = at - hours * 3600;
  t.slow_intervals = static_cast<std::int64_t>(hours * 12);
  return s.saw(650, usual_times, {t});
}

}  // namespace

extern const Check query_regressed;
const Check query_regressed{
    .id = "query_regressed",
    .title = "A query became slower than it was",
    .why = "The same work takes longer than it used to: a plan, a cache or a neighbour has changed.",
    .role = Role::symptom,
    .reads = {statements},
    .may_read = {statement_texts, usual_times},
    .settings = {factor, min_calls, min_load, retention},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"ten times as long", [] { return past(0.05, 0.5); }, {Severity::warning}},
                 {"it became slower hours ago", [] { return slow_for(6, 0.05, 0.5); }, {Severity::warning}},
                 {"it takes that long now and then", [] { return slow_for(0.1, 0.15, 0.5, true); }, {}},
                 {"as ever", [] { return past(0.5, 0.5); }, {}},
                 {"twice as long", [] { return past(0.3, 0.6); }, {}},
                 {"slower, but it hardly runs", [] { return past(0.001, 0.01, 30); }, {}},
                 {"a one-shot look knows no past", [] { return past(0.05, 0.5, 200, true); }, {}}},
};

}  // namespace pgvigil
