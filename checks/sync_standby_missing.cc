#include <fmt/format.h>

#include <algorithm>

#include "checks/blocking.h"
#include "checks/check.h"
#include "checks/load.h"
#include "checks/probes/standbys.h"
#include "checks/probes/wal.h"
#include "checks/server_setting.h"
#include "checks/sync_names.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Seconds> waiting{
    "waiting", 5, "a commit that waits so long for a connected standby is waiting for one that does not answer"};
constexpr double window = 30;  // seconds over which the load is averaged

bool waits(const Session& s) { return s.wait_event == "SyncRep"; }

struct Sync {
  SyncNames wanted;
  std::vector<std::string> connected, missing;  // entries of the list
  std::vector<const Standby*> standing;         // standbys of the list that stream
  bool catching_up = false;                     // one of the list is back, and not yet where the others are
};

std::optional<Sync> sync(const Input& in) {
  for (const Wal& w : in.now(wal)) {
    if (w.synchronous_standby_names.empty()) return std::nullopt;
    Sync s{parse_sync_names(w.synchronous_standby_names), {}, {}, {}, false};
    for (const std::string& entry : s.wanted.names) {
      bool here = false;
      for (const Standby& b : in.now(standbys))
        if (is_sync_name(entry, b.application) && b.state != "streaming")
          s.catching_up = s.catching_up || b.state == "catchup";
        else if (is_sync_name(entry, b.application)) {
          here = true;
          if (std::find(s.standing.begin(), s.standing.end(), &b) == s.standing.end()) s.standing.push_back(&b);
        }
      (here ? s.connected : s.missing).push_back(entry);
    }
    return s;
  }
  return std::nullopt;
}

bool short_of(const Sync& s) { return static_cast<int>(s.standing.size()) < s.wanted.needed; }

std::string names(const std::vector<std::string>& entries) {
  std::vector<std::string> all;
  for (const std::string& e : entries) all.push_back(e == "*" ? "any standby" : words::one_line(e, 63));
  return words::list(all, 3);
}

// They have it all on disk: whoever still waits for them waits until they have applied it.
bool only_apply_is_missing(const Sync& s) {
  return !s.standing.empty() && std::all_of(s.standing.begin(), s.standing.end(), [](const Standby* b) {
    return b->unflushed && b->unreplayed && *b->unreplayed > 0 && 10 * *b->unflushed <= *b->unreplayed;
  });
}

// Sessions in the queue: those that wait to be confirmed, and those that wait for their locks.
double queue(const Input& in) {
  const auto samples = in.series(activity, window);
  double n = 0;
  for (const auto& sample : samples)
    for (const Session& s : sample.rows)
      if (is_active(s) && waits(s)) n += 1.0 / static_cast<double>(samples.size());
  for (const BlockingTree& t : blocking_trees(in))
    if (t.root != nullptr && waits(*t.root)) n += t.load;
  return n;
}

std::vector<Remedy> remedies(const Input& in, const Sync& s, const std::vector<std::string>& lost) {
  Remedy cure{Remedy::Kind::cure,
              fmt::format("bring {} back: start it, or mend the way between; its commits go on at "
                          "once, and whoever waits with them",
                          names(lost)),
              {}};
  SyncNames rest = s.wanted;
  rest.names.clear();
  if (short_of(s)) {
    rest.names = s.connected;
    rest.needed = static_cast<int>(s.standing.size());
  }
  Step step = set_server_setting("synchronous_standby_names", print_sync_names(rest),
                                 in.now(wal).front().synchronous_standby_names);
  step.title = rest.names.empty() ? "let commits go on without a synchronous standby"
                                  : "let commits wait only for " + names(rest.names);
  step.relief = "all commits that wait go on";
  step.duration = "at once, up to a few seconds";
  step.caution =
      "what is committed from then on is lost if this server is lost before the standby is back; take it back "
      "as soon as the standby streams again";
  step.load_relieved = queue(in);
  return {{Remedy::Kind::first_aid, "stop waiting for the standby that is missing", {std::move(step)}},
          std::move(cure)};
}

std::vector<Finding> evaluate(const Input& in) {
  const auto s = sync(in);
  if (!s || s->wanted.names.empty()) return {};
  const Session* longest = nullptr;
  std::vector<const Session*> stuck;
  for (const Session& row : in.now(activity))
    if (waits(row)) {
      stuck.push_back(&row);
      if (longest == nullptr || row.query_age.value_or(0) > longest->query_age.value_or(0)) longest = &row;
    }
  const double waited = longest == nullptr ? 0 : longest->query_age.value_or(0);
  const bool missing = short_of(*s);
  // Commits wait for a moment whenever they wait for a standby that is there.
  if (!missing && waited < in[waiting]) return {};
  const Wal& w = in.now(wal).front();
  const bool asynchronous = w.synchronous_commit == "off" || w.synchronous_commit == "local";
  if (stuck.empty() && asynchronous) return {};

  std::vector<std::string> lost = s->missing;
  if (lost.empty()) lost.push_back("*");  // two of any are wanted, and one is there
  if (!missing) {
    lost.clear();
    for (const Standby* b : s->standing) lost.push_back(b->application);
  }
  const bool unapplied = !missing && only_apply_is_missing(*s);
  Finding f;
  f.severity = stuck.empty() ? Severity::warning : Severity::critical;
  f.act_by = stuck.empty() ? ActBy::today : ActBy::now;
  f.object = {"server", lost.front() == "*" ? in.context().target : words::one_line(lost.front(), 63)};
  const std::string why =
      missing && lost.front() == "*" ? fmt::format("{} of the {} synchronous standbys that are needed stream",
                                                   s->standing.size(), s->wanted.needed)
      : missing && s->catching_up    ? fmt::format("synchronous standby {} is back and still catches up", names(lost))
      : missing   ? fmt::format("synchronous {} {} not connected", lost.size() > 1 ? "standbys" : "standby",
                                names(lost) + (lost.size() > 1 ? " are" : " is"))
      : unapplied ? fmt::format("synchronous standby {} has it all but does not apply it, as remote_apply asks for",
                                names(lost))
                  : fmt::format("synchronous standby {} is connected but does not confirm", names(lost));
  f.sentence = stuck.empty() ? fmt::format("{}: the next commit waits for ever", why)
                             : fmt::format("{} for {}: {}",
                                           words::counted(static_cast<double>(stuck.size()), "commit") +
                                               (stuck.size() == 1 ? " waits" : " wait"),
                                           names(lost), why);
  f.evidence = {{"synchronous_standby_names", words::one_line(w.synchronous_standby_names)},
                {"standbys that stream", fmt::format("{} of {} needed", s->standing.size(), s->wanted.needed)}};
  for (const Standby& b : in.now(standbys))
    f.evidence.push_back(
        {"connected",
         fmt::format("{} from {}, {}, {}{}{}", words::one_line(b.application, 63), b.client, b.state, b.sync_state,
                     b.unflushed ? ", " + words::bytes(static_cast<double>(*b.unflushed)) + " behind" : "",
                     b.reply_age ? ", answered " + words::duration(*b.reply_age) + " ago" : "")});
  if (unapplied)
    f.evidence.push_back({"look next, on the standby",
                          "SELECT pg_is_wal_replay_paused(); paused: SELECT pg_wal_replay_resume(); else "
                          "recovery_min_apply_delay, or a query there that replay waits for"});
  if (longest != nullptr)
    f.evidence.push_back(
        {"longest wait", fmt::format("{}: {}", words::duration(waited), words::one_line(longest->query))});
  for (const Session* session : stuck) f.sessions.push_back(session->pid);
  for (const BlockingTree& t : blocking_trees(in))
    if (t.root != nullptr && waits(*t.root)) {
      for (const Waiter& blocked : t.waiters) f.sessions.push_back(blocked.session->pid);
      f.evidence.push_back({"behind their locks", words::counted(static_cast<double>(t.waiters.size()), "session")});
    }
  f.remedies = remedies(in, *s, lost);
  f.fix = unapplied ? "let " + names(lost) + " apply again" : "bring " + names(lost) + " back";
  f.load = queue(in);
  f.confidence = missing ? Confidence::high : Confidence::medium;
  f.basis = missing ? "the server's own list of receivers, and what its sessions wait for"
                    : "what the sessions wait for; why the standby is silent cannot be seen from here";
  if (longest != nullptr) f.since = after(in.at(), -waited);
  return {std::move(f)};
}

std::string fine(const Input& in) {
  const auto s = sync(in);
  if (!s) return "no synchronous standby is asked for";
  return fmt::format("{} of {} synchronous {} needed confirm", s->standing.size(), s->wanted.needed,
                     s->wanted.needed == 1 ? "standby" : "standbys");
}

// Names asked for, standbys that stream, commits that wait for `age` seconds.
Scenario cluster(const char* setting, std::vector<const char*> streaming, int stuck, double age,
                 const char* commit = "on") {
  Wal w;
  w.synchronous_standby_names = setting;
  w.synchronous_commit = commit;
  std::vector<Standby> all;
  for (const char* name : streaming) {
    Standby b;
    b.pid = 50 + static_cast<std::int64_t>(all.size());
    b.application = name;
    b.client = "10.0.0.9";
    b.state = "streaming";
    b.sync_state = "sync";
    all.push_back(b);
  }
  std::vector<Session> sessions;
  for (int i = 0; i < stuck; ++i) {
    Session s;
    s.pid = 100 + i;
    s.user = "app";
    s.backend_type = "client backend";
    s.state = "active";
    s.wait_event_type = "IPC";
    s.wait_event = "SyncRep";
    s.query = "COMMIT";
    s.query_age = age;
    sessions.push_back(s);
  }
  Scenario out;
  return out.saw(1, wal, {w}).saw(1, standbys, all).saw(1, activity, sessions).saw(0, activity, sessions);
}

}  // namespace

extern const Check sync_standby_missing;
const Check sync_standby_missing{
    .id = "sync_standby_missing",
    .title = "Commits wait for a standby that is missing",
    .why =
        "No commit is answered until the standby is back; every session that writes stands still, and its locks stay.",
    .role = Role::cause,
    .explains = {"connections_rising", "connections_saturated", "queries_timing_out", "load_above_cores", "lock_queue",
                 "hot_row", "ddl_waiting", "long_transaction", "pool_pinned", "work_without_results",
                 "migration_stalled", "replica_disconnected"},
    .reads = {wal, standbys, activity},
    .settings = {waiting},
    .evaluate = evaluate,
    .fine = fine,
    .examples =
        {{"the only synchronous standby is gone", [] { return cluster("standby1", {}, 8, 12); }, {Severity::critical}},
         {"two must confirm, one is there",
          [] { return cluster("FIRST 2 (a, \"b\")", {"A"}, 2, 1); },
          {Severity::critical}},
         {"two of any must confirm, one is there", [] { return cluster("2 (*)", {"a"}, 2, 1); }, {Severity::critical}},
         {"it is gone, and nobody has written since", [] { return cluster("*", {}, 0, 0); }, {Severity::warning}},
         {"it is connected and silent", [] { return cluster("standby1", {"standby1"}, 8, 20); }, {Severity::critical}},
         {"a busy healthy pair", [] { return cluster("standby1", {"standby1"}, 8, 0.01); }, {}},
         {"a quorum with one to spare", [] { return cluster("ANY 1 (a, b)", {"b"}, 3, 0.01); }, {}},
         {"missing, but nobody asks for it", [] { return cluster("standby1", {}, 0, 0, "local"); }, {}},
         {"no synchronous standby is asked for", [] { return cluster("", {}, 0, 0); }, {}}},
};

}  // namespace pgvigil
