#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/check.h"
#include "checks/probes/tables.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Bytes> min_gain{"min_gain", 64_MiB, "a table that gained less than this in the window is left alone"};
constexpr Setting<Ratio> share{"share", 0.25, "growth within the window, against the size before, that is unusual"};
constexpr Setting<Ratio> factor{"factor", 5, "so many times its own earlier rate is unusual, too"};
constexpr Setting<Seconds> window{"window", 15 * 60, "how far back is looked"};

// What happened to one table between its first look in the window and the newest.
struct Growth {
  const Table* now = nullptr;
  Time from{}, quickened{};  // the first look; the look after which the rows came fast
  double seconds = 0, rows = 0, rate = 0, earlier = -1;
  double width = 0;   // bytes a row takes; 0: not known
  double before = 0;  // rows at the first look
};

double rows_of(const Table& t) { return std::max(static_cast<double>(t.live_rows), t.rows.value_or(0)); }

// Bytes a row takes, by what VACUUM and ANALYZE saw; a guess where they have seen nothing.
double width(const Table& t) {
  const double rows = t.rows.value_or(0);
  return t.size() > 0 && rows >= 1000 ? static_cast<double>(t.size()) / rows : 100;
}

std::vector<Growth> growths(const Input& in) {
  std::vector<Growth> all;
  const auto looks = in.series(tables, in[window]);
  if (looks.size() < 2) return all;
  for (const Table& t : looks.back().rows) {
    if (t.kind == "p" || t.kind == "m") continue;  // a view is made anew, a parent holds nothing
    Growth g;
    g.now = &t;
    const Table* previous = &t;
    Time later = looks.back().at;
    std::vector<std::pair<Time, double>> rates;  // newest first: rows a second up to that look
    for (auto look = std::next(looks.rbegin()); look != looks.rend(); ++look) {
      const auto it = std::find_if(look->rows.begin(), look->rows.end(),
                                   [&](const Table& o) { return o.oid == t.oid && o.database == t.database; });
      const double span = seconds_between(look->at, later);
      if (it == look->rows.end() || it->rows_inserted > previous->rows_inserted || span <= 0) break;
      rates.emplace_back(look->at, static_cast<double>(previous->rows_inserted - it->rows_inserted) / span);
      previous = &*it;
      later = look->at;
    }
    if (rates.empty()) continue;
    g.from = later;
    g.before = rows_of(*previous);
    g.seconds = seconds_between(later, looks.back().at);
    g.rows = static_cast<double>(t.rows_inserted - previous->rows_inserted) -
             static_cast<double>(std::max<std::int64_t>(0, t.rows_deleted - previous->rows_deleted));
    g.rate = rates.front().second;
    g.quickened = rates.front().first;
    std::size_t fast = 1;
    while (fast < rates.size() && rates[fast].second > g.rate / 3) g.quickened = rates[fast++].first;
    double sum = 0;
    for (std::size_t i = fast; i < rates.size(); ++i) sum += rates[i].second;
    if (fast < rates.size()) g.earlier = sum / static_cast<double>(rates.size() - fast);
    g.width = width(t);
    all.push_back(g);
  }
  return all;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Growth& g : growths(in)) {
    const double gained = g.rows * g.width;
    if (gained < static_cast<double>(in[min_gain]) || g.rate <= 0) continue;
    const bool much = g.rows >= in[share] * std::max(1.0, g.before);
    const bool faster = g.earlier >= 0 && g.rate >= in[factor] * std::max(1.0, g.earlier);
    if (!much && !faster) continue;
    Finding f;
    f.role = Role::event;
    f.severity = Severity::info;
    f.act_by = ActBy::later;
    f.object = {"table", g.now->name, g.now->database};
    f.sentence = fmt::format("{} grows by {}, about {}: {} in {}", g.now->name, words::rate(g.rate, "rows"),
                             words::bytes_rate(g.rate * g.width), words::bytes(gained), words::duration(g.seconds));
    f.evidence = {{"rows", fmt::format("{} now, {} at {}", words::count(rows_of(*g.now)), words::count(g.before),
                                       words::clock(g.from))},
                  {"bytes a row", words::bytes(g.width)}};
    if (g.earlier >= 0) f.evidence.push_back({"rate before", words::rate(g.earlier, "rows")});
    f.tables = {g.now->name};
    f.since = in.context().one_shot ? std::optional<Time>() : g.quickened;
    f.confidence = g.now->rows.value_or(0) >= 1000 ? Confidence::high : Confidence::medium;
    f.basis = "rows inserted, as the server counts them when a transaction ends";
    found.push_back(std::move(f));
  }
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.object < b.object; });
  if (found.size() > 10) found.resize(10);
  return found;
}

std::string fine(const Input& in) {
  if (in.context().one_shot) return {};  // two seconds are no growth
  return "no table grows unusually fast";
}

// Looks a minute apart; rows inserted in each.
Scenario story(std::int64_t rows_before, std::vector<std::int64_t> per_minute) {
  Scenario s;
  Table t;
  t.database = "shop", t.name = "public.imports", t.kind = "r", t.oid = 20'000;
  t.rows = static_cast<double>(rows_before);
  t.heap_bytes = 200 * rows_before;
  t.live_rows = t.rows_inserted = rows_before;
  double ago = 60.0 * static_cast<double>(per_minute.size()) + 1;
  s.saw(ago, tables, {t});
  for (const std::int64_t n : per_minute) {
    t.live_rows += n, t.rows_inserted += n;
    s.saw(ago -= 60, tables, {t});
  }
  return s;
}

}  // namespace

extern const Check table_growth;
const Check table_growth{
    .id = "table_growth",
    .title = "A table grows unusually fast",
    .why = "A load that nobody watches fills the disk, outgrows its statistics, and makes plans that were good go bad.",
    .role = Role::event,
    .reads = {tables},
    .settings = {min_gain, share, factor, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a bulk load into a new table",
                  [] {
                    return story(1'000, {500'000, 500'000});
                  },
                  {Severity::info}},
                 {"twenty times its usual rate into a large one",
                  [] {
                    return story(90'000'000, {20'000, 20'000, 400'000});
                  },
                  {Severity::info}},
                 {"a large table at its usual rate",
                  [] {
                    return story(90'000'000, {400'000, 400'000, 400'000});
                  },
                  {}},
                 {"a few rows into a small one",
                  [] {
                    return story(1'000, {500, 500});
                  },
                  {}}},
};

}  // namespace pgvigil
