#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/check.h"
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

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  if (in.context().one_shot) return found;
  const auto series = in.series(statements, in.history().keep_seconds);
  if (series.size() < 3) return found;
  std::size_t middle = series.size() - 1;  // the newest answer that is old enough to begin "now"
  while (middle > 0 && seconds_between(series[middle].at, in.at()) < recent) --middle;
  if (middle == 0) return found;
  const auto by_key = [&](std::size_t k) {
    std::map<std::string, const Statement*> all;
    for (const Statement& s : series[k].rows) all.emplace(statements.key(s), &s);
    return all;
  };
  const auto first = by_key(0), half = by_key(middle), last = by_key(series.size() - 1);
  for (const auto& [key, now] : last) {
    const auto a = first.find(key), b = half.find(key);
    if (a == first.end() || b == half.end()) continue;
    const auto before = between(*a->second, *b->second, seconds_between(series[0].at, series[middle].at));
    const auto after = between(*b->second, *now, seconds_between(series[middle].at, series.back().at));
    if (!before || !after || before->calls < in[min_calls] || after->calls < in[min_calls] / 4) continue;
    const double load = after->seconds / after->span;
    if (load < in[min_load] || before->each() <= 0 || after->each() < in[factor] * before->each()) continue;
    Finding f;
    f.severity = Severity::warning;
    f.act_by = ActBy::today;
    f.object = {"query", now->query_id, now->database};
    f.sentence = fmt::format("a query takes {} on average, {} before: {} times as long", words::duration(after->each()),
                             words::duration(before->each()), words::number(after->each() / before->each()));
    f.load = load;
    f.queries = {now->query_id};
    f.since = series[middle].at;
    f.confidence = Confidence::medium;
    f.basis = "pg_stat_statements, two parts of the last quarter of an hour";
    f.evidence.push_back(
        {"calls", fmt::format("{} in {}, {} in {} before", words::count(after->calls), words::duration(after->span),
                              words::count(before->calls), words::duration(before->span))});
    for (const auto& answer : in.series(statement_texts, in.history().keep_seconds))
      for (const StatementText& t : answer.rows)
        if (t.query_id == now->query_id && f.evidence.size() < 2)
          f.evidence.push_back({"query", words::one_line(t.text, 300)});
    found.push_back(std::move(f));
  }
  std::stable_sort(found.begin(), found.end(), [](const Finding& x, const Finding& y) { return x.load > y.load; });
  return found;
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

}  // namespace

extern const Check query_regressed;
const Check query_regressed{
    .id = "query_regressed",
    .title = "A query became slower than it was",
    .why = "The same work takes longer than a few minutes ago: a plan, a cache or a neighbour has changed.",
    .role = Role::symptom,
    .reads = {statements},
    .may_read = {statement_texts},
    .settings = {factor, min_calls, min_load},
    .evaluate = evaluate,
    .examples = {{"ten times as long", [] { return past(0.05, 0.5); }, {Severity::warning}},
                 {"as ever", [] { return past(0.5, 0.5); }, {}},
                 {"twice as long", [] { return past(0.3, 0.6); }, {}},
                 {"slower, but it hardly runs", [] { return past(0.001, 0.01, 30); }, {}},
                 {"a one-shot look knows no past", [] { return past(0.05, 0.5, 200, true); }, {}}},
};

}  // namespace pgvigil
