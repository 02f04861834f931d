// Whom a statement has to wait for: open transactions with a lock or an old snapshot, and other work on the table.
#include <fmt/format.h>

#include <algorithm>

#include "checks/plans/preflight_parts.h"
#include "checks/probes/activity.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/lock_waits.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/timeouts.h"
#include "checks/probes/xmin_holders.h"
#include "checks/words.h"

namespace pgvigil::preflights {
namespace {

using Kind = Pasted::Kind;

constexpr double patience = 60;  // seconds: who has run for less is left to end
constexpr std::size_t most_sessions = 500, most_tables = 40, most_holders = 20;  // rows that the probes bring

enum class Holders : std::uint8_t { nobody, writers, anybody };

// DROP INDEX CONCURRENTLY waits for whoever uses the table, CREATE INDEX for its writers alone.
Holders holders(const Pasted& p) {
  if (p.kind == Kind::drop_index || p.kind == Kind::reindex || p.lock == LockMode::access_exclusive)
    return Holders::anybody;
  if (p.kind == Kind::create_index || p.lock >= LockMode::share) return Holders::writers;
  return Holders::nobody;
}
// An index that is built beside the writers is used only once nobody is left who could miss rows in it.
bool waits_for_snapshots(const Pasted& p) {
  return p.concurrently && (p.kind == Kind::create_index || p.kind == Kind::reindex);
}

bool has(const std::vector<std::int64_t>& pids, std::int64_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

bool idle(const Session& s) { return s.state.starts_with("idle in transaction"); }

struct Blocker {
  const Session* session;
  bool never_ends;
};

// What the lock and snapshot probes tell of the sessions.
struct Sight {
  const RelationLock* lock = nullptr;  // null: nobody holds it, where `locks`
  bool locks = false;
  std::vector<std::int64_t> snapshots = {}, bare = {};  // pids with a snapshot; with a transaction id alone
  bool snapshots_seen = false;
  std::vector<std::int64_t> passed = {};  // VACUUM, and from 14 on builds of other indexes: they are not waited for
};

Sight look(const Statement& s) {
  Sight sight;
  const auto locks = s.in->now(relation_locks);
  for (const RelationLock& l : locks)
    if (l.database == s.step->database && l.name == s.name) sight.lock = &l;
  sight.locks = s.in->seen(relation_locks) != nullptr && s.home && s.table != nullptr && s.table->table.kind != "p" &&
                (sight.lock != nullptr || locks.size() < most_tables);
  std::size_t sessions = 0;
  for (const XminHolder& h : s.in->now(xmin_holders)) {
    if (h.kind != "session") continue;
    ++sessions;
    (h.holds == "transaction id" ? sight.bare : sight.snapshots).push_back(h.pid);
  }
  sight.snapshots_seen = s.in->seen(xmin_holders) != nullptr && sessions < most_holders;
  for (const LongCommand& c : s.in->now(long_commands))
    if (c.command == "VACUUM") sight.passed.push_back(c.pid);
  if (s.server && s.server->version_num >= 140000)
    for (const IndexBuild& b : s.in->now(index_builds))
      if (b.command.ends_with("CONCURRENTLY") && !s.on_table(b.table)) sight.passed.push_back(b.pid);
  return sight;
}

// None: it could not be seen.
std::optional<bool> holds_up(const Statement& s, const Session& by, const Sight& sight) {
  std::optional<bool> lock = false, snapshot = false;
  if (holders(*s.does) != Holders::nobody) {
    const bool any = holders(*s.does) == Holders::anybody;
    if (!sight.locks)
      lock = std::nullopt;
    else if (const RelationLock* l = sight.lock; l != nullptr)
      lock = has(any ? l->resting : l->resting_writers, by.pid) || has(any ? l->pids : l->writer_pids, by.pid);
  }
  if (waits_for_snapshots(*s.does) && !has(sight.passed, by.pid)) {
    if (by.state == "active" || has(sight.snapshots, by.pid))
      snapshot = true;
    else if (!has(sight.bare, by.pid) && !sight.snapshots_seen)
      snapshot = std::nullopt;
  }
  if (lock == true || snapshot == true) return true;
  return lock && snapshot ? std::optional(false) : std::nullopt;
}

std::string told(const Session& s) {
  return fmt::format("pid {} ({}{}{}, {})", s.pid, words::one_line(s.user, 63), s.user.empty() ? "" : ", ",
                     s.state.empty() ? "state hidden" : s.state, words::duration(s.transaction_age.value_or(0)));
}

Part waits(const Statement& s, std::vector<Blocker> all, std::int64_t prepared) {
  std::sort(all.begin(), all.end(), [](const Blocker& a, const Blocker& b) {
    return a.session->transaction_age.value_or(0) > b.session->transaction_age.value_or(0);
  });
  Part part{{.what = "open transactions", .outcome = Outcome::wait, .figure = {}}};
  std::vector<std::string> names;
  for (const Blocker& b : all) names.push_back(told(*b.session));
  if (prepared > 0) names.push_back(words::counted(static_cast<double>(prepared), "prepared transaction"));
  part.item.figure = fmt::format("it waits for {}", words::list(names, 3));
  const auto forever = std::find_if(all.begin(), all.end(), [](const Blocker& b) { return b.never_ends; });
  part.never_ends = forever != all.end() || prepared > 0;
  if (!all.empty()) {
    const Session& oldest = *all.front().session;
    part.phrase = fmt::format("{} ({}{}, pid {}{})", words::counted(static_cast<double>(all.size()), "transaction"),
                              all.size() > 1 ? "oldest " : "", words::duration(oldest.transaction_age.value_or(0)),
                              oldest.pid, idle(oldest) ? ", idle" : "");
  }
  if (prepared > 0)
    part.phrase += fmt::format("{}{}", all.empty() ? "" : " and ",
                               words::counted(static_cast<double>(prepared), "prepared transaction"));
  if (forever != all.end())
    part.item.todo = fmt::format(
        "pid {} sits idle and does not end by itself: let it commit, or end it with SELECT "
        "pg_catalog.pg_terminate_backend({});",
        forever->session->pid, forever->session->pid);
  else if (prepared > 0)
    part.item.todo = "a prepared transaction does not end by itself: COMMIT PREPARED or ROLLBACK PREPARED it";
  else if (all.front().session->transaction_age.value_or(0) >= patience)
    part.item.todo = "let them end, or cancel them";
  if (s.does->lock == LockMode::access_exclusive && !s.own.contains("lock_timeout"))
    part.item.todo += std::string(part.item.todo.empty() ? "" : "; ") +
                      "while it waits, all who come later queue behind it: SET lock_timeout = '2s'; first";
  return part;
}

bool wraparound(const Statement& s, std::int64_t pid) {
  for (const Session& a : s.in->now(activity))
    if (a.pid == pid) return a.query.find("wraparound") != std::string::npos;
  return false;
}

struct Work {
  std::string what;
  std::int64_t pid;
  double age;
};

std::vector<Work> work_on(const Statement& s) {
  std::vector<Work> all;
  const auto add = [&](std::string what, std::int64_t pid, double age) {
    if (std::none_of(all.begin(), all.end(), [&](const Work& w) { return w.pid == pid; }))
      all.push_back({std::move(what), pid, age});
  };
  const LockMode wanted = s.does->lock;
  for (const IndexBuild& b : s.in->now(index_builds))
    if (b.database == s.step->database && s.on_table(b.table) &&
        conflict(wanted, b.command.ends_with("CONCURRENTLY") ? LockMode::share_update_exclusive : LockMode::share))
      add(b.command.empty() ? "an index build" : b.command, b.pid, b.age);
  for (const LongCommand& c : s.in->now(long_commands)) {
    const bool mild = c.command == "VACUUM" || c.command == "ANALYZE";
    if (!mild && c.command != "CLUSTER" && c.command != "VACUUM FULL") continue;
    if (c.database != s.step->database || !s.on_table(c.table)) continue;
    if (c.automatic && !wraparound(s, c.pid)) continue;  // it gives way after deadlock_timeout
    if (conflict(wanted, mild ? LockMode::share_update_exclusive : LockMode::access_exclusive))
      add(c.automatic ? "autovacuum (to prevent wraparound)" : c.command, c.pid, c.age);
  }
  // Who holds a lock that counts is told among the open transactions already, where these can be seen.
  const bool holders_told = s.home && holders(*s.does) != Holders::nobody;
  for (const LockWait& l : s.in->now(lock_waits))
    if (l.locktype == "relation" && !(l.granted && holders_told) && l.database == s.step->database &&
        s.on_table(l.relation) && conflict(wanted, lock_mode(l.mode)))
      add(fmt::format("a session that {} {}", l.granted ? "holds" : "waits for", to_string(lock_mode(l.mode))), l.pid,
          l.granted ? l.state_age.value_or(0) : l.waited.value_or(0));
  return all;
}

}  // namespace

std::optional<Part> transactions(const Statement& s) {
  if (s.name.empty() || holders(*s.does) == Holders::nobody) return std::nullopt;
  const auto part = [](Outcome outcome, std::string figure, std::string todo = {}) {
    return Part{
        {.what = "open transactions", .outcome = outcome, .figure = std::move(figure), .todo = std::move(todo)}};
  };
  if (s.in->seen(activity) == nullptr) return part(Outcome::unknown, "the sessions were not seen");
  const Sight sight = look(s);
  const auto sessions = s.in->now(activity);
  std::vector<Blocker> all;
  std::size_t unsure = 0, hidden = 0, harmless = 0;
  for (const Session& by : sessions) {
    if (by.database != s.step->database || by.leader_pid || by.backend_type == "autovacuum worker") continue;
    if (by.state.empty()) ++hidden;
    if (by.transaction_age.value_or(0) < old) continue;
    const auto limit = idle(by)
                           ? limit_of(s.in->now(timeouts), "idle_in_transaction_session_timeout", by.user, by.database)
                           : std::nullopt;
    const auto held = holds_up(s, by, sight);
    if (held == true)
      all.push_back({&by, idle(by) && !limit});
    else
      ++(held ? harmless : unsure);
  }
  const std::int64_t prepared = sight.locks && sight.lock != nullptr ? sight.lock->prepared : 0;
  if (!all.empty() || prepared > 0) return waits(s, std::move(all), prepared);
  if (hidden > 0)
    return part(Outcome::unknown,
                fmt::format("{} {} hidden from pgvigil", words::counted(static_cast<double>(hidden), "session"),
                            hidden == 1 ? "is" : "are"),
                "GRANT pg_monitor to its role");
  if (unsure > 0)
    return part(Outcome::unknown, fmt::format("{} {} open; whether {} {} could not be seen",
                                              words::counted(static_cast<double>(unsure), "older transaction"),
                                              unsure == 1 ? "is" : "are", unsure == 1 ? "it holds" : "they hold",
                                              words::one_line(s.name)));
  if (sessions.size() >= most_sessions) return part(Outcome::unknown, "more sessions are busy than were looked at");
  return part(Outcome::pass,
              harmless == 0
                  ? fmt::format("none in {} is older than {:.0f} s", words::one_line(s.step->database, 63), old)
                  : fmt::format("{} older than {:.0f} s {} neither a lock nor a snapshot that counts",
                                words::counted(static_cast<double>(harmless), "transaction"), old,
                                harmless == 1 ? "holds" : "hold"));
}

std::optional<Part> maintenance(const Statement& s) {
  if (s.name.empty() || s.does->lock == LockMode::none) return std::nullopt;
  Part part{{.what = "work on the table", .outcome = Outcome::wait, .figure = {}}};
  const std::vector<Work> all = work_on(s);
  std::vector<std::string> names;
  for (const Work& w : all)
    names.push_back(w.pid == 0 ? w.what : fmt::format("{} (pid {}, {})", w.what, w.pid, words::duration(w.age)));
  if (!names.empty()) {
    part.phrase = words::list(names, 2);
    part.item.figure = fmt::format("on {}: {}", words::one_line(s.name), words::list(names, 4));
    part.item.todo = "wait until it is done";
    return part;
  }
  const bool told = s.server && s.server->can_read_stats;
  const bool seen =
      s.in->seen(index_builds) != nullptr && s.in->seen(long_commands) != nullptr && s.in->seen(lock_waits) != nullptr;
  // In another database builds are known by the oid alone.
  const bool known = s.home || s.table != nullptr;
  part.item.outcome = told && seen && known ? Outcome::pass : Outcome::unknown;
  part.item.figure = part.item.outcome == Outcome::pass
                         ? fmt::format("no build, vacuum or change of {} runs or waits", words::one_line(s.name))
                     : told ? "builds, vacuums and lock queues were not all seen"
                            : "the work of other roles is hidden from pgvigil";
  if (!told) part.item.todo = "GRANT pg_monitor to its role";
  return part;
}

}  // namespace pgvigil::preflights
