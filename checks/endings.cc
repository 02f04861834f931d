#include "checks/endings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "checks/load.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr double late = 0.5, early = 0.2;              // seconds by which a limit may seem to strike off its time
constexpr double late_part = 0.25, early_part = 0.04;  // of a short one
constexpr double longest_gap = 3;                      // seconds between two samples: beyond it an end cannot be dated

using Samples = std::vector<Snapshot<Session>>;
using Execution = std::pair<std::int64_t, double>;  // pid and start of the statement

const Session* of_pid(const Snapshot<Session>& sample, std::int64_t pid) {
  const auto it = std::find_if(sample.rows.begin(), sample.rows.end(), [&](const Session& s) { return s.pid == pid; });
  return it == sample.rows.end() ? nullptr : &*it;
}

bool waits_for_lock(const Session* s) { return s != nullptr && s->wait_event_type == "Lock"; }

// How long the statement had been waiting for its lock when sample `last` was taken, and when the next one was.
std::pair<double, double> waited(const Samples& samples, std::size_t last, const Session& s) {
  std::size_t first = last;
  while (first > 0) {
    const Session* before = of_pid(samples[first - 1], s.pid);
    if (!waits_for_lock(before) || before->query_start != s.query_start) break;
    --first;
  }
  const double age = s.query_age.value_or(0), gap = seconds_between(samples[last].at, samples[last + 1].at);
  const double seen = seconds_between(samples[first].at, samples[last].at);
  const double before = first > 0 ? seconds_between(samples[first - 1].at, samples[first].at) : gap;
  return {std::min(age, seen), std::min(age, seen + before) + gap};
}

}  // namespace

std::string_view setting_of(Clock c) {
  static constexpr std::string_view names[] = {"statement_timeout", "lock_timeout", "transaction_timeout",
                                               "idle_in_transaction_session_timeout"};
  return names[static_cast<std::size_t>(c)];
}

std::vector<Ending> endings(const Input& in, double seconds, double floor) {
  std::vector<Ending> out;
  const Samples samples = in.series(activity, seconds);
  for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
    const Snapshot<Session>&now = samples[i], &next = samples[i + 1];
    const double gap = seconds_between(now.at, next.at);
    if (gap > longest_gap) continue;
    std::set<Execution> still;
    for (const Session& s : next.rows)
      if (is_active(s)) still.emplace(s.pid, s.query_start);
    for (const Session& s : now.rows) {
      const auto add = [&](Clock clock, double from, double to) {
        if (from >= floor) out.push_back({s, clock, from, to, next.at});
      };
      const Session* later = of_pid(next, s.pid);
      const bool in_transaction =
          later != nullptr && later->transaction_age.value_or(0) >= s.transaction_age.value_or(0);
      if (s.state.starts_with("idle in transaction") && later == nullptr && !is_ours(s))
        add(Clock::idle, s.state_age.value_or(0), s.state_age.value_or(0) + gap);
      if (!is_active(s) || s.leader_pid || still.contains({s.pid, s.query_start})) continue;
      const double age = s.query_age.value_or(0);
      if (waits_for_lock(&s)) {
        const auto [from, to] = waited(samples, i, s);
        add(Clock::lock, from, to);
      }
      add(Clock::statement, age, age + gap);
      if (!in_transaction && s.transaction_age) add(Clock::transaction, *s.transaction_age, *s.transaction_age + gap);
    }
  }
  return out;
}

std::optional<Timeout> limit_of(const Input& in, const Session& s, Clock clock) {
  return limit_of(in.now(timeouts), setting_of(clock), s.user, s.database);
}

std::string exactly(double seconds) {
  if (seconds >= 120 && std::fmod(seconds, 60) == 0) return fmt::format("{:.0f} min", seconds / 60);
  return seconds < 1 ? fmt::format("{:g} ms", seconds * 1000) : fmt::format("{:g} s", seconds);
}

std::string layer_in_words(const Timeout& t) {
  const std::string value = t.setting + " = " + exactly(t.seconds);
  const std::string role = words::one_line(t.role, 63), database = words::one_line(t.database, 63);
  if (t.layer == "server")
    return fmt::format("{} set for the server{}", value,
                       t.source.empty() ? "" : " (" + words::one_line(t.source, 40) + ")");
  if (t.layer == "role") return fmt::format("{} set for role {}", value, role);
  if (t.layer == "database") return fmt::format("{} set for database {}", value, database);
  return fmt::format("{} set for role {} in database {}", value, role, database);
}

bool too_short_for(double gap, double limit) { return limit < 3 * gap; }

bool outlives(double age, double limit) { return age > limit + std::min(late, late_part * limit); }

bool falls_short(const Ending& e, double limit) { return e.to < limit - std::min(early, early_part * limit); }

bool undated(const Ending& e, double limit) { return too_short_for(e.to - e.from, limit); }

bool meets(const Ending& e, double limit) {
  return !undated(e, limit) && !outlives(e.from, limit) && !falls_short(e, limit);
}

}  // namespace pgvigil
