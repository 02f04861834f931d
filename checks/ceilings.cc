#include "checks/ceilings.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "checks/load.h"
#include "checks/probes/databases.h"
#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

using ceiling::ended, ceiling::floor_age, ceiling::most, ceiling::window;

constexpr double short_of = 0.6;  // share of a configured limit from which an execution is a long one
constexpr double as_long = 0.04;  // of a ceiling: what completes there takes as long on average

constexpr double crowd = 10;        // active sessions for each vCPU
constexpr double stragglers = 0.1;  // share of the executions that end at the ceiling

// So many statements for each core that whoever cancels them from outside is late for some.
bool starved(const Input& in) { return load(in, in[window]).active >= crowd * vcpus(in).value_or(1e9); }

// Seconds that people choose as a limit.
constexpr double rounds[] = {1,  2,  3,  4,  5,  6,   8,   10,  12,  15,  20,  25,  29,  30,  40,   45,
                             50, 55, 60, 75, 90, 100, 110, 120, 150, 180, 240, 300, 600, 900, 1800, 3600};

std::pair<std::int64_t, double> execution(const Ending& e) { return {e.last.pid, e.last.query_start}; }

// They end by themselves, just below the limit, and some seem to meet it only because samples are some time apart.
bool finish_before(const std::vector<Ending>& all, const Ceiling& c) {
  return static_cast<double>(std::count_if(all.begin(), all.end(), [&](const Ending& e) {
           return e.clock == c.clock && falls_short(e, c.seconds) && e.to >= c.seconds - (e.to - e.from) &&
                  std::any_of(c.ends.begin(), c.ends.end(),
                              [&](const Ending* there) { return caller(there->last) == caller(e.last); });
         })) > static_cast<double>(c.ends.size());
}

// A short look reads the counters for a part of the time in which it samples, and ends come in bursts.
std::map<std::string, Cut> by_database(const Input& in, const Ceiling& c) {
  std::map<std::string, Cut> all;
  const auto readings = in.series(databases, in[window]);
  for (const Ending* e : c.ends) {
    Cut& cut = all[e->last.database];
    ++cut.ends;
    if (!cut.between) cut.between = 0;
    if (!readings.empty() && e->at > readings.front().at && e->at <= readings.back().at) ++*cut.between;
  }
  return all;
}

// So many executions of a statement completed, and took so long together. Where it was not seen to grow, or in one
// look, which is too short for that, the totals tell what the statement is used to.
std::pair<double, double> completed(const Input& in, const Statement& s) {
  const auto calls = in.rate(statements, s, &Statement::calls, in[window]);
  const auto seconds = in.rate(statements, s, &Statement::total_seconds, in[window]);
  if (in.context().one_shot || !calls || !seconds) return {static_cast<double>(s.calls), s.total_seconds};
  return {*calls * seen_for(in), *seconds * seen_for(in)};
}

// Who completes at one age, as often as executions end there: what is cancelled is not counted, and whatever else
// completes is shorter than the limit.
std::set<Caller> completing(const Input& in, const std::vector<Ending>& all) {
  std::set<Caller> out;
  for (const Statement& s : in.now(statements)) {
    const auto [calls, seconds] = completed(in, s);
    if (calls < 1) continue;
    for (const double at : rounds) {
      if (std::abs(seconds / calls - at) > as_long * at) continue;
      const auto there = std::count_if(all.begin(), all.end(), [&](const Ending& e) {
        return e.clock == Clock::statement && meets(e, at) && caller(e.last) == Caller(s.user, s.database, s.query_id);
      });
      if (there > 0 && calls >= static_cast<double>(there) / 2) out.emplace(s.user, s.database, s.query_id);
    }
  }
  return out;
}

// A limit that Postgres does not know is only believed where as many transactions were rolled back: reports of the
// same length also end at one age, but they commit.
void unconfigured(const Input& in, const std::vector<Ending>& all,
                  const std::set<std::pair<std::int64_t, double>>& taken, std::vector<Ceiling>& out) {
  const auto samples = in.series(activity, in[window]);
  const auto complete = completing(in, all);
  const double late = starved(in) ? stragglers : 0;
  Ceiling best;
  for (const double at : rounds) {
    Ceiling c{at, "", false, true};
    std::set<Caller> who;
    for (const Ending& e : all)
      if (e.clock == Clock::statement && !taken.contains(execution(e)) && meets(e, at) &&
          !complete.contains(caller(e.last)))
        c.ends.push_back(&e), who.insert(caller(e.last));
    if (c.ends.size() <= best.ends.size()) continue;
    if (static_cast<double>(c.ends.size()) < in[most] * long_ones(in, all, c)) continue;
    std::set<std::pair<std::int64_t, double>> outlived;  // the same query never lives past its ceiling
    for (const auto& sample : samples)
      for (const Session& s : sample.rows)
        if (is_active(s) && !s.leader_pid && s.query_age.value_or(0) > at + 1 && who.contains(caller(s)))
          outlived.emplace(s.pid, s.query_start);
    if (static_cast<double>(outlived.size()) <= late * static_cast<double>(c.ends.size())) best = std::move(c);
  }
  const double n = static_cast<double>(best.ends.size());
  if (n < in[ended] || rolled_back(in, by_database(in, best)) != true) return;
  // A limit set on our own role hides the server's from us: that layer then has no row.
  const auto limits = in.now(timeouts);
  const bool server_seen = std::any_of(limits.begin(), limits.end(), [](const Timeout& t) {
    return t.setting == "statement_timeout" && t.layer == "server";
  });
  best.layer =
      server_seen
          ? "no statement_timeout of server, database or role explains it: look at the session's own SET, the driver "
            "and the proxy"
          : "no statement_timeout of a database or role explains it, and the server's is hidden behind our own role's: "
            "compare SHOW statement_timeout as the application's role, then look at the driver and the proxy";
  out.push_back(std::move(best));
}

}  // namespace

Caller caller(const Session& s) { return {s.user, s.database, s.query_id.empty() ? s.query : s.query_id}; }

double floor_of(const Input& in, const Ceiling& c) {
  return c.configured ? std::min(in[floor_age], short_of * c.seconds) : in[floor_age];
}

double lowest_floor(const Input& in) {
  double lowest = in[floor_age];
  for (const Timeout& t : in.now(timeouts))
    if (t.seconds > 0) lowest = std::min(lowest, short_of * t.seconds);
  return lowest;
}

double long_ones(const Input& in, const std::vector<Ending>& all, const Ceiling& c) {
  return static_cast<double>(std::count_if(all.begin(), all.end(), [&](const Ending& e) {
    return e.clock == Clock::statement && e.from >= floor_of(in, c) && !(c.seconds > 0 && undated(e, c.seconds));
  }));
}

double seen_for(const Input& in) {
  const auto samples = in.series(activity, in[window]);
  return samples.empty() ? 0 : std::max(1.0, seconds_between(samples.front().at, samples.back().at));
}

double rollbacks(const Input& in) {
  double sum = 0;
  for (const Database& d : in.now(databases))
    sum += in.rate(databases, d, &Database::rollbacks, in[window]).value_or(0);
  return sum;
}

std::optional<bool> rolled_back(const Input& in, const std::map<std::string, Cut>& by_database) {
  double agree = 0, unseen = 0, all = 0;
  const auto readings = in.series(databases, in[window]);  // none where they are further apart than the window
  const double span = readings.empty() ? 0 : seconds_between(readings.front().at, readings.back().at);
  for (const auto& [name, cut] : by_database) {
    all += cut.ends;
    std::optional<double> rate;
    for (const Database& d : in.now(databases))
      if (d.name == name) rate = in.rate(databases, d, &Database::rollbacks, in[window]);
    const double grown = rate.value_or(0) * span;
    if (rate && (*rate * seen_for(in) >= cut.ends / 2 || (grown > 0 && cut.between && grown >= *cut.between / 2)))
      agree += cut.ends;
    else if (!rate || cut.between == 0.0)
      unseen += cut.ends;
  }
  if (agree >= all / 2) return true;
  return unseen >= all / 2 ? std::nullopt : std::optional(false);
}

// The narrowest clock that agrees speaks for an execution: a wait for a lock that was cut off is no slow statement.
std::vector<Ceiling> ceilings(const Input& in, const std::vector<Ending>& all) {
  std::map<std::pair<double, std::string>, Ceiling> by_layer;
  std::set<std::pair<std::int64_t, double>> taken;
  for (const Clock clock : {Clock::lock, Clock::statement, Clock::transaction, Clock::idle})
    for (const Ending& e : all) {
      if (e.clock != clock || taken.contains(execution(e))) continue;
      const auto t = limit_of(in, e.last, clock);
      if (!t || !meets(e, t->seconds)) continue;
      const std::string layer = layer_in_words(*t);
      Ceiling& c =
          by_layer.try_emplace({t->seconds, layer}, Ceiling{t->seconds, layer, true, true, clock}).first->second;
      c.ends.push_back(&e);
      taken.insert(execution(e));
    }
  std::vector<Ceiling> out;
  for (auto& [key, c] : by_layer) {
    if (static_cast<double>(c.ends.size()) < in[ended] || finish_before(all, c)) continue;
    const auto cancelled = rolled_back(in, by_database(in, c));
    if (cancelled == false) continue;
    c.cancelled = cancelled.has_value();
    out.push_back(std::move(c));
  }
  unconfigured(in, all, taken, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Ceiling& a, const Ceiling& b) { return a.ends.size() > b.ends.size(); });
  return out;
}

}  // namespace pgvigil
