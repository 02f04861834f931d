// DB load: average active sessions over the samples, by query and by wait. Parallel workers count with their leader.
#pragma once

#include "checks/check.h"
#include "checks/probes/activity.h"

namespace pgvigil {

// Where an active session spends its time.
enum class Spends : std::uint8_t { cpu, lock, io, client, other };
Spends spends(const Session& s);
std::string_view to_string(Spends s);
bool is_active(const Session& s);  // runs a statement for a client (state active), our own excluded

struct QueryLoad {
  std::string query_id, query, database, user, application;
  double sessions = 0;          // average active sessions
  double blocked = 0;           // of these, waiting for a lock
  double share = 0;             // of all load, 0..1
  double oldest_seconds = 0;    // longest running execution seen
  std::int64_t executions = 0;  // distinct ones seen
  bool truncated = false;
  std::vector<std::int64_t> pids;  // running it in the newest sample
};

struct Load {
  std::size_t samples = 0;
  double seconds = 0;              // from the first sample to the last
  double active = 0;               // average active sessions, clients and their parallel workers
  double clients = 0;              // the same without parallel workers
  double by[5] = {};               // indexed by Spends
  std::vector<QueryLoad> queries;  // by share, largest first
};

// Over the samples of the last `seconds`.
Load load(const Input& in, double seconds);
// The query without the time in which it waits for locks: what it does itself.
QueryLoad unblocked(QueryLoad q);

// Sessions that work on a table, whatever their text says. Of a query on several tables each counts it.
struct TableLoad {
  std::string database, name;
  double sessions = 0;             // average, over the looks at the locks
  double rows_read = 0;            // a second, by sequential scans that ended
  double held = 0;                 // seconds since it was first seen so
  std::vector<std::int64_t> pids;  // in the newest look
};
std::vector<TableLoad> load_by_table(const Input& in, double seconds);  // most sessions first, then most rows
// Average number of client statements that had been running for `age` seconds or longer. Those that wait for
// their client or sleep on purpose are left out, and so are parallel workers: this is who waits for an answer.
// A busy server of short statements has none; that tells throughput from harm.
double long_running(const Input& in, double seconds, double age);
// "SELECT ... (app in shop): 88 % of the load"
std::string in_words(const QueryLoad& q);
// Is this much of the load something the machine, or those who wait, can feel? Either it takes a good part of the
// cores, or it is most of all load and comes again and again. One person's long query is neither, however parallel.
struct Heavy {
  double per_core = 0.5;  // sessions for each vCPU
  double share = 0.5;     // of all load
  double repeated = 5;    // executions
};
bool heavy(const Input& in, const Heavy& from, double sessions, double share, double executions);
// vCPUs of the server: from the configuration, else from the host's or cgroup's CPU answer when local.
std::optional<double> vcpus(const Input& in);

}  // namespace pgvigil
