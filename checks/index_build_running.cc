#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/index_builds.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

bool waits(const IndexBuild& b) { return b.phase.starts_with("waiting"); }

// Done and to do of the phase that runs, in whatever the phase counts. Total 0: it counts nothing.
struct Progress {
  double done = 0, total = 0;
  std::int64_t IndexBuild::*counter = nullptr;
  std::string_view unit;
};

Progress progress(const IndexBuild& b) {
  if (waits(b))
    return {static_cast<double>(b.lockers_done), static_cast<double>(b.lockers_total), &IndexBuild::lockers_done,
            "transactions waited for"};
  if (b.tuples_total > 0)
    return {static_cast<double>(b.tuples_done), static_cast<double>(b.tuples_total), &IndexBuild::tuples_done, "rows"};
  return {static_cast<double>(b.blocks_done), static_cast<double>(b.blocks_total), &IndexBuild::blocks_done, "blocks"};
}

std::string waited_for(const Input& in, std::int64_t pid) {
  for (const Session& s : in.now(activity)) {
    if (s.pid != pid) continue;
    return fmt::format("pid {}: {} in {}, {} for {}", pid, words::one_line(s.user, 63), words::one_line(s.database, 63),
                       s.state.empty() ? "state hidden" : words::one_line(s.state, 40),
                       words::duration(s.transaction_age.value_or(s.state_age.value_or(0))));
  }
  return fmt::format("pid {}", pid);
}

Finding describe(const Input& in, const IndexBuild& b) {
  const Progress p = progress(b);
  Finding f;
  f.role = Role::event;
  f.severity = Severity::info;
  f.act_by = ActBy::later;
  f.object = {"index", b.index.empty() || b.index == "0" ? b.table : b.index, b.database};
  if (f.object.name == b.table) f.object.kind = "table";
  std::string done;
  if (p.total > 0) done = ", " + words::share(std::min(1.0, p.done / p.total)) + " of this phase";
  f.sentence = fmt::format("an index on {} has been under construction for {}: {}{}", words::one_line(b.table),
                           words::duration(b.age), words::one_line(b.phase, 80), done);
  if (!b.command.empty()) f.evidence.push_back({"command", words::one_line(b.command, 40)});
  f.evidence.push_back({"phase", words::one_line(b.phase, 80)});
  if (p.total > 0)
    f.evidence.push_back({"done", fmt::format("{} of {} {}", words::count(p.done), words::count(p.total), p.unit)});
  if (const auto speed = in.rate(index_builds, b, p.counter); !waits(b) && p.total > 0 && speed && *speed > 0)
    f.evidence.push_back({"this phase ends in about", words::duration(std::max(0.0, p.total - p.done) / *speed)});
  if (waits(b) && b.current_locker_pid > 0) {
    f.evidence.push_back({"waits for", waited_for(in, b.current_locker_pid)});
    f.sessions.push_back(b.current_locker_pid);
  }
  f.evidence.push_back({"by", fmt::format("{}, pid {}", words::one_line(b.user, 63), b.pid)});
  f.sessions.push_back(b.pid);
  f.tables = {b.table};
  f.since = pgvigil::after(in.at(), -b.age);
  f.confidence = Confidence::high;
  f.basis = "the server's progress view";
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const IndexBuild& b : in.now(index_builds)) found.push_back(describe(in, b));
  return found;
}

std::string fine(const Input&) { return "no index build in progress"; }

IndexBuild build(const char* phase, std::int64_t blocks_done) {
  IndexBuild b;
  b.pid = 812;
  b.database = "shop";
  b.user = "owner";
  b.table = "public.docs";
  b.index = "public.docs_dump_id_path";
  b.command = "CREATE INDEX CONCURRENTLY";
  b.phase = phase;
  b.blocks_total = 50'000;
  b.blocks_done = blocks_done;
  b.age = 42;
  return b;
}

Scenario scanning() {
  return Scenario()
      .saw(10, index_builds, {build("building index: scanning table", 10'000)})
      .saw(0, index_builds, {build("building index: scanning table", 30'000)});
}

Scenario waiting() {
  IndexBuild b = build("waiting for writers before build", 0);
  b.lockers_total = 3;
  b.lockers_done = 1;
  b.current_locker_pid = 77;
  Session s;
  s.pid = 77;
  s.user = "app";
  s.database = "shop";
  s.state = "idle in transaction";
  s.transaction_age = 700;
  return Scenario().saw(0, index_builds, {b}).saw(0, activity, {s});
}

}  // namespace

extern const Check index_build_running;
const Check index_build_running{
    .id = "index_build_running",
    .title = "An index is being built",
    .why =
        "It takes a core and the disk, without CONCURRENTLY it also blocks writers; and it may be the cure that is "
        "under way.",
    .role = Role::event,
    .reads = {index_builds},
    .may_read = {activity},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"scanning the table", &scanning, {Severity::info}},
                 {"waiting for a session that is idle in a transaction", &waiting, {Severity::info}},
                 {"none in progress", [] { return Scenario().saw(0, index_builds, {}); }, {}}},
};

}  // namespace pgvigil
