#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "checks/cannot_judge.h"
#include "checks/check.h"
#include "checks/endings.h"
#include "checks/load.h"
#include "checks/probes/databases.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 60, "executions that ended within this time are looked at"};
constexpr Setting<Count> ended{"ended", 3, "executions that ended at the same age from which it is a ceiling"};
constexpr Setting<Seconds> floor_age{"floor", 1, "executions that end younger than this are not looked at"};
constexpr Setting<Ratio> most{"most", 0.5, "share of the long executions that end there from which it is critical"};
constexpr Setting<Ratio> near{"near", 0.7,
                              "one-shot: share of a configured limit from which an execution is about to meet it"};

struct Ceiling {
  double seconds = 0;
  std::string layer;
  bool configured = false;
  bool cancelled = true;  // false: it could not be seen whether the transactions rolled back
  Clock clock = Clock::statement;
  std::vector<const Ending*> ends = {};
};

std::pair<std::int64_t, double> execution(const Ending& e) { return {e.last.pid, e.last.query_start}; }

// The time over which ends were looked for.
double seen_for(const Input& in) {
  const auto samples = in.series(activity, in[window]);
  return samples.empty() ? 0 : std::max(1.0, seconds_between(samples.front().at, samples.back().at));
}

// Executions of about the limit's length also end there, but they commit: what was cancelled was rolled back. Some
// counters reach the statistics late, so half of the ends suffice. None when no database's counter was seen twice.
std::optional<bool> rolled_back(const Input& in, const std::vector<const Ending*>& ended_there) {
  std::map<std::string, double> by_database;
  for (const Ending* e : ended_there) by_database[e->last.database] += 1;
  double agree = 0, unseen = 0;
  for (const auto& [name, n] : by_database) {
    std::optional<double> rate;
    for (const Database& d : in.now(databases))
      if (d.name == name) rate = in.rate(databases, d, &Database::rollbacks, in[window]);
    if (!rate)
      unseen += n;
    else if (*rate * seen_for(in) >= n / 2)
      agree += n;
  }
  const double all = static_cast<double>(ended_there.size());
  if (agree >= all / 2) return true;
  return unseen >= all / 2 ? std::nullopt : std::optional(false);
}

// A limit that Postgres does not know is only believed where as many transactions were rolled back: reports of the
// same length also end at one age, but they commit.
void unconfigured(const Input& in, const std::vector<Ending>& all, std::size_t long_ones,
                  const std::set<std::pair<std::int64_t, double>>& taken, std::vector<Ceiling>& out) {
  static constexpr double rounds[] = {1,  2,  3,  4,  5,  6,   8,   10,  12,  15,  20,  25,  29,  30,  40,   45,
                                      50, 55, 60, 75, 90, 100, 110, 120, 150, 180, 240, 300, 600, 900, 1800, 3600};
  const double seen = seen_for(in);
  const auto samples = in.series(activity, in[window]);
  double rollbacks = 0;
  for (const Database& d : in.now(databases))
    rollbacks += in.rate(databases, d, &Database::rollbacks, in[window]).value_or(0);
  Ceiling best;
  const auto same = [](const Session& s) {
    return std::tuple(s.user, s.database, s.query_id.empty() ? s.query : s.query_id);
  };
  for (const double at : rounds) {
    Ceiling c{at, "", false, true};
    std::set<std::tuple<std::string, std::string, std::string>> who;
    for (const Ending& e : all)
      if (e.clock == Clock::statement && !taken.contains(execution(e)) && meets(e, at))
        c.ends.push_back(&e), who.insert(same(e.last));
    if (c.ends.size() <= best.ends.size()) continue;
    bool outlived = false;  // the same query never lives past its ceiling
    for (const auto& sample : samples)
      for (const Session& s : sample.rows)
        outlived =
            outlived || (is_active(s) && !s.leader_pid && s.query_age.value_or(0) > at + 1 && who.contains(same(s)));
    if (!outlived) best = std::move(c);
  }
  const double n = static_cast<double>(best.ends.size());
  if (n < in[ended] || n < in[most] * static_cast<double>(long_ones) || rollbacks * seen < n / 2) return;
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

// The narrowest clock that agrees speaks for an execution: a wait for a lock that was cut off is no slow statement.
std::vector<Ceiling> ceilings(const Input& in, const std::vector<Ending>& all, std::size_t long_ones) {
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
    if (static_cast<double>(c.ends.size()) < in[ended]) continue;
    const auto cancelled = rolled_back(in, c.ends);
    if (cancelled == false) continue;
    c.cancelled = cancelled.has_value();
    out.push_back(std::move(c));
  }
  unconfigured(in, all, long_ones, taken, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Ceiling& a, const Ceiling& b) { return a.ends.size() > b.ends.size(); });
  return out;
}

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

Finding found_at(const Input& in, const Ceiling& c, std::size_t long_ones) {
  const double n = static_cast<double>(c.ends.size());
  const double part = n / static_cast<double>(std::max<std::size_t>(1, long_ones));
  Finding f;
  f.role = Role::symptom;
  const bool critical = part >= in[most] && n > in[ended] && c.cancelled;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"server", in.context().target};
  for (const Ending* e : c.ends)
    if (!in.context().one_shot) f.since = std::min(f.since.value_or(e->at), e->at);
  f.sentence = sentence(c);
  f.evidence = {
      {"ended there", fmt::format("{} of {} that ran for longer than {}", words::count(n),
                                  words::count(static_cast<double>(long_ones)), words::duration(in[floor_age]))},
      {"limit", c.layer}};
  double rollbacks = 0;
  for (const Database& d : in.now(databases))
    rollbacks += in.rate(databases, d, &Database::rollbacks, in[window]).value_or(0);
  if (rollbacks > 0) f.evidence.push_back({"transactions rolled back", words::rate(rollbacks, "")});
  std::vector<Session> sessions;
  for (const Ending* e : c.ends) sessions.push_back(e->last);
  add_queries(f, sessions);
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

std::vector<Finding> evaluate(const Input& in) {
  const auto all = endings(in, in[window], in[floor_age]);
  const auto long_ones = static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const Ending& e) { return e.clock == Clock::statement; }));
  std::vector<Finding> found;
  for (const Ceiling& c : ceilings(in, all, long_ones)) found.push_back(found_at(in, c, long_ones));
  if (found.empty()) found = suspected(in, long_ones);
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

struct Readers {
  int clients;
  double life;
};

// Readers whose executions end at `life` seconds and start again at once, seen every second for half a minute.
Scenario readers(const std::vector<Readers>& groups, std::vector<Timeout> limits, std::int64_t rollbacks_per_second,
                 double seconds = 30) {
  Scenario out;
  for (double ago = seconds; ago >= 0; ago -= 1) {
    const double t = 1'000'000 - ago;
    std::vector<Session> all;
    for (const Readers& group : groups)
      for (int i = 0; i < group.clients; ++i) {
        const double age = std::fmod(t + 0.37 * i, group.life);
        Session s;
        s.pid = 100 + static_cast<std::int64_t>(all.size());
        s.database = "shop";
        s.user = "app";
        s.backend_type = "client backend";
        s.state = "active";
        s.query_id = "42";
        s.query = "SELECT data FROM docs WHERE id = $1";
        s.query_age = age;
        s.query_start = std::round((t - age) * 1000);
        all.push_back(s);
      }
    Database d;
    d.name = "shop";
    d.rollbacks = static_cast<std::int64_t>(seconds - ago) * rollbacks_per_second;
    out.saw(ago, activity, all).saw(ago, databases, {d});
  }
  out.saw(0, timeouts, std::move(limits));
  return out;
}

Timeout limit(const char* layer, const char* role, double seconds) {
  Timeout t;
  t.setting = "statement_timeout";
  t.layer = layer;
  t.role = role;
  t.seconds = seconds;
  return t;
}

// Writers that wait for a lock and give up after five seconds, again and again.
Scenario gives_up() {
  Scenario out = readers({{12, 5}}, {limit("server", "", 0)}, 2);
  Scenario waiting;
  for (const auto& sample : out.history.series(activity)) {
    std::vector<Session> all = static_cast<const RowsOf<Session>&>(*sample.rows).rows;
    for (Session& s : all) s.wait_event_type = "Lock";
    waiting.saw(seconds_between(sample.at, out.at), activity, all);
  }
  for (const auto& answer : out.history.series(databases))
    waiting.saw(seconds_between(answer.at, out.at), databases, static_cast<const RowsOf<Database>&>(*answer.rows).rows);
  Timeout t = limit("role", "app", 5);
  t.setting = "lock_timeout";
  return waiting.saw(0, timeouts, {t, limit("server", "", 0)});
}

Scenario at_the_brink(bool one_shot) {
  Scenario out = readers({{5, 700}}, {limit("server", "", 500)}, 0, 4);
  out.context.one_shot = one_shot;
  return out;
}

}  // namespace

extern const Check queries_timing_out;
const Check queries_timing_out{
    .id = "queries_timing_out",
    .title = "Queries end at a time limit",
    .why = "Work is done up to the limit and thrown away; the users get an error, and often ask again.",
    .role = Role::symptom,
    .reads = {activity, timeouts},
    .may_read = {databases},
    .settings = {window, ended, floor_age, most, near},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"all end at ten seconds, as the role's setting says",
                  [] {
                    return readers({{12, 10}}, {limit("server", "", 0), limit("role", "app", 10)}, 1);
                  },
                  {Severity::critical}},
                 {"all end at ten seconds, no setting says so, transactions roll back",
                  [] {
                    return readers({{12, 10}}, {limit("server", "", 0)}, 1);
                  },
                  {Severity::critical}},
                 {"all give up waiting for a lock after five seconds", gives_up, {Severity::critical}},
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
                 {"short statements, many of them rolled back",
                  [] {
                    return readers({{16, 0.05}}, {limit("server", "", 1)}, 50);
                  },
                  {}},
                 {"one-shot: all stand just below the limit", [] { return at_the_brink(true); }, {Severity::warning}},
                 {"the same, watched by the agent: no end was seen", [] { return at_the_brink(false); }, {}}},
};

}  // namespace pgvigil
