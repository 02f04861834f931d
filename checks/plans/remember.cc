#include "checks/plans/remember.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <unordered_map>

#include "checks/plans/judge.h"
#include "checks/plans/scans.h"
#include "checks/probes/plans.h"
#include "checks/probes/statements.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr std::size_t most_queries = 60;
constexpr double fresh = 15 * 60;          // seconds for which a plan is the newest that there is
constexpr double settled = 15 * 60;        // after a change: from then on dearer means that the data has grown
constexpr double interval = 5 * 60;        // of a mean time
constexpr double longest_interval = 3600;  // with fewer executions it is given up
constexpr std::int64_t least_calls = 5;    // in one interval
constexpr std::size_t most_intervals = 24;
constexpr double much_longer = 2;    // than the median: not usual
constexpr std::int64_t a_spell = 3;  // slow intervals that end by themselves belong to the usual
constexpr double hot_load = 0.01;    // sessions from which a query's times are worth remembering

double epoch(Time t) { return seconds_between(Time{}, t); }

template <class Row>
std::vector<Row> stored(const Input& in, const Probe<Row>& probe, Time& until) {
  const Answer* a = in.history().latest(probe);
  until = Time{};
  if (a == nullptr || !a->rows) return {};
  until = a->at;
  return static_cast<const RowsOf<Row>&>(*a->rows).rows;
}

template <class Row>
void keep_the_hottest(std::vector<Row>& rows) {
  if (rows.size() <= most_queries) return;
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.last_hot > b.last_hot; });
  rows.resize(most_queries);
}

struct Seen {
  std::string shape, root;
  double cost = 0;
  std::vector<std::string> reads;
};

Seen seen(const std::string& json) {
  const PlanTree plan = parse_plan(json);
  Seen s{shape_hash(json), plan.root.title(), plan.root.total_cost, {}};
  for (const PlanRead& r : reads_of(plan)) s.reads.push_back(to_text(r));
  return s;
}

// The plan that was the newest becomes the better one before, unless an earlier one was better still: a bad plan may
// change once more and stay bad.
void change(KnownPlan& row, Seen next, double at) {
  ++row.changes;
  const bool earlier_stays = row.changed_at && row.before_shape != next.shape && row.before_cost < row.cost;
  if (!earlier_stays) {
    row.before_shape = std::move(row.shape);
    row.before_root = std::move(row.root);
    row.before_cost = row.cost;
    row.before_reads = std::move(row.reads);
    row.changed_at = at;
  }
  row.shape = std::move(next.shape);
  row.root = std::move(next.root);
  row.cost = next.cost;
  row.reads = std::move(next.reads);
}

void forget_change(KnownPlan& row) {
  row.changed_at.reset();
  row.before_shape.clear(), row.before_root.clear(), row.before_reads.clear();
  row.before_cost = 0;
}

void absorb(KnownPlan& row, const Plan& p, Seen next, double at) {
  row.query = words::one_line(p.query, 300);
  row.name = p.name;
  row.last_hot = at;
  row.hot_cost = next.cost;
  if (row.shape.empty()) {
    row.shape = std::move(next.shape), row.root = std::move(next.root), row.cost = next.cost;
    row.reads = std::move(next.reads);
  } else if (row.shape != next.shape) {
    change(row, std::move(next), at);
  } else if (!row.changed_at) {
    row.cost = next.cost;
  } else if (at - *row.changed_at <= settled) {
    row.cost = std::max(row.cost, next.cost);
  }
}

// Restarts the interval that is not over.
void begin(UsualTime& row, const Statement& s, double at) {
  row.read_at = at;
  row.read_calls = s.calls;
  row.read_seconds = s.total_seconds;
}

template <class T>
void push(std::vector<T>& all, T value) {
  all.push_back(value);
  if (all.size() > most_intervals) all.erase(all.begin());
}

void usual_again(UsualTime& row) {
  row.slow_means.clear(), row.slow_calls.clear();
  row.slow_intervals = 0;
  row.slow_since.reset();
}

void all_slow_are_usual(UsualTime& row) {
  for (std::size_t k = 0; k < row.slow_means.size(); ++k)
    push(row.means, row.slow_means[k]), push(row.calls, row.slow_calls[k]);
  usual_again(row);
}

// A few intervals hold little against many: what was seen for an hour is the measure for twelve, at most.
void interval_over(UsualTime& row, const Statement& s, double at, double retention_seconds) {
  const std::int64_t calls = s.calls - row.read_calls;
  const auto mean = static_cast<std::int64_t>(1e6 * (s.total_seconds - row.read_seconds) / static_cast<double>(calls));
  if (!row.means.empty() && static_cast<double>(mean) > much_longer * 1e6 * row.median()) {
    if (!row.slow_since) row.slow_since = row.read_at;
    ++row.slow_intervals;
    push(row.slow_means, mean);
    push(row.slow_calls, calls);
    const auto held = static_cast<std::int64_t>(12 * row.means.size());
    if (at - *row.slow_since > retention_seconds || row.slow_intervals > held) {
      row.means.clear(), row.calls.clear();
      all_slow_are_usual(row);
    }
  } else {
    if (row.slow_intervals <= a_spell)
      all_slow_are_usual(row);
    else
      usual_again(row);
    push(row.means, mean);
    push(row.calls, calls);
  }
  begin(row, s, at);
}

void absorb(UsualTime& row, const Statement& s, double at, double retention_seconds) {
  const double passed = at - row.read_at;
  if (s.calls < row.read_calls || s.total_seconds < row.read_seconds)
    begin(row, s, at);  // the counters were reset
  else if (passed >= interval && s.calls - row.read_calls >= least_calls)
    interval_over(row, s, at, retention_seconds);
  else if (passed >= longest_interval)
    begin(row, s, at);
}

}  // namespace

std::string shape_hash(const std::string& plan_json) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : plan_shape(plan_json)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

std::string utc_clock(Time t, Time now) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::hh_mm_ss<Milliseconds> time(t - day);
  std::string clock =
      fmt::format("{:02}:{:02}:{:02} UTC", time.hours().count(), time.minutes().count(), time.seconds().count());
  if (day == std::chrono::floor<std::chrono::days>(now)) return clock;
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02} {}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock);
}

std::vector<PlanRead> reads_of(const PlanTree& plan, std::size_t most) {
  std::vector<PlanRead> all;
  const auto add = [&](PlanRead r) {
    if (all.size() < most && std::find(all.begin(), all.end(), r) == all.end()) all.push_back(std::move(r));
  };
  each_node(plan.root, [&](const PlanNode& n, int) {
    if (n.relation.empty() || n.type == "ModifyTable") return;
    bool through_children = false;  // a bitmap heap scan's indexes stand below it
    const auto below = [&](const auto& self, const PlanNode& node) -> void {
      for (const PlanNode& child : node.children) {
        if (child.relation.empty() && !child.index.empty()) {
          add({n.schema, n.relation, n.title(), child.index});
          through_children = true;
        }
        if (child.relation.empty()) self(self, child);
      }
    };
    if (n.type == "Bitmap Heap Scan") below(below, n);
    if (!through_children) add({n.schema, n.relation, n.title(), n.index});
  });
  return all;
}

std::vector<KnownPlan> remembered_plans(const Input& in, double retention_seconds) {
  Time until{};
  std::vector<KnownPlan> rows = stored(in, known_plans, until);
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t k = 0; k < rows.size(); ++k) place.emplace(known_plans.key(rows[k]), k);
  for (const auto& answer : in.series(plans, in.history().keep_seconds)) {
    if (answer.at <= until) continue;
    for (const Plan& p : answer.rows) {
      if (p.json.empty()) continue;
      Seen next;
      try {
        next = seen(p.json);
      } catch (const std::invalid_argument&) {
        continue;  // the server's answer is not one we can read
      }
      KnownPlan row{.database = p.database, .query_id = p.query_id, .source = p.source};
      const auto [at, is_new] = place.emplace(known_plans.key(row), rows.size());
      if (is_new) rows.push_back(std::move(row));
      absorb(rows[at->second], p, std::move(next), epoch(answer.at));
    }
  }
  for (KnownPlan& row : rows) {
    if (row.changed_at && epoch(in.at()) - *row.changed_at > retention_seconds) forget_change(row);
    const bool hot = epoch(in.at()) - row.last_hot <= fresh;
    row.hot = hot ? std::optional<double>(1) : std::nullopt;
    if (!hot) row.hot_cost.reset(), row.seq_rows.reset(), row.harmful.reset();
  }
  keep_the_hottest(rows);
  return rows;
}

std::vector<UsualTime> remembered_times(const Input& in, double retention_seconds) {
  Time until{};
  std::vector<UsualTime> rows = stored(in, usual_times, until);
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t k = 0; k < rows.size(); ++k) place.emplace(usual_times.key(rows[k]), k);
  const auto series = in.series(statements, in.history().keep_seconds);
  for (std::size_t k = 0; k < series.size(); ++k) {
    if (series[k].at <= until) continue;
    const double at = epoch(series[k].at);
    std::unordered_map<std::string, const Statement*> last;
    if (k > 0)
      for (const Statement& s : series[k - 1].rows) last.emplace(statements.key(s), &s);
    const double passed = k > 0 ? seconds_between(series[k - 1].at, series[k].at) : 0;
    for (const Statement& s : series[k].rows) {
      const auto before = last.find(statements.key(s));
      const bool hot =
          before != last.end() && passed > 0 && s.total_seconds - before->second->total_seconds >= hot_load * passed;
      UsualTime row{.database = s.database, .query_id = s.query_id, .user = s.user};
      const auto known = place.find(usual_times.key(row));
      if (known != place.end()) {
        if (hot) rows[known->second].last_hot = at;
        absorb(rows[known->second], s, at, retention_seconds);
      } else if (hot) {
        row.last_hot = at;
        begin(row, *before->second, epoch(series[k - 1].at));
        place.emplace(usual_times.key(row), rows.size());
        rows.push_back(std::move(row));
      }
    }
  }
  keep_the_hottest(rows);
  return rows;
}

void describe_hot(const Input& in, std::vector<KnownPlan>& known) {
  const Catalogue catalogue(in);
  std::map<std::string, KnownPlan*> by_key;
  for (KnownPlan& row : known)
    if (row.hot) {
      row.harmful = 0, row.seq_rows = 0;
      by_key[known_plans.key(row)] = &row;
    }
  std::map<std::string, const Plan*> newest;
  const auto all = in.series(plans, fresh);
  for (const auto& answer : all)
    for (const Plan& p : answer.rows)
      if (!p.json.empty())
        newest[known_plans.key({.database = p.database, .query_id = p.query_id, .source = p.source})] = &p;
  for (const auto& [key, p] : newest) {
    const auto row = by_key.find(key);
    if (row == by_key.end()) continue;
    const PlanScans scans = scans_of(in, catalogue, *p);
    row->second->harmful = scans.harmful ? 1 : 0;
    row->second->seq_rows = scans.seq_rows;
  }
}

}  // namespace pgvigil
