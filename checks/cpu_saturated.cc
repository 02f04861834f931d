#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/cpu.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A busy CPU is what the machine was bought for: pgbench at full speed keeps it at 100 % and nobody waits. It is
// harm when it lasts and statements queue for it. Before that it is only mentioned, beside the cause it belongs to.
constexpr Setting<Ratio> warn{"warn", 0.8, "share of the CPU in use that counts as saturated", 0.9};
constexpr Setting<Ratio> crit{"crit", 0.95, "share of the CPU in use that counts as critical"};
constexpr Setting<Seconds> window{"window", 15 * 60, "how far back the share of saturated time is taken"};
constexpr Setting<Seconds> span{"span", 5 * 60, "how much of that must have been seen before it warns"};
constexpr Setting<Ratio> often{"often", 0.5, "share of the time seen that must have been saturated", 0.9};
constexpr Setting<Seconds> slow{"slow", 1, "age from which a running statement counts as kept waiting"};
constexpr Setting<Ratio> queue{"queue", 1, "statements kept waiting, per core, from which the users are harmed"};

struct Interval {
  double seconds, busy;
};  // busy: 0..1 of the capacity

struct Source {
  std::string name;
  double cores = 0;
  std::vector<Interval> intervals = {};  // oldest first
  double seconds() const {
    double sum = 0;
    for (const Interval& i : intervals) sum += i.seconds;
    return sum;
  }
  double above(double level) const {  // share of the time seen
    double sum = 0;
    for (const Interval& i : intervals) sum += i.busy >= level ? i.seconds : 0;
    return seconds() > 0 ? sum / seconds() : 0;
  }
  double average(double last) const {
    double sum = 0, weight = 0;
    for (auto it = intervals.rbegin(); it != intervals.rend() && weight < last; ++it)
      sum += it->busy * it->seconds, weight += it->seconds;
    return weight > 0 ? sum / weight : 0;
  }
};

std::vector<Source> sources(const Input& in) {
  std::vector<Source> all;
  std::map<std::string, std::pair<Time, Cpu>> before;
  for (const auto& answer : in.series(cpu, in[window]))
    for (const Cpu& now : answer.rows) {
      const auto [it, fresh] = before.try_emplace(now.source, answer.at, now);
      if (fresh) continue;
      const auto [then_at, then] = it->second;
      const double seconds = seconds_between(then_at, answer.at);
      if (seconds < 0.2) continue;
      it->second = {answer.at, now};
      if (now.used_seconds < then.used_seconds || now.cores <= 0) continue;  // restarted, or moved
      auto s = std::find_if(all.begin(), all.end(), [&](const Source& a) { return a.name == now.source; });
      if (s == all.end()) s = all.insert(all.end(), Source{now.source, now.cores});
      s->intervals.push_back({seconds, std::min(1.0, (now.used_seconds - then.used_seconds) / seconds / now.cores)});
    }
  return all;
}

// The fullest of what is visible: a cgroup at its quota on an idle host, or a host that others fill.
std::optional<Source> fullest(const Input& in) {
  std::optional<Source> out;
  for (Source& s : sources(in))
    if (!out || s.average(60) > out->average(60)) out = std::move(s);
  return out;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto s = fullest(in);
  if (!s) return {};
  const double average = s->average(60);
  const bool lasted = s->seconds() >= in[span];
  const bool lasting = lasted && s->above(in[warn]) >= in[often];
  if (!lasting && average < in[warn]) return {};

  // Without the load samples nobody can say that it harms no one.
  const bool samples = !in.series(activity, 120).empty();
  const double waiting = long_running(in, 60, in[slow]);
  const bool harmed = !samples || waiting >= in[queue] * s->cores;
  Finding f;
  f.role = Role::symptom;
  f.severity = Severity::info;
  if (lasting && harmed) f.severity = s->above(in[crit]) >= in[often] ? Severity::critical : Severity::warning;
  f.act_by = f.severity == Severity::critical ? ActBy::now : ActBy::today;
  f.object = {"host", in.context().target};
  f.sentence = lasted ? fmt::format("the CPU was above {} for {} of the last {}", words::share(in[warn]),
                                    words::share(s->above(in[warn])), words::duration(s->seconds()))
                      : fmt::format("the CPU is {} busy", words::share(average));
  f.evidence = {{"busy", fmt::format("{} of {} over {}", words::share(average), words::counted(s->cores, "core"),
                                     words::duration(std::min(60.0, s->seconds())))},
                {"source", s->name}};
  if (lasted)
    f.evidence.push_back({fmt::format("time above {}", words::share(in[crit])), words::share(s->above(in[crit]))});
  if (samples)
    f.evidence.push_back({"statements kept waiting", fmt::format("{} on average, longer than {}",
                                                                 words::number(waiting), words::duration(in[slow]))});
  f.confidence = lasted && samples ? Confidence::high : Confidence::medium;
  f.basis = fmt::format("{} seen over {}", words::counted(static_cast<double>(s->intervals.size()), "interval"),
                        words::duration(s->seconds()));
  if (!samples) f.basis += "; who waits for it could not be seen";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto s = fullest(in);
  if (!s) return {};
  return fmt::format("{} of {} busy over {} ({})", words::share(s->average(60)), words::counted(s->cores, "core"),
                     words::duration(std::min(60.0, s->seconds())), s->name);
}

// Two cores, `busy` of them in use, looked at every ten seconds; `clients` statements of this age are running.
Scenario busy(double share, double seconds, int clients, double age, double quiet_for = 0) {
  Scenario out;
  double used = 100;
  for (double ago = seconds; ago >= 0; ago -= 10) {
    Cpu c;
    c.source = "host";
    c.cores = 2;
    c.used_seconds = used;
    used += 20 * (ago <= quiet_for ? 0.1 : share);
    out.saw(ago, cpu, {c});
  }
  for (double ago = 50; ago >= 0; ago -= 10) {
    std::vector<Session> all;
    for (int i = 0; i < clients; ++i) {
      Session s;
      s.pid = 100 + i;
      s.backend_type = "client backend";
      s.state = "active";
      s.query_age = age;
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  return out;
}

}  // namespace

extern const Check cpu_saturated;
const Check cpu_saturated{
    .id = "cpu_saturated",
    .title = "CPU saturated",
    .why = "Statements queue for a core, and each takes a multiple of its time.",
    .role = Role::symptom,
    .reads = {cpu},
    .may_read = {activity},
    .settings = {warn, crit, window, span, often, slow, queue},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"full for ten minutes, a hundred statements wait", [] { return busy(1, 600, 100, 6); }, {Severity::critical}},
         {"85 % for ten minutes, ten statements wait", [] { return busy(0.85, 600, 10, 3); }, {Severity::warning}},
         {"regular spikes: above for most of the time, not just now",
          [] { return busy(1, 600, 10, 3, 120); },
          {Severity::critical}},
         {"full, but seen for half a minute only", [] { return busy(1, 30, 100, 6); }, {Severity::info}},
         {"pgbench at full speed for ten minutes: sixteen short statements",
          [] { return busy(1, 600, 16, 0.02); },
          {Severity::info}},
         {"half busy", [] { return busy(0.5, 600, 100, 6); }, {}},
         {"seen once: no rate yet", [] { return busy(1, 0, 100, 6); }, {}}},
};

}  // namespace pgvigil
