#include "agent/core/onset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "checks/load.h"
#include "checks/plans/sql.h"

namespace pgvigil {
namespace {

constexpr double finest = 5, coarsest = 10;    // seconds of a bin
constexpr std::size_t bins_wanted = 12;        // of a short past they are finer
constexpr std::ptrdiff_t again_and_again = 5;  // samples
constexpr double surely_met = 5;               // sessions that the samples before would have shown of the level after

double quantile(std::vector<double> v, double q) {
  if (v.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(v.size() - 1));
  std::nth_element(v.begin(), v.begin() + at, v.end());
  return v[static_cast<std::size_t>(at)];
}

struct Split {
  std::size_t at = 0;  // of the first value behind it
  double before = 0, after = 0;
};

// The split that explains most of the variance, when the means behind and before it differ beyond doubt.
std::optional<Split> best_split(const std::vector<double>& v, const OnsetSettings& s) {
  const std::size_t n = v.size();
  std::vector<double> sum(n + 1, 0), squares(n + 1, 0);
  for (std::size_t i = 0; i < n; ++i) sum[i + 1] = sum[i] + v[i], squares[i + 1] = squares[i] + v[i] * v[i];
  std::optional<Split> best;
  double most = 0;
  for (std::size_t k = s.points; k + s.points <= n; ++k) {
    const auto n1 = static_cast<double>(k), n2 = static_cast<double>(n - k);
    const double m1 = sum[k] / n1, m2 = (sum[n] - sum[k]) / n2;
    if (m2 - m1 < s.least || m2 < s.times * m1) continue;
    const double explained = n1 * n2 * (m2 - m1) * (m2 - m1);
    if (explained <= most) continue;
    // Counts of sessions vary even where a few values happen to be equal.
    const double v1 = std::max(0.0, squares[k] / n1 - m1 * m1) + 0.02 + 0.1 * m1;
    const double v2 = std::max(0.0, (squares[n] - squares[k]) / n2 - m2 * m2) + 0.02 + 0.1 * m2;
    if (m2 - m1 < s.sure * std::sqrt(v1 / n1 + v2 / n2)) continue;
    most = explained;
    best = Split{k, m1, m2};
  }
  return best;
}

}  // namespace

std::optional<Onset> onset(const std::vector<Level>& series, const OnsetSettings& s) {
  if (series.size() < 2 * s.points) return std::nullopt;
  std::vector<double> v;
  for (const Level& l : series) v.push_back(l.value);
  std::vector<double> capped = v;  // fewer outliers than make a level are none
  std::nth_element(capped.begin(), capped.end() - static_cast<std::ptrdiff_t>(s.points), capped.end());
  const double top = *(capped.end() - static_cast<std::ptrdiff_t>(s.points));
  std::transform(v.begin(), v.end(), capped.begin(), [&](double x) { return std::min(x, top); });
  const auto split = best_split(capped, s);
  if (!split) return std::nullopt;

  const std::vector<double> first(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(split->at));
  const std::vector<double> then(v.begin() + static_cast<std::ptrdiff_t>(split->at), v.end());
  const double base = quantile(first, 0.5);
  std::vector<double> high;
  for (const double x : then)
    if (x >= split->after) high.push_back(x);
  const double half = base + (quantile(high, 0.5) - base) / 2;
  // Spikes: how long they stay away when they are there says how far back the first of them may lie.
  std::size_t longest = 0, last = split->at;
  for (std::size_t i = split->at; i < v.size(); ++i)
    if (v[i] >= half) longest = std::max(longest, i - last), last = i;
  std::size_t begin = split->at;
  while (begin < v.size() && v[begin] < half) ++begin;  // the split may lie in the quiet before a spike
  if (begin == v.size()) begin = split->at;
  for (std::size_t i = begin; i-- > 0 && begin - i <= longest + 1;)
    if (v[i] >= half) begin = i;
  const double foot = base + std::max({s.least, (s.times - 1) * base, s.foot * 2 * (half - base)});
  while (begin > 0 && v[begin - 1] > foot) --begin;  // down a ramp, or steps
  if (begin == 0 || seconds_between(series[begin - 1].at, series[begin].at) > s.gap) return std::nullopt;
  return Onset{series[begin].at, split->before, split->after};
}

namespace {

// What an incident's load consists of.
struct Belongs {
  std::set<std::string, std::less<>> queries, tables;

  explicit Belongs(const Incident& i) {
    for (const Finding& f : i.causes) {
      queries.insert(f.queries.begin(), f.queries.end());
      tables.insert(f.tables.begin(), f.tables.end());
    }
  }
  bool all() const { return queries.empty() && tables.empty(); }
  bool of_table(const std::string& text) {
    if (const auto it = known_.find(text); it != known_.end()) return it->second;
    bool yes = false;
    for (const sql::RelationUse& r : sql::relations(text)) {
      const std::string name = sql::quote_identifier(r.relation);
      yes |= tables.contains(sql::quote_identifier(r.schema) + "." + name) ||
             (r.schema.empty() && std::any_of(tables.begin(), tables.end(), [&](const std::string& t) {
                return t.size() > name.size() && t.ends_with(name) && t[t.size() - name.size() - 1] == '.';
              }));
    }
    return known_[text] = yes;
  }
  bool operator()(const std::string& query_id, const std::string& text) {
    return all() || (queries.empty() ? of_table(text) : queries.contains(query_id));
  }

 private:
  std::map<std::string, bool> known_;
};

// At the latest: something else may have told of the incident before its load did.
std::optional<Time> noticed(const Incident& incident) {
  std::optional<Time> first;
  for (const auto* all : {&incident.causes, &incident.symptoms})
    for (const Finding& f : *all)
      if (f.since && (!first || *f.since < *first)) first = f.since;
  return first;
}

// What had not been there at all and then was, again and again, began when it was first seen. A query that is quick
// while all is well is seen now and then: such a sight is followed by a quiet like the one before it.
std::optional<Time> first_ever(const std::vector<Level>& sessions) {
  const auto some = [](const Level& l) { return l.value > 0; };
  const auto first = std::find_if(sessions.begin(), sessions.end(), some);
  const auto before = first - sessions.begin();
  if (first == sessions.end() || before == 0) return std::nullopt;
  if (seconds_between((first - 1)->at, first->at) > OnsetSettings().gap) return std::nullopt;
  if (std::count_if(first, sessions.end(), some) < again_and_again) return std::nullopt;
  double sum = 0;
  for (auto it = first; it != sessions.end(); ++it) sum += it->value;
  if (sum / static_cast<double>(sessions.end() - first) * static_cast<double>(before) < surely_met) return std::nullopt;
  std::ptrdiff_t longest = 0, quiet = 0;
  for (auto it = first; it != sessions.end(); ++it) longest = std::max(longest, quiet = some(*it) ? 0 : quiet + 1);
  return longest <= before / 3 ? std::optional(first->at) : std::nullopt;
}

std::optional<Time> risen(const std::vector<Level>& sessions, Time now) {
  const double span = seconds_between(sessions.front().at, sessions.back().at);
  const double width = std::clamp(span / bins_wanted, finest, coarsest);
  std::map<Time, std::pair<double, double>> bins;  // sum, samples
  for (const Level& l : sessions) {
    auto& [sum, n] = bins[after(now, -width * (std::floor(seconds_between(l.at, now) / width) + 1))];
    sum += l.value, n += 1;
  }
  std::vector<Level> series;
  for (const auto& [at, sum] : bins) series.push_back({at, sum.first / sum.second});
  OnsetSettings settings;
  settings.foot = 0;  // what is slow at first and jams at last began when it became slow
  const auto found = onset(series, settings);
  return found ? std::optional(found->at) : std::nullopt;
}

using Samples = std::vector<Snapshot<Session>>;

std::optional<Time> onset_of_load(const Incident& incident, const Samples& samples, Time now) {
  Belongs belongs(incident);
  if (belongs.all() && incident.load <= 0) return std::nullopt;
  std::vector<Level> sessions;
  for (const auto& sample : samples)
    sessions.push_back(
        {sample.at, static_cast<double>(std::count_if(sample.rows.begin(), sample.rows.end(), [&](const Session& s) {
           return is_active(s) && belongs(s.query_id, s.query);
         }))});
  if (sessions.empty()) return std::nullopt;
  const auto first = first_ever(sessions);
  return first ? first : risen(sessions, now);
}

}  // namespace

void find_onsets(std::vector<Incident>& incidents, const Input& in) {
  const auto dated = [](const Incident& i) { return i.since.has_value(); };
  if (std::all_of(incidents.begin(), incidents.end(), dated)) return;
  const auto samples = in.series(activity, in.history().keep_seconds);
  for (Incident& incident : incidents) {
    if (incident.since) continue;
    incident.since = onset_of_load(incident, samples, in.at());
    if (const auto at = noticed(incident); at && (!incident.since || *at < *incident.since)) incident.since = at;
  }
}

void find_onsets(std::vector<Incident>& incidents, const std::vector<Minute>& minutes) {
  for (Incident& incident : incidents) {
    Belongs belongs(incident);
    if (incident.since || (belongs.all() && incident.load <= 0)) continue;
    std::vector<Level> series;
    for (const Minute& m : minutes) {
      double sum = belongs.all() ? m.active : 0;
      if (!belongs.all())
        for (const auto& q : m.queries)
          if (belongs(q.query_id, q.query)) sum += q.sessions;
      series.push_back({m.at, sum});
    }
    OnsetSettings settings;
    settings.gap = 180;
    if (const auto found = onset(series, settings)) incident.since = found->at;
  }
}

void carry_onsets(const std::vector<Incident>& before, std::vector<Incident>& now) {
  for (Incident& i : now) {
    if (i.since) continue;
    for (const Incident& old : before) {
      const bool same = old.since && old.lead().check == i.lead().check &&
                        std::any_of(old.causes.begin(), old.causes.end(),
                                    [&](const Finding& f) { return f.object == i.lead().object; });
      if (same && !i.since) i.since = old.since;
    }
  }
}

}  // namespace pgvigil
