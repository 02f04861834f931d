#include <fmt/format.h>

#include "checks/check.h"
#include "checks/moments.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 15 * 60, "how long a change of role is told"};

std::string_view role_of(const Server& s) { return s.in_recovery ? "standby" : "primary"; }

Finding event(const Input& in, const Move& m, std::string sentence) {
  Finding f;
  f.role = Role::event;
  f.severity = Severity::warning;
  f.act_by = ActBy::today;
  f.object = {"server", in.context().target};
  f.sentence = std::move(sentence) + " " + words::when(m.earliest, m.latest);
  f.since = m.latest;
  f.evidence = {{"before", fmt::format("{}, timeline {}", role_of(m.before), m.before.timeline)},
                {"now", fmt::format("{}, timeline {}", role_of(m.after), m.after.timeline)}};
  f.confidence = Confidence::high;
  f.basis = "the server says so of itself, in two looks";
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  if (const auto m = last_move(in, in[window], [](const Server& s) { return s.system_identifier; })) {
    found.push_back(event(in, *m, "another cluster answers under this address"));
    found.back().evidence.push_back(
        {"system identifier", fmt::format("{}, was {}", m->after.system_identifier, m->before.system_identifier)});
    return found;
  }
  if (const auto m = last_move(in, in[window], [](const Server& s) { return s.in_recovery; })) {
    found.push_back(
        event(in, *m, m->after.in_recovery ? "the primary became a standby" : "the standby became the primary"));
    return found;  // its timeline moves a moment later
  }
  if (const auto m = last_move(in, in[window], [](const Server& s) { return s.timeline; });
      m && m->before.timeline > 0 && m->after.timeline > m->before.timeline)
    found.push_back(event(in, *m,
                          fmt::format("the {} moved to timeline {}: {}", role_of(m->after), m->after.timeline,
                                      m->after.in_recovery ? "it follows another primary" : "it was promoted")));
  return found;
}

std::string fine(const Input& in) {
  for (const Server& s : in.now(server)) return fmt::format("a {}, timeline {}", role_of(s), s.timeline);
  return {};
}

Scenario story(bool recovery_before, std::int64_t timeline_before, bool recovery_now, std::int64_t timeline_now) {
  Server a, b;
  a.in_recovery = recovery_before, a.timeline = timeline_before;
  b.in_recovery = recovery_now, b.timeline = timeline_now;
  a.system_identifier = b.system_identifier = "7300000000000000001";
  return Scenario().saw(70, server, {a}).saw(60, server, {b}).saw(5, server, {b});
}

Scenario another_cluster() {
  Scenario s = story(false, 1, false, 1);
  Server other;
  other.timeline = 1;
  other.system_identifier = "7300000000000000002";
  return s.saw(1, server, {other});
}

}  // namespace

extern const Check role_changed;
const Check role_changed{
    .id = "role_changed",
    .title = "Primary and standby changed",
    .why =
        "After a failover the applications may still talk to the old primary, and the new one starts with cold caches.",
    .role = Role::event,
    .reads = {server},
    .settings = {window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a standby is promoted", [] { return story(true, 1, false, 2); }, {Severity::warning}},
                 {"a standby follows a new primary", [] { return story(true, 1, true, 2); }, {Severity::warning}},
                 {"another cluster behind the address", another_cluster, {Severity::warning}},
                 {"nothing changed", [] { return story(false, 1, false, 1); }, {}}},
};

}  // namespace pgvigil
