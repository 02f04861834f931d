#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/cannot_judge.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/burden.h"
#include "checks/plans/scans.h"
#include "checks/plans/sql.h"
#include "checks/probes/cpu.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// Sixteen clients that send short statements as fast as two cores take them are throughput, not harm; so only
// statements that have been running for a while count, one per client however many workers help it. A few reports
// beside each other are no alarm either: the levels must hold for minutes, or be left far behind.
constexpr Setting<Ratio> warn{"warn", 1.5, "slow statements running per vCPU from which it warns", 0.9};
constexpr Setting<Ratio> crit{"crit", 4, "slow statements running per vCPU from which it is critical"};
constexpr Setting<Seconds> slow{"slow", 1, "age from which a running statement counts as slow"};
constexpr Setting<Seconds> window{"window", 60, "the load is averaged over this time"};
constexpr Setting<Seconds> span{"span", 5 * 60, "how long the load must have stood above a level"};
constexpr Setting<Ratio> evident{"evident", 2,
                                 "this many times the critical level needs no such span; nor does this many times the "
                                 "lower level where one statement is most of it"};
constexpr Setting<Ratio> most{"most", 0.7, "share of the slow statements from which one of them is named"};

constexpr Setting<Count> least{"least", 3, "fewer slow statements than this are never a load, however small the quota"};

// One statement that so many sessions run for so long at the same time.
struct Crowd {
  Session one;
  double running = 0;  // on average
};

// The statement that most of the slow ones are, where it computes or reads: one that waits for locks or its client is
// no work.
std::optional<Crowd> crowd(const Input& in) {
  const auto samples = in.series(activity, in[window]);
  std::map<std::pair<std::string, std::string>, Crowd> all;
  double slow_ones = 0;
  for (const auto& sample : samples) {
    for (const Session& s : sample.rows) {
      if (!is_active(s) || s.leader_pid || s.query_age.value_or(0) < in[slow]) continue;
      if (spends(s) == Spends::lock || spends(s) == Spends::client || s.wait_event_type == "Timeout" ||
          s.wait_event_type == "Activity")
        continue;
      Crowd& c = all[{s.database, s.query_id.empty() ? s.query : s.query_id}];
      c.one = s, c.running += 1, slow_ones += 1;
    }
  }
  for (auto& [key, c] : all)
    if (c.running >= in[most] * slow_ones && sql::kind(c.one.query) != sql::Kind::utility) {
      c.running /= static_cast<double>(samples.size());
      return std::move(c);
    }
  return std::nullopt;
}

std::optional<Severity> judge(const Input& in, double cores, double now, double over_span, double seen, double one) {
  if (now < in[least] || now < in[warn] * cores) return std::nullopt;
  if (now >= in[evident] * in[crit] * cores) return Severity::critical;
  if (seen < in[span] * 0.95 || over_span < in[warn] * cores) {
    const bool long_enough = in.context().one_shot || seen >= in[window] * 0.95;
    return long_enough && one >= in[evident] * in[warn] * cores ? Severity::warning : Severity::info;
  }
  return over_span >= in[crit] * cores ? Severity::critical : Severity::warning;
}

// Which statement it is, and why each execution takes so long where its plan tells.
void name(const Input& in, const Crowd& c, Finding& f) {
  f.sentence += fmt::format(", {} of them one: {}", words::number(c.running), words::one_line(c.one.query, 80));
  f.queries = {c.one.query_id};
  for (const auto& [key, newest] : newest_plans(in)) {
    if (newest.plan->database != c.one.database || newest.plan->query_id != c.one.query_id) continue;
    const auto why = burden(newest.plan->json, newest.plan->query);
    if (!why) continue;
    f.evidence.insert(f.evidence.begin(), {{"why it is slow", why->what}, {"instead", why->instead}});
    f.fix = why->instead;
  }
}

std::vector<Finding> evaluate(const Input& in) {
  const auto cores = vcpus(in);
  if (!cores || *cores <= 0) return {};
  const double now = long_running(in, in[window], in[slow]);
  const double seen = load(in, in[span]).seconds;
  const auto one = crowd(in);
  const auto severity = judge(in, *cores, now, long_running(in, in[span], in[slow]), seen, one ? one->running : 0);
  if (!severity) return need_sight(in), std::vector<Finding>{};

  const Load l = load(in, in[window]);
  Finding f;
  f.role = Role::symptom;
  f.severity = *severity;
  f.act_by = *severity == Severity::critical ? ActBy::now : ActBy::today;
  f.object = {"server", in.context().target};
  f.sentence = fmt::format("{} statements run at once on {}, each for longer than {}", words::number(now),
                           words::counted(*cores, "vCPU"), words::duration(in[slow]));
  f.evidence = {{"slow statements per vCPU", words::number(now / *cores)},
                {"active sessions", fmt::format("{} on average, {} with parallel workers", words::number(l.clients),
                                                words::number(l.active))}};
  for (const Spends s : {Spends::cpu, Spends::lock, Spends::io, Spends::client, Spends::other})
    if (const double n = l.by[static_cast<std::size_t>(s)]; n >= 0.05 * l.active)
      f.evidence.push_back({fmt::format("of these {}", s == Spends::cpu      ? "on or waiting for CPU"
                                                       : s == Spends::lock   ? "waiting for locks"
                                                       : s == Spends::io     ? "waiting for I/O"
                                                       : s == Spends::client ? "waiting for their client"
                                                                             : "otherwise"),
                            words::number(n)});
  for (std::size_t i = 0; i < l.queries.size() && i < 3; ++i) f.evidence.push_back({"query", in_words(l.queries[i])});
  if (one) name(in, *one, f);
  f.confidence = seen >= in[span] * 0.95 ? Confidence::high : Confidence::medium;
  f.basis =
      fmt::format("{} over {}", words::counted(static_cast<double>(l.samples), "sample"), words::duration(l.seconds));
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto cores = vcpus(in);
  const Load l = load(in, in[window]);
  if (!cores || l.samples == 0) return {};
  return fmt::format("{} active on {}, {} of them for longer than {}", words::counted(std::round(l.clients), "session"),
                     words::counted(*cores, "vCPU"), words::number(long_running(in, in[window], in[slow])),
                     words::duration(in[slow]));
}

// `clients` statements of this age in samples every five seconds, each with `workers` parallel workers.
Scenario running(int clients, double age, double seconds, double vcpu = 2, int workers = 0, double gone_for = -1) {
  Scenario out;
  out.context.vcpus = vcpu;
  for (double ago = seconds; ago >= 0; ago -= 5) {
    std::vector<Session> all;
    for (int i = 0; i < clients * (1 + workers) && ago > gone_for; ++i) {
      Session s;
      s.pid = 100 + i;
      if (i >= clients) s.leader_pid = 100 + i % clients;
      s.backend_type = i < clients ? "client backend" : "parallel worker";
      s.state = "active";
      s.query_id = "7";
      s.query_age = age;
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  return out;
}

}  // namespace

extern const Check load_above_cores;
const Check load_above_cores{
    .id = "load_above_cores",
    .title = "More work than cores",
    .why =
        "Every statement shares its core with others that run as long: all answers come late, and more requests pile "
        "up.",
    .role = Role::symptom,
    .reads = {activity},
    .may_read = {cpu, plans},
    .settings = {warn, crit, slow, window, span, evident, least, most},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"110 readers of several seconds on two cores", [] { return running(110, 6, 30); }, {Severity::critical}},
         {"ten slow statements on two cores for six minutes", [] { return running(10, 6, 360); }, {Severity::critical}},
         {"five slow statements on two cores for six minutes", [] { return running(5, 6, 360); }, {Severity::warning}},
         {"five slow statements, seen for half a minute", [] { return running(5, 6, 30); }, {Severity::info}},
         {"one-shot: eight sessions run one statement on two cores",
          [] {
            Scenario s = running(8, 6, 4);
            s.context.one_shot = true;
            return s;
          },
          {Severity::warning}},
         {"one report under a quota of a third of a core", [] { return running(1, 60, 360, 0.3); }, {}},
         {"two parallel reports on two cores, for minutes", [] { return running(2, 60, 360, 2, 2); }, {}},
         {"pgbench at full speed: sixteen short statements on two cores", [] { return running(16, 0.02, 360); }, {}},
         {"a crowd that left two minutes ago", [] { return running(110, 6, 360, 2, 0, 120); }, {}},
         {"seldom anybody", [] { return running(0, 0, 360); }, {}},
         {"many reports, cores unknown",
          [] {
            Scenario s = running(100, 6, 30);
            s.context.vcpus.reset();
            s.context.local = false;
            return s;
          },
          {}}},
};

}  // namespace pgvigil
