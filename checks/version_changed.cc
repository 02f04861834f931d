#include <fmt/format.h>

#include "checks/check.h"
#include "checks/moments.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> window{"window", 24 * 3600,
                                  "how long a change of version is told, as far as it is remembered"};

Step step(const Server& s, std::string title, std::string sql) {
  return {.title = std::move(title), .database = s.database, .run_as = "superuser", .sql = std::move(sql)};
}

// What an upgrade leaves to do, and what is forgotten most.
Remedy checklist(const Server& before, const Server& after) {
  Remedy list{Remedy::Kind::cure, "what is left to do after a major upgrade, in each database", {}};
  Step analyze = step(after, "gather the planner's statistics", "ANALYZE;");
  analyze.caution = before.version_num / 10'000 < 18 && after.version_num >= 180'000
                        ? "an upgrade to 18 keeps most statistics, but not those of CREATE STATISTICS"
                    : after.version_num >= 180'000 ? "most statistics were kept"
                                                   : "an upgrade keeps none: until then every plan is a guess";
  analyze.lock = "none that readers or writers notice";
  list.steps.push_back(std::move(analyze));
  list.steps.push_back(
      step(after, "which extensions still run their old SQL",
           "SELECT pg_catalog.format('ALTER EXTENSION %I UPDATE;', name), installed_version, default_version\n"
           "  FROM pg_catalog.pg_available_extensions WHERE installed_version <> default_version;"));
  list.steps.push_back(step(after, "replication slots and subscriptions that should be there",
                            "SELECT slot_name, slot_type, database, active FROM pg_catalog.pg_replication_slots;"));
  return list;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  const auto m = last_move(in, in[window], [](const Server& s) { return s.version_num; });
  if (!m) return found;
  const bool major = m->before.version_num / 10'000 != m->after.version_num / 10'000;
  const bool down = m->after.version_num < m->before.version_num;
  Finding f;
  f.role = Role::event;
  f.severity = major || down ? Severity::warning : Severity::info;
  f.act_by = major || down ? ActBy::today : ActBy::later;
  f.object = {"server", in.context().target};
  f.sentence = fmt::format("the server's PostgreSQL {} was replaced by {} {}{}", words::one_line(m->before.version, 20),
                           words::one_line(m->after.version, 20), words::when(m->earliest, m->latest),
                           down ? ": an older one" : "");
  f.since = m->latest;
  f.evidence = {{"before", words::one_line(m->before.version, 20)}, {"now", words::one_line(m->after.version, 20)}};
  f.confidence = Confidence::high;
  f.basis = "the server says so of itself, in two looks";
  if (major && !down) f.remedies.push_back(checklist(m->before, m->after));
  found.push_back(std::move(f));
  return found;
}

std::string fine(const Input& in) {
  if (in.context().one_shot) return {};
  for (const Server& s : in.now(server)) return "still PostgreSQL " + words::one_line(s.version, 20);
  return {};
}

Scenario story(std::int64_t before, std::int64_t now) {
  const auto of = [](std::int64_t v) {
    Server s;
    s.version_num = v;
    s.version = fmt::format("{}.{}", v / 10'000, v % 10'000);
    s.database = "shop";
    return s;
  };
  return Scenario().saw(120, server, {of(before)}).saw(10, server, {of(now)});
}

}  // namespace

extern const Check version_changed;
const Check version_changed{
    .id = "version_changed",
    .title = "The server runs another version",
    .why =
        "A new version plans anew, without statistics and with other defaults: what is slow since then has its cause "
        "there.",
    .role = Role::event,
    .reads = {server},
    .settings = {window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"a major upgrade", [] { return story(150'018, 180'004); }, {Severity::warning}},
                 {"a minor upgrade", [] { return story(150'018, 150'020); }, {Severity::info}},
                 {"a minor release back", [] { return story(150'020, 150'018); }, {Severity::warning}},
                 {"the same version", [] { return story(150'020, 150'020); }, {}}},
};

}  // namespace pgvigil
