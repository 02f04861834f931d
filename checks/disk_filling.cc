#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/disks.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.15, "share of the disk that is free below which it warns", 1.1};
constexpr Setting<Ratio> crit{"crit", 0.05, "share of the disk that is free below which it is critical"};
constexpr Setting<Bytes> plenty{"plenty", 100_GiB, "with so much room the share alone is no reason to warn"};
constexpr Setting<Seconds> full_warn{"full_warn", 24 * 3600, "time until it is full below which it warns", 1.1};
constexpr Setting<Seconds> full_crit{"full_crit", 2 * 3600, "time until it is full below which it is critical"};
constexpr Setting<Seconds> watched{"watched", 10 * 60,
                                   "a trend is believed after this time, or after a quarter of what is left"};
constexpr Setting<Seconds> window{"window", 15 * 60, "how far back a trend is looked for"};
constexpr Setting<Ratio> roomy{"roomy", 0.5,
                               "with so large a share free a trend is not looked at: bulk loads come to an end"};

struct Trend {
  double rate = 0, seconds = 0;  // bytes/s that go, over this time
  std::optional<double> full_in;
};

// Both halves of the time must lose room: a sort's temporary files come and go.
Trend trend(const Input& in, const Disk& d) {
  std::vector<std::pair<double, double>> points;  // seconds before now (negative), available
  for (const auto& s : in.series(disks, in[window]))
    for (const Disk& then : s.rows)
      if (then.holds == d.holds && then.path == d.path && then.total == d.total)
        points.emplace_back(-seconds_between(s.at, in.at()), static_cast<double>(then.available));
  Trend t;
  if (points.size() < 3) return t;
  const auto slope = [](const std::pair<double, double>& a, const std::pair<double, double>& b) {
    return b.first > a.first ? (a.second - b.second) / (b.first - a.first) : 0;
  };
  const auto& middle = points[points.size() / 2];
  const double first = slope(points.front(), middle), second = slope(middle, points.back());
  t.seconds = points.back().first - points.front().first;
  t.rate = slope(points.front(), points.back());
  if (first <= 0 || second <= 0 || std::min(first, second) < t.rate / 4) return t;
  const double left = static_cast<double>(d.available) / t.rate;
  if (t.seconds >= std::min(in[watched], std::max(60.0, left / 4))) t.full_in = left;
  return t;
}

std::optional<Finding> judge(const Input& in, const Disk& d) {
  if (d.total <= 0) return std::nullopt;
  const double free = static_cast<double>(d.available) / static_cast<double>(d.total);
  const bool inodes_counted = d.files_total && d.files_free && *d.files_total > 0;
  const double files = inodes_counted ? static_cast<double>(*d.files_free) / static_cast<double>(*d.files_total) : 1;
  const Trend t = trend(in, d);
  const double share = d.available >= in[plenty] ? 1 : free;
  const bool filling = t.full_in && free < in[roomy];
  const bool critical = share < in[crit] || files < in[crit] || (filling && *t.full_in < in[full_crit]);
  if (!critical && share >= in[warn] && files >= in[warn] && (!filling || *t.full_in >= in[full_warn]))
    return std::nullopt;

  Finding f;
  f.role = Role::symptom;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"host", words::one_line(d.path)};
  f.sentence =
      fmt::format("the disk of the {} has {} left, {} of it{}", d.holds, words::bytes(static_cast<double>(d.available)),
                  words::share(free), t.full_in ? ", and is full in about " + words::duration(*t.full_in) : "");
  if (files < in[warn])
    f.sentence = fmt::format("the disk of the {} has hardly any inodes left: {} of {}", d.holds,
                             words::count(static_cast<double>(*d.files_free)),
                             words::count(static_cast<double>(*d.files_total)));
  f.evidence = {{"free", fmt::format("{} of {}", words::bytes(static_cast<double>(d.available)),
                                     words::bytes(static_cast<double>(d.total)))},
                {"path", fmt::format("{} (found by: {})", words::one_line(d.path), d.source)}};
  if (t.full_in)
    f.evidence.push_back({"goes", fmt::format("{} over {}", words::bytes_rate(t.rate), words::duration(t.seconds))});
  f.remedies = {{Remedy::Kind::first_aid,
                 "make room beside the server's own files (logs, dumps, backups) or enlarge the volume; never delete "
                 "anything in pg_wal by hand",
                 {}}};
  f.confidence = Confidence::high;
  f.basis = t.full_in ? "the file system, watched over " + words::duration(t.seconds) : "the file system";
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const Disk& d : in.now(disks))
    if (auto f = judge(in, d)) found.push_back(std::move(*f));
  return found;
}

std::string fine(const Input& in) {
  std::vector<std::string> all;
  for (const Disk& d : in.now(disks))
    if (d.total > 0)
      all.push_back(fmt::format("{} {} ({}) free", d.holds, words::bytes(static_cast<double>(d.available)),
                                words::share(static_cast<double>(d.available) / static_cast<double>(d.total))));
  return words::list(all, 3);
}

// Looked at every ten seconds for `seconds`; `gone` bytes/s are used up.
Scenario disk(std::int64_t total, std::int64_t available, double gone = 0, double seconds = 600, bool stops = false) {
  Scenario out;
  for (double ago = seconds; ago >= 0; ago -= 10) {
    Disk d;
    d.holds = "data directory";
    d.path = "/var/lib/postgresql/15/main";
    d.source = "same owner";
    d.total = total;
    d.available = available + static_cast<std::int64_t>(stops ? std::max(0.0, ago - seconds / 2) * gone : ago * gone);
    d.files_total = 1'000'000;
    d.files_free = 900'000;
    out.saw(ago, disks, {d});
  }
  return out;
}

Scenario no_inodes() {
  Disk d;
  d.holds = "data directory";
  d.path = "/data";
  d.source = "same owner";
  d.total = 1000_GiB;
  d.available = 800_GiB;
  d.files_total = 1'000'000;
  d.files_free = 20'000;
  Scenario out;
  return out.saw(1, disks, {d});
}

}  // namespace

extern const Check disk_filling;
const Check disk_filling{
    .id = "disk_filling",
    .title = "The disk fills up",
    .why = "A server that cannot write WAL stops at once, and does not start again before there is room.",
    .role = Role::symptom,
    .reads = {disks},
    .settings = {warn, crit, plenty, full_warn, full_crit, watched, window, roomy},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"4 % free", [] { return disk(500_GiB, 20_GiB); }, {Severity::critical}},
         {"12 % free", [] { return disk(500_GiB, 60_GiB); }, {Severity::warning}},
         {"a third free, full within the hour", [] { return disk(300_GiB, 99_GiB, 40e6); }, {Severity::critical}},
         {"a third free, full within the day", [] { return disk(300_GiB, 99_GiB, 2e6); }, {Severity::warning}},
         {"full in four minutes, seen for one", [] { return disk(100_GiB, 20_GiB, 90e6, 60); }, {Severity::critical}},
         {"hardly any inodes", no_inodes, {Severity::critical}},
         {"8 % of a very large disk", [] { return disk(4000_GiB, 320_GiB); }, {}},
         {"a bulk load on a disk that is mostly free", [] { return disk(300_GiB, 250_GiB, 40e6); }, {}},
         {"it fell for a minute", [] { return disk(300_GiB, 99_GiB, 40e6, 60); }, {}},
         {"it fell and stands still", [] { return disk(300_GiB, 99_GiB, 40e6, 600, true); }, {}}},
};

}  // namespace pgvigil
