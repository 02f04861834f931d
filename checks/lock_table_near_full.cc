#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking_words.h"
#include "checks/check.h"
#include "checks/probes/lock_table.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.6, "share of the lock table in use from which it warns", 0.9};
constexpr Setting<Ratio> crit{"crit", 0.9, "share of the lock table in use from which it is critical"};

// Two tables fill: of things locked, and, twice as large, of who locks them.
double used(const LockCount& l) {
  if (l.slots <= 0) return 0;
  return std::max(static_cast<double>(l.objects) / static_cast<double>(l.slots),
                  static_cast<double>(l.owners) / (2 * static_cast<double>(l.slots)));
}

const Session* session_of(const Input& in, std::int64_t pid) {
  for (const Session& s : in.now(activity))
    if (s.pid == pid) return &s;
  return nullptr;
}

std::vector<Finding> evaluate(const Input& in) {
  const auto rows = in.now(lock_table);
  if (rows.empty() || used(rows.front()) < in[warn]) return {};
  const LockCount& l = rows.front();
  const double share = used(l);
  const Session* top = session_of(in, l.top_pid);
  Finding f;
  f.severity = share >= in[crit] ? Severity::critical : Severity::warning;
  f.act_by = share >= in[crit] ? ActBy::now : ActBy::today;
  f.object = {"server", ""};
  const std::string holder =
      l.top_pid == 0
          ? "a prepared transaction"
          : fmt::format("pid {} ({}, role {})", l.top_pid,
                        l.top_application.empty() ? "no application name" : words::one_line(l.top_application, 63),
                        words::one_line(l.top_user, 63));
  f.sentence = fmt::format("the lock table is {} full; {} holds {}", words::share(share), holder,
                           words::counted(static_cast<double>(l.top_locks), "lock"));
  f.confidence = Confidence::high;
  f.basis = "pg_locks, without the fast path, against the room that the settings make";
  f.fix = "raise max_locks_per_transaction";
  f.evidence.push_back({"locked", fmt::format("{} of about {}", words::counted(static_cast<double>(l.objects), "thing"),
                                              words::count(static_cast<double>(l.slots)))});
  f.evidence.push_back({"max_locks_per_transaction", words::count(static_cast<double>(l.per_transaction))});
  f.evidence.push_back({"when it is full", "statements of any session fail: out of shared memory"});
  if (top != nullptr && !top->query.empty())
    f.evidence.push_back({"the holder's statement", words::one_line(top->query, 300)});
  if (l.top_pid != 0) f.sessions = {l.top_pid};
  if (top != nullptr && top->backend_type == "client backend" && !top->state.empty())
    f.remedies.push_back({Remedy::Kind::first_aid,
                          "end whoever holds most of them, if the server is about to run out",
                          {end_session(*top, 0, 0)}});
  const std::int64_t more = std::max<std::int64_t>(2 * l.per_transaction, 128);
  Step raise{.title = "make room for twice as many locks; many partitions in one statement need it",
             .database = "postgres",
             .run_as = "superuser",
             .sql = fmt::format("ALTER SYSTEM SET max_locks_per_transaction = {};", more)};
  raise.duration = "with the next restart";
  raise.lock = "none";
  raise.undo = "ALTER SYSTEM RESET max_locks_per_transaction;";
  raise.caution = "a standby needs at least the primary's value: change and restart it first";
  f.remedies.push_back({Remedy::Kind::cure, "a larger lock table", {std::move(raise)}});
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto rows = in.now(lock_table);
  return rows.empty() ? "" : fmt::format("{} of the lock table is in use", words::share(used(rows.front())));
}

Scenario filled(std::int64_t objects, std::int64_t owners) {
  Session top{.pid = 7, .database = "shop", .user = "app", .application = "archive", .client = "local"};
  top.backend_type = "client backend";
  top.state = "active";
  top.query = "SELECT count(*) FROM events";
  top.transaction_age = top.query_age = top.state_age = 30;
  LockCount l{.database = "shop", .mode = "AccessShareLock", .count = owners, .objects = objects, .slots = 10'000};
  l.owners = owners;
  l.top_pid = 7;
  l.top_locks = objects;
  l.top_user = "app";
  l.top_application = "archive";
  l.per_transaction = 64;
  return Scenario{}.saw(0, activity, {top}).saw(0, lock_table, {l});
}

}  // namespace

extern const Check lock_table_near_full;
const Check lock_table_near_full{
    .id = "lock_table_near_full",
    .title = "The lock table is nearly full",
    .why =
        "When no place is left, statements of any session fail with \"out of shared memory\", also those that did "
        "not fill it.",
    .role = Role::cause,
    .reads = {lock_table},
    .may_read = {activity},
    .settings = {warn, crit},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"one query locks thousands of partitions", [] { return filled(7000, 7000); }, {Severity::warning}},
                 {"hardly any place is left", [] { return filled(9500, 12'000); }, {Severity::critical}},
                 {"many sessions lock the same tables", [] { return filled(1000, 19'000); }, {Severity::critical}},
                 {"a busy day", [] { return filled(1200, 4000); }, {}}},
};

}  // namespace pgvigil
