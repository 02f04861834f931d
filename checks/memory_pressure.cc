#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/memory.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.1, "share of the memory that is available below which it warns", 1.1};
constexpr Setting<Ratio> crit{"crit", 0.04, "share of the memory that is available below which it is critical"};
constexpr Setting<Bytes> plenty{"plenty", 8_GiB, "with so much available the share alone is no reason to warn"};
constexpr Setting<BytesPerSecond> swap{"swap", 4 << 20,
                                       "memory read back from swap from which it warns, where memory is scarce"};
constexpr Setting<Ratio> scarce{"scarce", 0.25, "share available below which memory is scarce"};
constexpr Setting<Seconds> window{"window", 60,
                                  "swapping and kills are counted, and the level must hold, over this time"};
constexpr Setting<Seconds> kills{"kills", 10 * 60, "a process that the kernel killed is reported for so long"};

struct Level {
  double available = 0;           // share; the most within the window, so that a short dip is none
  std::optional<double> swapped;  // bytes/s
  double killed = 0;
};

Level level(const Input& in, const Memory& now) {
  Level out;
  for (const auto& s : in.series(memory, in[window]))
    for (const Memory& m : s.rows)
      if (m.source == now.source && m.total > 0)
        out.available = std::max(out.available, static_cast<double>(m.available) / static_cast<double>(m.total));
  out.swapped = in.rate(memory, now, &Memory::swapped_in, in[window]);
  const auto past = in.series(memory, in[kills]);
  for (std::size_t i = 0; i + 1 < past.size(); ++i)
    for (const Memory& m : past[i].rows)
      for (const Memory& n : past[i + 1].rows)
        if (m.source == now.source && n.source == now.source && n.oom_kills > m.oom_kills)
          out.killed += static_cast<double>(n.oom_kills - m.oom_kills);
  return out;
}

std::optional<Finding> judge(const Input& in, const Memory& m) {
  if (m.total <= 0) return std::nullopt;
  const Level l = level(in, m);
  const double free = m.available >= in[plenty] ? 1 : l.available;
  const bool swapping = l.swapped && *l.swapped >= in[swap] && l.available < in[scarce];
  const bool critical = l.killed > 0 || free < in[crit] || (swapping && free < in[warn]);
  if (!critical && free >= in[warn] && !swapping) return std::nullopt;

  Finding f;
  f.role = Role::symptom;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"host", m.source};
  const std::string where = m.source == "cgroup" ? "the server's cgroup" : "the host";
  f.sentence = l.killed > 0
                   ? fmt::format("the kernel killed {} of {} for want of memory",
                                 words::counted(l.killed, "process") + (l.killed > 1 ? "es" : ""), where)
                   : fmt::format("{} has {} of its memory left{}", where, words::share(l.available),
                                 swapping ? ", and reads " + words::bytes_rate(*l.swapped) + " back from swap" : "");
  f.evidence = {{"available", fmt::format("{} of {}", words::bytes(static_cast<double>(m.available)),
                                          words::bytes(static_cast<double>(m.total)))}};
  if (m.swap_total > 0)
    f.evidence.push_back(
        {"swap in use", fmt::format("{} of {}", words::bytes(static_cast<double>(m.swap_total - m.swap_free)),
                                    words::bytes(static_cast<double>(m.swap_total)))});
  if (l.swapped && *l.swapped > 0) f.evidence.push_back({"read back from swap", words::bytes_rate(*l.swapped)});
  if (l.killed > 0)
    f.evidence.push_back(
        {"killed", m.source == "cgroup" ? words::count(l.killed) : words::count(l.killed) + " anywhere on the host"});
  f.remedies = {
      {Remedy::Kind::first_aid,
       "look for what grew: many sessions times work_mem, maintenance_work_mem of running builds, hash joins, or "
       "another process on this machine",
       {}}};
  f.confidence = l.killed > 0 && m.source == "host" ? Confidence::medium : Confidence::high;
  f.basis = m.source == "cgroup" ? "the counters of the server's cgroup"
            : l.killed > 0       ? "/proc/vmstat, which does not say whose process it was"
                                 : "/proc/meminfo and /proc/vmstat";
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Memory& m : in.now(memory))
    if (auto f = judge(in, m)) found.push_back(std::move(*f));
  return found;
}

std::string fine(const Input& in) {
  std::vector<std::string> all;
  for (const Memory& m : in.now(memory))
    if (m.total > 0)
      all.push_back(fmt::format("{} of {} available ({})", words::bytes(static_cast<double>(m.available)),
                                words::bytes(static_cast<double>(m.total)), m.source));
  return words::list(all, 2);
}

struct Past {
  double available = 0.5;  // share of 16 GB
  double swap_rate = 0;    // bytes/s
  std::int64_t killed_now = 0;
  const char* source = "host";
  double dip = -1;  // seconds for which it has been so; before, half was available
  std::int64_t total = 16_GiB;
};

Scenario memories(const Past& p) {
  Scenario out;
  for (double ago = 120; ago >= 0; ago -= 10) {
    Memory m;
    m.source = p.source;
    m.total = p.total;
    const double share = p.dip >= 0 && ago > p.dip ? 0.5 : p.available;
    m.available = static_cast<std::int64_t>(static_cast<double>(m.total) * share);
    m.swapped_in = static_cast<std::int64_t>((1000 - ago) * p.swap_rate);
    m.oom_kills = 3 + (ago <= 20 ? p.killed_now : 0);
    out.saw(ago, memory, {m});
  }
  return out;
}

}  // namespace

extern const Check memory_pressure;
const Check memory_pressure{
    .id = "memory_pressure",
    .title = "Memory runs out",
    .why =
        "First the cache goes and every read comes from disk, then the machine swaps, then the kernel kills a backend "
        "and "
        "the whole server restarts.",
    .role = Role::symptom,
    .reads = {memory},
    .settings = {warn, crit, plenty, swap, scarce, window, kills},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"2 % left", [] { return memories({.available = 0.02}); }, {Severity::critical}},
                 {"8 % left", [] { return memories({.available = 0.08}); }, {Severity::warning}},
                 {"a fifth left, and it swaps",
                  [] { return memories({.available = 0.2, .swap_rate = 2e7}); },
                  {Severity::warning}},
                 {"a process was killed in the server's cgroup",
                  [] { return memories({.killed_now = 1, .source = "cgroup"}); },
                  {Severity::critical}},
                 {"killed three hours ago, before we looked", [] { return memories({}); }, {}},
                 {"a dip of ten seconds", [] { return memories({.available = 0.02, .dip = 10}); }, {}},
                 {"pages come back from swap, and half of the memory is free",
                  [] { return memories({.swap_rate = 2e7}); },
                  {}},
                 {"6 % of a terabyte", [] { return memories({.available = 0.06, .total = 1024_GiB}); }, {}}},
};

}  // namespace pgvigil
