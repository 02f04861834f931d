#include "checks/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "checks/probes/cpu.h"
#include "checks/probes/relation_locks.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

// One line of the answer to "which query": the same query of another user or database has another plan.
using QueryKey = std::tuple<std::string, std::string, std::string>;

QueryKey key_of(const Session& s) { return {s.query_id.empty() ? s.query : s.query_id, s.database, s.user}; }

struct Tally {
  QueryLoad line;
  double seen = 0, blocked = 0;                          // sessions, summed over the samples
  std::set<std::pair<std::int64_t, double>> executions;  // pid and start of the statement
};

// A worker reports the leader's query, but not on every version its id: it goes where its leader goes.
const Session& leader_of(const Session& s, const std::unordered_map<std::int64_t, const Session*>& by_pid) {
  if (!s.leader_pid) return s;
  const auto it = by_pid.find(*s.leader_pid);
  return it == by_pid.end() ? s : *it->second;
}

}  // namespace

Spends spends(const Session& s) {
  if (s.wait_event_type.empty()) return Spends::cpu;
  if (s.wait_event_type == "Lock" || s.wait_event_type == "BufferPin") return Spends::lock;
  if (s.wait_event_type == "Client") return Spends::client;
  if (s.wait_event_type == "IO") return Spends::io;
  // Queues for somebody else's read, write or flush: LWLock:BufferIO (13), IPC:BufferIO (14+), LWLock:WALWrite.
  if (s.wait_event == "BufferIO" || s.wait_event == "BufferIo" || s.wait_event == "WALWrite") return Spends::io;
  return Spends::other;
}

std::string_view to_string(Spends s) {
  static constexpr std::string_view names[] = {"cpu", "lock", "io", "client", "other"};
  return names[static_cast<std::size_t>(s)];
}

bool is_active(const Session& s) {
  return (s.state == "active" || s.state == "fastpath function call") &&
         (s.backend_type == "client backend" || s.backend_type == "parallel worker") && !is_ours(s);
}

Load load(const Input& in, double seconds) {
  Load out;
  const auto samples = in.series(activity, seconds);
  out.samples = samples.size();
  if (samples.empty()) return out;
  out.seconds = seconds_between(samples.front().at, samples.back().at);

  std::map<QueryKey, Tally> tallies;
  const double each = 1.0 / static_cast<double>(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::unordered_map<std::int64_t, const Session*> by_pid;
    for (const Session& s : samples[i].rows) by_pid.emplace(s.pid, &s);
    for (const Session& s : samples[i].rows) {
      const Session& leader = leader_of(s, by_pid);
      if (!is_active(s) || (&leader != &s && is_ours(leader))) continue;
      const bool worker = s.leader_pid.has_value() && *s.leader_pid != s.pid;
      out.active += each;
      if (!worker) out.clients += each;
      out.by[static_cast<std::size_t>(spends(s))] += each;

      Tally& t = tallies[key_of(leader)];
      if (t.line.query.empty()) {
        t.line.query_id = leader.query_id;
        t.line.query = leader.query;
        t.line.database = leader.database;
        t.line.user = leader.user;
        t.line.application = leader.application;
      }
      t.seen += 1;
      t.blocked += spends(s) == Spends::lock ? 1 : 0;
      t.line.truncated |= leader.truncated;
      t.line.oldest_seconds = std::max(t.line.oldest_seconds, leader.query_age.value_or(0));
      t.executions.emplace(leader.pid, leader.query_start);
      if (!worker && i + 1 == samples.size()) t.line.pids.push_back(s.pid);
    }
  }
  for (auto& [key, t] : tallies) {
    t.line.sessions = t.seen * each;
    t.line.blocked = t.blocked * each;
    t.line.share = out.active > 0 ? t.line.sessions / out.active : 0;
    t.line.executions = static_cast<std::int64_t>(t.executions.size());
    out.queries.push_back(std::move(t.line));
  }
  std::stable_sort(out.queries.begin(), out.queries.end(),
                   [](const QueryLoad& a, const QueryLoad& b) { return a.share > b.share; });
  return out;
}

QueryLoad unblocked(QueryLoad q) {
  if (q.sessions <= 0) return q;
  const double works = std::max(0.0, q.sessions - q.blocked);
  q.share *= works / q.sessions;
  q.sessions = works;
  q.blocked = 0;
  return q;
}

std::vector<TableLoad> load_by_table(const Input& in, double seconds) {
  const auto looks = in.series(relation_locks, seconds);
  std::map<std::string, TableLoad> tables;
  for (const auto& look : looks)
    for (const RelationLock& l : look.rows) {
      if (l.sessions == 0) continue;  // held by those who do no work: no load
      TableLoad& t = tables[relation_locks.key(l)];
      t.database = l.database;
      t.name = l.name;
      if (t.sessions == 0) t.held = seconds_between(look.at, in.at());
      t.sessions += static_cast<double>(l.sessions) / static_cast<double>(looks.size());
      if (&look == &looks.back()) t.pids = l.pids;
      if (&look == &looks.back()) t.rows_read = in.rate(relation_locks, l, &RelationLock::seq_rows_read).value_or(0);
    }
  std::vector<TableLoad> all;
  for (auto& [key, t] : tables) all.push_back(std::move(t));
  std::stable_sort(all.begin(), all.end(), [](const TableLoad& a, const TableLoad& b) {
    return std::tuple(a.sessions, a.rows_read) > std::tuple(b.sessions, b.rows_read);
  });
  return all;
}

double long_running(const Input& in, double seconds, double age) {
  const auto samples = in.series(activity, seconds);
  double seen = 0;
  for (const auto& sample : samples)
    for (const Session& s : sample.rows)
      if (is_active(s) && !s.leader_pid && s.query_age.value_or(0) >= age && spends(s) != Spends::client &&
          s.wait_event_type != "Timeout" && s.wait_event_type != "Activity")
        seen += 1;
  return samples.empty() ? 0 : seen / static_cast<double>(samples.size());
}

std::string in_words(const QueryLoad& q) {
  return fmt::format("{} ({} in {}): {} of the load", words::one_line(q.query.empty() ? q.query_id : q.query),
                     words::one_line(q.user, 63), words::one_line(q.database, 63), words::share(q.share));
}

bool heavy(const Input& in, const Heavy& from, double sessions, double share, double executions) {
  constexpr double a_few = 3;
  const auto cores = vcpus(in);
  if (cores && sessions >= from.per_core * *cores && executions >= std::min(a_few, from.repeated)) return true;
  return share >= from.share && executions >= from.repeated;
}

std::optional<double> vcpus(const Input& in) {
  if (in.context().vcpus) return in.context().vcpus;
  if (!in.context().local) return std::nullopt;
  std::optional<double> least;  // a cgroup's quota is below the host's cores, or it says nothing
  for (const Cpu& c : in.now(cpu))
    if (c.cores > 0) least = std::min(least.value_or(c.cores), c.cores);
  return least;
}

}  // namespace pgvigil
