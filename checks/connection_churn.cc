#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/connection_limits.h"
#include "checks/probes/databases.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A new session costs a process, its authentication and cold caches: some milliseconds of CPU before it does anything.
// Sessions that then work for a while are worth it; a client that was cancelled and comes back is no churn either.
constexpr Setting<PerSecond> warn{"warn", 20, "new sessions for each vCPU from which it warns", 0.9};
constexpr Setting<PerSecond> unknown_cores{"unknown_cores", 100,
                                           "new sessions from which it warns where the vCPUs are not known", 0.9};
constexpr Setting<Seconds> window{"window", 60, "the rate is taken over this time"};
constexpr Setting<Seconds> work{"work", 0.25, "sessions that work for longer than this, on average, are no churn"};

constexpr double young = 1;        // seconds: a session of this age is one of those that come and go
constexpr double least_seen = 10;  // young sessions that an estimate from the samples needs

using Who = std::tuple<std::string, std::string, std::string>;  // application, user, client

struct Churn {
  std::optional<double> rate;  // new sessions/s; none: not known
  bool counted = false;        // by the server (14+); else a lower bound from the samples
  double working = 0;          // average number of young sessions that run something
  std::string database;        // where most of them begin
  std::map<Who, double> who;
  double seen = 0;  // sightings in `who`
};

bool is_young(const Session& s, double age) {
  return s.backend_type == "client backend" && !is_ours(s) && s.backend_age < age;
}

// Sessions that come at a rate and are seen below an age number at most rate x age.
double at_least(const std::vector<Snapshot<Session>>& samples) {
  double best = 0;
  for (const double age : {0.05, 0.1, 0.2, 0.5, 1.0}) {
    double n = 0;
    for (const auto& sample : samples)
      n += static_cast<double>(
          std::count_if(sample.rows.begin(), sample.rows.end(), [&](const Session& s) { return is_young(s, age); }));
    if (n >= least_seen) best = std::max(best, n / static_cast<double>(samples.size()) / age);
  }
  return best;
}

Churn churn(const Input& in) {
  Churn c;
  double most = 0;
  for (const Database& d : in.now(databases))
    if (const auto rate = in.rate(databases, d, &Database::sessions, in[window])) {
      c.rate = c.rate.value_or(0) + *rate;
      c.counted = true;
      if (*rate > most) most = *rate, c.database = d.name;
    }
  const auto samples = in.series(activity, in[window]);
  for (const auto& sample : samples)
    for (const Session& s : sample.rows)
      if (is_young(s, young)) {
        c.who[{s.application, s.user, s.client}] += 1;
        c.seen += 1;
        if (is_active(s)) c.working += 1.0 / static_cast<double>(samples.size());
      }
  if (!c.rate)
    if (const double bound = at_least(samples); bound > 0) c.rate = bound;
  return c;
}

// Before the window, in the past that was watched.
std::optional<double> before(const Input& in) {
  const auto all = in.series(databases, in.context().one_shot ? 0 : 15 * 60);
  std::optional<double> sum;
  if (all.size() < 3) return sum;
  const Snapshot<Database>* end = nullptr;
  for (const auto& s : all)
    if (seconds_between(s.at, in.at()) >= in[window]) end = &s;
  if (end == nullptr || seconds_between(all.front().at, end->at) < 60) return sum;
  const double seconds = seconds_between(all.front().at, end->at);
  for (const Database& now : end->rows)
    for (const Database& then : all.front().rows)
      if (then.name == now.name && then.sessions && now.sessions && *now.sessions >= *then.sessions)
        sum = sum.value_or(0) + static_cast<double>(*now.sessions - *then.sessions) / seconds;
  return sum;
}

std::vector<Remedy> remedies(const Input& in, const std::string& user) {
  std::vector<Remedy> all;
  if (!user.empty()) {
    const double limit = std::max(5.0, 4 * std::ceil(vcpus(in).value_or(4)));
    std::int64_t old = -1;
    for (const ConnectionLimit& l : in.now(connection_limits))
      if (l.kind == "role" && l.name == user) old = l.limit;
    const std::string role = sql::quote_identifier(user);
    if (old < 0 || static_cast<double>(old) > limit) {
      Step s{.title = fmt::format("let {} have {:.0f} sessions at once", words::one_line(user, 63), limit),
             .database = "postgres",
             .run_as = "superuser",
             .sql = fmt::format("ALTER ROLE {} CONNECTION LIMIT {:.0f};", role, limit)};
      s.relief = "the others get their share of the CPU";
      s.duration = "at once";
      s.lock = "none";
      s.undo = fmt::format("ALTER ROLE {} CONNECTION LIMIT {};", role, old);
      s.caution = "its further sessions are refused with an error; it does not apply to a superuser";
      all.push_back({Remedy::Kind::first_aid, "hold the client back", {std::move(s)}});
    }
  }
  all.push_back({Remedy::Kind::cure,
                 "keep connections open and use them again: the application's own pool, or a pooler such as PgBouncer "
                 "in front of the server",
                 {}});
  return all;
}

std::vector<Finding> evaluate(const Input& in) {
  const Churn c = churn(in);
  const auto cores = vcpus(in);
  const double level = cores ? in[warn] * *cores : in[unknown_cores];
  if (!c.rate || *c.rate < level || c.working > in[work] * *c.rate) return {};

  const auto top =
      std::max_element(c.who.begin(), c.who.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool named = top != c.who.end();
  const std::string user = named ? std::get<1>(top->first) : "";
  Finding f;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object =
      named ? Object{"role", sql::quote_identifier(user)} : Object{"database", sql::quote_identifier(c.database)};
  const auto in_words = [](const Who& w) {
    const auto& [application, as, client] = w;
    return fmt::format("{} as {} from {}",
                       application.empty() ? "an unnamed application" : words::one_line(application, 63),
                       words::one_line(as, 63), client.empty() ? "an unknown client" : words::one_line(client, 63));
  };
  f.sentence = fmt::format("{} new sessions begin{}, most of them by {}, and end after hardly any work",
                           words::rate(*c.rate, ""), c.counted ? "" : " at least",
                           named ? in_words(top->first) : "clients of database " + words::one_line(c.database, 63));
  f.evidence.push_back({"new sessions", words::rate(*c.rate, "") + (c.counted ? "" : " or more")});
  if (cores) f.evidence.push_back({"for each vCPU", words::rate(*c.rate / *cores, "")});
  if (const auto was = before(in)) f.evidence.push_back({"before", words::rate(*was, "")});
  f.evidence.push_back({"work of each", "about " + words::duration(c.working / *c.rate)});
  for (const auto& [who, n] : c.who)
    if (n >= 0.1 * c.seen)
      f.evidence.push_back({"begun by", fmt::format("{}: {} of those seen", in_words(who), words::share(n / c.seen))});
  f.remedies = remedies(in, user);
  f.fix = named ? "pool the connections of " + words::one_line(user, 63) : "pool the connections";
  f.load = c.working;
  f.confidence = c.counted ? Confidence::high : Confidence::medium;
  f.basis = c.counted ? "counted by the server; who begins them is seen in the samples"
                      : "ages of the sessions in the samples: a lower bound";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const Churn c = churn(in);
  if (!c.counted) return {};  // below what the samples can tell, nothing is ruled out
  return fmt::format("{} new sessions", words::rate(c.rate.value_or(0), ""));
}

// Two vCPUs; `rate` new sessions a second, of which `working` are seen at work, each `age` old.
Scenario coming(double rate, int working, double age, bool counted = true, double vcpu = 2) {
  Scenario out;
  if (vcpu > 0)
    out.context.vcpus = vcpu;
  else
    out.context.local = false;
  out.context.one_shot = true;
  for (double ago = 2; ago >= 0; ago -= 0.1) {
    std::vector<Session> all;
    for (int i = 0; i < working; ++i) {
      Session s;
      s.pid = static_cast<std::int64_t>(1000 - ago * 10 * rate + i);
      s.user = "app";
      s.application = "web";
      s.client = "10.0.0.7";
      s.backend_type = "client backend";
      s.state = "active";
      s.backend_age = age;
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  for (const double ago : {2.0, 0.0}) {
    Database d;
    d.name = "shop";
    if (counted) d.sessions = static_cast<std::int64_t>(100'000 - ago * rate);
    out.saw(ago, databases, {d});
  }
  return out;
}

}  // namespace

extern const Check connection_churn;
const Check connection_churn{
    .id = "connection_churn",
    .title = "Sessions are opened for hardly any work",
    .why = "Every new session costs a process, a login and cold caches: more CPU than the work that follows.",
    .role = Role::cause,
    .explains = {"cpu_saturated", "load_above_cores", "connections_rising"},
    .reads = {databases, activity},
    .may_read = {connection_limits},
    .settings = {warn, unknown_cores, window, work},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"180 new sessions a second on two vCPUs", [] { return coming(180, 3, 0.01); }, {Severity::warning}},
                 {"180 a second, nobody of them seen at work", [] { return coming(180, 0, 0); }, {Severity::warning}},
                 {"cores unknown, 180 a second", [] { return coming(180, 3, 0.01, true, 0); }, {Severity::warning}},
                 {"before 14: six sessions younger than 50 ms in every sample",
                  [] { return coming(180, 6, 0.01, false); },
                  {Severity::warning}},
                 {"fifty clients that are cancelled after half a second and come back",
                  [] { return coming(100, 50, 0.3); },
                  {}},
                 {"ten a second", [] { return coming(10, 1, 0.01); }, {}},
                 {"before 14: a session now and then", [] { return coming(10, 0, 0, false); }, {}}},
};

}  // namespace pgvigil
