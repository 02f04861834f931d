#include "checks/temp_failures.h"

#include <algorithm>
#include <map>
#include <set>

#include "checks/endings.h"
#include "checks/plans/role_settings.h"
#include "checks/probes/databases.h"
#include "checks/probes/statements.h"
#include "checks/probes/temp_files.h"

namespace pgvigil {
namespace {

constexpr double block = 8192;
constexpr double most_of = 0.5;       // of the bytes, that no completed statement wrote
constexpr double processes = 5;       // of one statement: each has the limit for itself
constexpr double of_each = 0.3;       // of the limit that an execution leaves at least, where it failed there
constexpr double one_file = 0.7;      // of the limit: the mean size of a file that alone met it
constexpr double near_timeout = 0.7;  // of statement_timeout: an execution of this age may have met that instead

// Bytes a second that completed statements wrote; none without pg_stat_statements.
std::optional<double> completed(const Input& in, const std::string& database, double seconds) {
  if (in.seen(statements) == nullptr || in.now(statements).empty()) return std::nullopt;
  double all = 0;
  for (const Statement& s : in.now(statements))
    if (s.database == database)
      all += in.rate(statements, s, &Statement::temp_blocks_written, seconds).value_or(0) * block;
  return all;
}

bool completes(const Input& in, const QueryLoad& q, double seconds) {
  for (const Statement& s : in.now(statements))
    if (s.database == q.database && s.query_id == q.query_id &&
        in.rate(statements, s, &Statement::calls, seconds).value_or(0) > 0)
      return true;
  return false;
}

bool may_time_out(const Input& in, const QueryLoad& q) {
  Session s;
  s.user = q.user, s.database = q.database;
  const auto limit = limit_of(in, s, Clock::statement);
  return limit && limit->seconds > 0 && q.oldest_seconds >= near_timeout * limit->seconds;
}

// Who works on temporary files: their waits, and the processes whose files are there.
std::map<std::string, double> writers(const Input& in, const std::string& database, double seconds) {
  std::set<std::int64_t> holders;
  for (const auto& answer : in.series(temp_files, seconds))
    for (const TempFiles& t : answer.rows) holders.insert(t.pid);
  std::map<std::string, double> seen;
  for (const auto& sample : in.series(activity, seconds))
    for (const Session& s : sample.rows) {
      if (s.database != database || !is_active(s)) continue;
      if (s.wait_event.starts_with("BufFile")) seen[s.query_id] += 5;
      if (holders.contains(s.leader_pid.value_or(s.pid))) seen[s.query_id] += 1;
    }
  return seen;
}

std::optional<QueryLoad> who(const Input& in, const Load& now, const std::string& database, double seconds,
                             bool counted) {
  const auto writing = writers(in, database, seconds);
  const QueryLoad* best = nullptr;
  double most = 0;
  for (const QueryLoad& q : now.queries) {
    const auto w = writing.find(q.query_id);
    if (q.database != database || q.executions < 3 || (!counted && w == writing.end())) continue;
    if (completes(in, q, 2 * seconds) || may_time_out(in, q)) continue;
    const double weight = q.sessions + (w == writing.end() ? 0 : w->second);
    if (weight > most) best = &q, most = weight;
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

// temp_file_limit of a role in a database. 0: none.
double limit_for(const Input& in, const std::string& user, const std::string& database) {
  std::int64_t limit = 0;
  for (const Server& s : in.now(server)) limit = with_settings_of(s, in, user, database).temp_file_limit;
  return std::max(0.0, static_cast<double>(limit));
}

}  // namespace

std::vector<TempFailures> temp_failures(const Input& in, double seconds) {
  std::vector<TempFailures> found;
  const Load now = load(in, seconds);
  for (const Database& d : in.now(databases)) {
    const double bytes = in.rate(databases, d, &Database::temp_bytes, seconds).value_or(0);
    const double files = in.rate(databases, d, &Database::temp_files, seconds).value_or(0);
    const double rollbacks = in.rate(databases, d, &Database::rollbacks, seconds).value_or(0);
    if (bytes <= 0 || files <= 0 || rollbacks <= 0) continue;
    const auto done = completed(in, d.name, seconds);
    TempFailures f;
    f.database = d.name, f.rollbacks = rollbacks, f.counted = done.has_value(), f.seconds = seconds;
    f.query = who(in, now, d.name, seconds, f.counted);
    f.limit = limit_for(in, f.query ? f.query->user : "", d.name);
    f.lost = bytes - done.value_or(0);
    if (f.limit <= 0 || f.lost < most_of * bytes) continue;
    // Each failure leaves as many bytes as the limit allows, parallel workers theirs besides, and one rollback.
    f.failures = std::min(f.lost / f.limit, rollbacks);
    if (rollbacks * processes < f.lost / f.limit) continue;
    const bool alone = bytes / files >= one_file * f.limit && bytes / files <= 1.1 * f.limit;
    if (!alone && (!f.counted || !f.query)) continue;
    // What its client cancels rolls back as well, and leaves less.
    const double asked = f.query ? static_cast<double>(f.query->executions) / std::max(1.0, now.seconds) : 0;
    if (f.lost / f.limit < of_each * asked) continue;
    found.push_back(std::move(f));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const TempFailures& a, const TempFailures& b) { return a.lost > b.lost; });
  return found;
}

}  // namespace pgvigil
