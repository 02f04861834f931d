#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/cpu.h"
#include "checks/probes/server_settings.h"
#include "checks/server_setting.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// Whoever commits waits for the disk: at full speed that is where a healthy server spends its time. It is a stall when
// several statements stand there for far longer than a write to a sound disk takes.
constexpr Setting<Ratio> share{"share", 0.3, "share of the load that waits for WAL from which it warns", 0.9};
constexpr Setting<Seconds> slow{"slow", 0.1, "age from which a statement that waits for WAL is held up"};
constexpr Setting<Count> least{"least", 3, "statements held up at once, on average, below which nobody is harmed"};
constexpr Setting<Ratio> crit{"crit", 4, "statements held up for each vCPU from which it is critical"};
constexpr Setting<Seconds> noticed{"noticed", 0.01, "commit_delay from which it is what holds them up"};
constexpr Setting<Seconds> window{"window", 30, "the load is averaged over this time"};

bool waits_for_wal(const Session& s) {
  return s.wait_event == "WALWrite" || s.wait_event == "WALSync" || s.wait_event == "WALInitWrite" ||
         s.wait_event == "WALInitSync" || s.wait_event == "WalWrite" || s.wait_event == "WalSync";
}

// Each commit sleeps for so long before its WAL is written.
struct Delay {
  const ServerSetting* setting = nullptr;
  double seconds = 0;
};

Delay commit_delay(const Input& in) {
  Delay longest;
  for (const ServerSetting& s : in.now(server_settings)) {
    double us = 0;
    const char* end = s.value.data() + s.value.size();
    if (s.name != "commit_delay" || std::from_chars(s.value.data(), end, us).ptr != end) continue;
    if (us * 1e-6 >= std::max(in[noticed], longest.seconds)) longest = {&s, us * 1e-6};
  }
  return longest;
}

// Ages in samples are anything up to the wait.
double held_up_from(const Input& in, const Delay& d) {
  return d.setting != nullptr ? std::min(in[slow], d.seconds / 4) : in[slow];
}

struct Stall {
  double all = 0, waiting = 0, held_up = 0, oldest = 0;  // averages; oldest: seconds
  std::size_t samples = 0;
  std::map<std::string, double> by_event;
  std::map<std::string, double> queries;
  std::map<std::string, std::string> texts;
};

Stall stall(const Input& in) {
  Stall out;
  const double from = held_up_from(in, commit_delay(in));
  const auto samples = in.series(activity, in[window]);
  out.samples = samples.size();
  for (const auto& sample : samples)
    for (const Session& s : sample.rows) {
      if (!is_active(s) || s.leader_pid) continue;
      const double each = 1.0 / static_cast<double>(samples.size());
      out.all += each;
      if (!waits_for_wal(s)) continue;
      out.waiting += each;
      out.by_event[s.wait_event_type + ":" + s.wait_event] += each;
      const double age = s.query_age.value_or(0);
      if (age < from) continue;
      out.held_up += each;
      out.oldest = std::max(out.oldest, age);
      const std::string id = s.query_id.empty() ? s.query : s.query_id;
      out.queries[id] += each;
      out.texts[id] = s.query;
    }
  return out;
}

std::vector<Finding> evaluate(const Input& in) {
  const Stall s = stall(in);
  const auto cores = vcpus(in);
  if (s.samples < 2 || s.waiting < in[share] * s.all || s.held_up < std::max(in[least], cores.value_or(0))) return {};
  const bool critical = cores && s.held_up >= in[crit] * *cores;

  Finding f;
  f.severity = critical ? Severity::critical : Severity::warning;
  f.act_by = critical ? ActBy::now : ActBy::today;
  f.object = {"server", in.context().target};
  const Delay delay = commit_delay(in);
  const std::string crowd = words::counted(s.held_up, "statement") + " at once, on average,";
  f.sentence =
      delay.setting != nullptr
          ? fmt::format("{} wait for their WAL: commit_delay{} makes each commit wait for {}", crowd,
                        owner_of(*delay.setting), words::duration(delay.seconds))
          : fmt::format("{} wait for longer than {} until the disk has their WAL", crowd, words::duration(in[slow]));
  f.evidence = {
      {"waiting for WAL", fmt::format("{} of {} active sessions", words::number(s.waiting), words::number(s.all))},
      {"oldest of them", words::duration(s.oldest)}};
  for (const auto& [event, n] : s.by_event)
    if (n >= 0.1 * s.waiting) f.evidence.push_back({"wait", fmt::format("{}: {}", event, words::number(n))});
  const auto most = std::max_element(s.queries.begin(), s.queries.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != s.queries.end()) f.evidence.push_back({"mostly", words::one_line(s.texts.at(most->first))});
  for (const auto& [id, n] : s.queries) f.queries.push_back(id);
  if (delay.setting != nullptr) {
    Step reset = change_setting(*delay.setting, std::nullopt, "postgres");
    reset.title = "commit at once";
    reset.undo = change_setting(*delay.setting, delay.setting->value, "postgres").sql;
    f.remedies.push_back({Remedy::Kind::cure, "commit without a delay", {std::move(reset)}});
  } else {
    f.remedies.push_back({Remedy::Kind::cure,
                          "look at the disk below pg_wal: its write latency, a limit of the volume (IOPS, burst "
                          "credits), a neighbour that writes; then fewer and larger commits, or pg_wal on a disk of "
                          "its own",
                          {}});
  }
  f.load = s.waiting;
  f.confidence = s.samples >= 10 ? Confidence::high : Confidence::medium;
  f.basis = fmt::format("what the sessions wait for, in {}", words::counted(static_cast<double>(s.samples), "sample"));
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const Stall s = stall(in);
  if (s.samples == 0) return {};
  return fmt::format("{} of {} active sessions wait for WAL, {} of them for longer than {}", words::number(s.waiting),
                     words::number(s.all), words::number(s.held_up),
                     words::duration(held_up_from(in, commit_delay(in))));
}

// `waiting` statements in WALSync or WALWrite, `age` old, and `others` on the CPU.
Scenario commits(int waiting, double age, int others = 2, const char* commit_delay = nullptr) {
  Scenario out;
  out.context.vcpus = 2;
  ServerSetting set{.scope = "server", .name = "commit_delay", .unit = "us"};
  if (commit_delay != nullptr) set.value = commit_delay, out.saw(20, server_settings, {set});
  for (double ago = 20; ago >= 0; ago -= 1) {
    std::vector<Session> all;
    for (int i = 0; i < waiting + others; ++i) {
      Session s;
      s.pid = 100 + i;
      s.backend_type = "client backend";
      s.state = "active";
      s.query = "COMMIT";
      s.query_age = age;
      if (i < waiting) {
        s.wait_event_type = i == 0 ? "IO" : "LWLock";
        s.wait_event = i == 0 ? "WALSync" : "WALWrite";
      }
      all.push_back(s);
    }
    out.saw(ago, activity, all);
  }
  return out;
}

}  // namespace

extern const Check wal_write_stalls;
const Check wal_write_stalls{
    .id = "wal_write_stalls",
    .title = "Commits wait for the disk",
    .why = "Each commit is answered only when its WAL is on disk; a slow disk holds up everybody who writes.",
    .role = Role::cause,
    .explains = {"load_above_cores", "connections_rising", "connections_saturated", "queries_timing_out",
                 "pool_pinned"},
    .reads = {activity},
    .may_read = {cpu, server_settings},
    .settings = {share, slow, least, crit, noticed, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"forty commits of half a second on two cores", [] { return commits(40, 0.5); }, {Severity::critical}},
                 {"five commits of half a second", [] { return commits(5, 0.5); }, {Severity::warning}},
                 {"pgbench at full speed: forty commits of five milliseconds", [] { return commits(40, 0.005); }, {}},
                 {"twelve commits that commit_delay keeps for a tenth of a second",
                  [] { return commits(12, 0.05, 1, "100000"); },
                  {Severity::critical}},
                 {"commits of a server that waits a millisecond for company",
                  [] { return commits(12, 0.005, 1, "1000"); },
                  {}},
                 {"five slow commits among twenty readers", [] { return commits(5, 0.5, 20); }, {}},
                 {"one slow commit on an idle server", [] { return commits(1, 2, 0); }, {}}},
};

}  // namespace pgvigil
