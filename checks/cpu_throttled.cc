#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/cpu.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// A quota that is used up is what it is there for; it is harm when statements stand still for it. A server at full
// speed with short statements is held back too, and nobody waits.
constexpr Setting<Ratio> warn{
    "warn", 0.1, "share of the quota's periods in which the cgroup is held back, from which it warns", 0.9};
constexpr Setting<Seconds> window{"window", 60, "the share is taken over this time"};
constexpr Setting<Seconds> slow{"slow", 1, "age from which a running statement counts as kept waiting"};
constexpr Setting<Ratio> queue{"queue", 1,
                               "statements kept waiting, for each core of the quota, from which the users are harmed"};
constexpr Setting<Count> least{"least", 3, "fewer statements kept waiting than this harm nobody"};
constexpr Setting<Count> periods{"periods", 10, "periods that must have passed: ten are a second"};

struct Throttle {
  double share = 0, periods = 0, cores = 0;
};

std::optional<Throttle> throttle(const Input& in) {
  const auto all = in.series(cpu, in[window]);
  std::optional<Throttle> out;
  const Cpu *first = nullptr, *last = nullptr;
  for (const auto& s : all)
    for (const Cpu& c : s.rows)
      if (c.source == "cgroup") {
        if (first == nullptr || c.periods < first->periods) first = &c;
        last = &c;
      }
  if (first == nullptr || last == first || last->periods <= first->periods) return out;
  const double n = static_cast<double>(last->periods - first->periods);
  const double held = static_cast<double>(last->throttled_periods - first->throttled_periods);
  return Throttle{std::clamp(held / n, 0.0, 1.0), n, last->cores};
}

std::vector<Finding> evaluate(const Input& in) {
  const auto t = throttle(in);
  if (!t || t->share < in[warn] || t->periods < in[periods]) return {};
  const double waiting = long_running(in, in[window], in[slow]);
  const bool harmful = waiting >= in[least] && waiting >= in[queue] * t->cores;
  Finding f;
  f.severity = harmful ? Severity::warning : Severity::info;
  f.act_by = harmful ? ActBy::today : ActBy::later;
  f.object = {"host", "cgroup"};
  f.sentence = fmt::format("the quota of {} holds the server back in {} of its periods",
                           words::counted(t->cores, "core"), words::share(t->share));
  f.evidence = {
      {"held back", fmt::format("{} of {}", words::count(t->share * t->periods), words::counted(t->periods, "period"))},
      {"statements kept waiting", words::number(waiting)}};
  f.remedies = {
      {Remedy::Kind::cure,
       fmt::format("raise the CPU limit of the server's container or service above {}, or take the limit away and "
                   "keep the request",
                   words::counted(t->cores, "core")),
       {}}};
  f.fix = "a larger CPU limit";
  f.confidence = harmful ? Confidence::medium : Confidence::low;
  f.basis = "the counters of the server's cgroup; a dear query uses up any quota, so look for one first";
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto t = throttle(in);
  return t ? fmt::format("held back in {} of {}", words::share(t->share), words::counted(t->periods, "period"))
           : "no quota is seen";
}

// Ten periods a second for a minute, in `share` of which it is held back; `clients` statements of this age.
Scenario quota(double share, int clients, double age, double seconds = 60) {
  Scenario out;
  for (double ago = seconds; ago >= 0; ago -= 10) {
    Cpu c;
    c.source = "cgroup";
    c.cores = 2;
    c.periods = static_cast<std::int64_t>(10'000 - ago * 10);
    c.throttled_periods = static_cast<std::int64_t>(5'000 - ago * 10 * share);
    std::vector<Session> all;
    for (int i = 0; i < clients; ++i) {
      Session s;
      s.pid = 100 + i;
      s.backend_type = "client backend";
      s.state = "active";
      s.query_age = age;
      all.push_back(s);
    }
    out.saw(ago, cpu, {c}).saw(ago, activity, all);
  }
  return out;
}

}  // namespace

extern const Check cpu_throttled;
const Check cpu_throttled{
    .id = "cpu_throttled",
    .title = "The CPU quota holds the server back",
    .why = "Within each tenth of a second the server stands still once its share is used up, whoever waits for it.",
    .role = Role::cause,
    .explains = {"cpu_saturated"},
    .reads = {cpu},
    .may_read = {activity},
    .settings = {warn, window, slow, queue, least, periods},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"held back in most periods, ten statements wait",
                  [] { return quota(0.8, 10, 4); },
                  {Severity::warning}},
                 {"pgbench at full speed under a quota", [] { return quota(0.8, 16, 0.02); }, {Severity::info}},
                 {"held back now and then", [] { return quota(0.05, 10, 4); }, {}},
                 {"seen once", [] { return quota(0.8, 10, 4, 0); }, {}}},
};

}  // namespace pgvigil
