#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checks/check.h"
#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/databases.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/statements.h"
#include "checks/probes/temp_files.h"
#include "checks/probes/timeouts.h"
#include "checks/temp_failures.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr Setting<Ratio> warn{"warn", 0.7, "share of temp_file_limit that one process holds from which it warns", 0.9};
constexpr Setting<Ratio> crit{"crit", 0.9, "share of temp_file_limit that one process holds from which it is critical"};

constexpr Setting<Count> failed{"failed", 3, "statements that failed at the limit from which it is told"};
constexpr Setting<Seconds> window{"window", 30, "they are counted over this time"};

std::map<std::int64_t, double> by_process(const Input& in) {
  std::map<std::int64_t, double> out;
  for (const TempFiles& t : in.now(temp_files)) out[t.pid] += static_cast<double>(t.bytes);
  return out;
}

const Session* session_of(const Input& in, std::int64_t pid) {
  const auto all = in.now(activity);
  const auto it = std::find_if(all.begin(), all.end(), [&](const Session& s) { return s.pid == pid; });
  return it == all.end() ? nullptr : &*it;
}

const IndexBuild* build_of(const Input& in, std::int64_t pid) {
  for (const IndexBuild& b : in.now(index_builds))
    if (b.pid == pid) return &b;
  return nullptr;
}

// The limit of a statement that runs cannot be moved; what follows is for the next attempt.
Remedy room(const Session* s, bool building, double limit) {
  const double memory = std::max(256.0 * 1048576, 4 * limit);
  Remedy r{Remedy::Kind::cure, "", {}};
  if (building) {
    r.summary = "let it fail or cancel it, drop the invalid index it leaves, and build again with more memory";
    Step more{.title = "sort in memory: in the session that builds, before CREATE INDEX",
              .database = s != nullptr ? s->database : "",
              .run_as = s != nullptr ? s->user : "",
              .sql = fmt::format("SET maintenance_work_mem = '{:.0f}MB';", memory / 1048576)};
    more.caution = "must fit the host's free memory; what fits in memory writes no temporary file";
    r.steps.push_back(std::move(more));
  } else {
    r.summary = "let the statement sort or hash less, or give its role more room";
  }
  if (s != nullptr && !s->user.empty()) {
    Step raise{.title = "raise the limit for its role",
               .database = s->database,
               .run_as = "superuser",
               .sql = fmt::format("ALTER ROLE {} SET temp_file_limit = '{:.0f}MB';", sql::quote_identifier(s->user),
                                  4 * limit / 1048576)};
    raise.caution = "for new sessions; the limit is per process, so several at once need several times as much disk";
    raise.undo = fmt::format("ALTER ROLE {} RESET temp_file_limit;", sql::quote_identifier(s->user));
    raise.straight_path = !building;
    r.steps.push_back(std::move(raise));
  }
  return r;
}

// The statement is not slow, it is lost: what it wrote until it met the limit is thrown away, and it is asked again.
Finding failing(const TempFailures& t) {
  Finding f;
  f.role = Role::cause;
  f.severity = t.query ? Severity::critical : Severity::warning;
  f.act_by = t.query ? ActBy::now : ActBy::today;
  f.object = {"database", sql::quote_identifier(t.database), t.database};
  const std::string how_often = words::rate(t.failures, "");
  f.sentence = t.query ? fmt::format("the statement {} fails at temp_file_limit {}, about {} ({} in {})",
                                     words::one_line(t.query->query, 100), words::bytes(t.limit), how_often,
                                     words::one_line(t.query->user, 63), words::one_line(t.database, 63))
                       : fmt::format("statements in {} fail at temp_file_limit {}, about {}",
                                     words::one_line(t.database, 63), words::bytes(t.limit), how_often);
  f.evidence = {{"temporary files of statements that did not complete", words::bytes_rate(t.lost)},
                {"transactions rolled back", words::rate(t.rollbacks, "")},
                {"temp_file_limit, per process", words::bytes(t.limit)}};
  f.confidence = t.query && t.counted ? Confidence::high : Confidence::medium;
  f.basis = t.counted ? "temporary bytes that no completed statement accounts for, as many for each rollback as the "
                        "limit allows"
                      : "the size of the temporary files agrees with the limit, and as many transactions roll back";
  if (!t.query) return f;
  const QueryLoad& q = *t.query;
  f.evidence.push_back({"statement", words::one_line(q.query, 300)});
  f.evidence.push_back({"seen", fmt::format("{}, none completed, none older than {}",
                                            words::counted(static_cast<double>(q.executions), "execution"),
                                            words::duration(q.oldest_seconds))});
  f.load = q.sessions;
  f.queries = {q.query_id};
  Session s;
  s.user = q.user, s.database = q.database;
  f.remedies.push_back(room(&s, false, t.limit));
  f.fix = "fewer rows or columns to sort or hash, an index in that order, or more room for role " + q.user;
  return f;
}

std::vector<Finding> evaluate(const Input& in) {
  std::vector<Finding> found;
  for (const TempFailures& t : temp_failures(in, in[window]))
    if (t.failures * t.seconds >= in[failed]) found.push_back(failing(t));
  const auto servers = in.now(server);
  if (servers.empty() || servers.front().temp_file_limit <= 0) return found;
  const double limit = static_cast<double>(servers.front().temp_file_limit);
  for (const auto& [pid, held] : by_process(in)) {
    if (pid == 0 || held < in[warn] * limit) continue;  // 0: files whose name tells no process
    const Session* own = session_of(in, pid);
    // A parallel worker has its own limit and its leader's statement.
    const std::int64_t lead = own != nullptr && own->leader_pid ? *own->leader_pid : pid;
    const Session* s = lead == pid ? own : session_of(in, lead);
    const IndexBuild* b = build_of(in, lead);
    Finding f;
    f.role = Role::cause;
    f.severity = held >= in[crit] * limit ? Severity::critical : Severity::warning;
    f.act_by = f.severity == Severity::critical ? ActBy::now : ActBy::today;
    f.object = {"session", std::to_string(lead), s != nullptr ? s->database : ""};
    f.sentence = fmt::format(
        "process {} holds {} of temporary files, {} of temp_file_limit {}: {}", pid, words::bytes(held),
        words::share(held / limit), words::bytes(limit),
        b != nullptr ? fmt::format("the build of an index on {} is about to fail", words::one_line(b->table))
                     : "its statement is about to fail");
    f.evidence = {{"temporary files", words::bytes(held)},
                  {"temp_file_limit, per process", words::bytes(limit)},
                  {"source", "pg_ls_tmpdir: a lower bound, parallel work keeps more in directories of its own"}};
    if (s != nullptr) {
      f.evidence.push_back({"statement", words::one_line(s->query)});
      f.evidence.push_back(
          {"by", fmt::format("{} in {}", words::one_line(s->user, 63), words::one_line(s->database, 63))});
      if (!s->query_id.empty()) f.queries.push_back(s->query_id);
    }
    if (b != nullptr) f.tables.push_back(b->table);
    f.sessions.push_back(lead);
    f.remedies.push_back(room(s, b != nullptr, limit));
    f.confidence = Confidence::high;
    f.basis = "file sizes against the server's limit; a statement that grows no further may still pass";
    found.push_back(std::move(f));
  }
  return found;
}

std::string fine(const Input& in) {
  for (const Server& s : in.now(server)) {
    if (s.temp_file_limit < 0) return "no temp_file_limit is set";
    double most = 0;
    for (const auto& [pid, held] : by_process(in)) most = std::max(most, held);
    return fmt::format("largest {} of {} per process", words::bytes(most),
                       words::bytes(static_cast<double>(s.temp_file_limit)));
  }
  return {};
}

Scenario holding(std::int64_t limit, std::int64_t bytes, bool building = false) {
  Server v;
  v.temp_file_limit = limit;
  TempFiles t;
  t.pid = 812;
  t.files = 2;
  t.bytes = bytes;
  Session s;
  s.pid = 812;
  s.user = "owner";
  s.database = "shop";
  s.state = "active";
  s.query = "CREATE INDEX CONCURRENTLY ON docs (dump_id, path)";
  std::vector<IndexBuild> builds;
  if (building) {
    IndexBuild b;
    b.pid = 812;
    b.table = "public.docs";
    builds.push_back(b);
  }
  return Scenario().saw(0, server, {v}).saw(0, temp_files, {t}).saw(0, activity, {s}).saw(0, index_builds, builds);
}

// Reports that write 64 MB each and fail, `each` a second; of their bytes so many are those of statements that
// complete.
Scenario fails(double each, double completed = 0, std::int64_t limit = 64_MiB) {
  Scenario out;
  Server v;
  v.temp_file_limit = limit;
  for (const int ago : {20, 10, 0}) {
    const double n = each * (20 - ago);
    Database d;
    d.name = "shop", d.rollbacks = static_cast<std::int64_t>(n), d.temp_files = static_cast<std::int64_t>(2 * n);
    d.temp_bytes = static_cast<std::int64_t>(n * 64 * 1048576);
    Statement s{.query_id = "8", .database = "shop", .user = "app", .calls = 100 - ago};
    s.temp_blocks_written = static_cast<std::int64_t>(completed * n * 8192);
    out.saw(ago, databases, {d}).saw(ago, statements, {s}).saw(ago, server, {v});
  }
  for (int ago = 20; ago >= 0; --ago) {
    Session s;
    s.pid = 812, s.user = "reports", s.database = "shop", s.state = "active", s.backend_type = "client backend";
    s.query_id = "99", s.query = "SELECT * FROM orders ORDER BY note", s.query_age = 0.1, s.query_start = 1.7e9 - ago;
    out.saw(ago, activity, {s});
  }
  return out.saw(0, temp_files, std::vector<TempFiles>{});
}

}  // namespace

extern const Check temp_limit_near;
const Check temp_limit_near{
    .id = "temp_limit_near",
    .title = "A statement nears temp_file_limit",
    .why = "At the limit it fails with 53400 after all its work; an index build leaves an invalid index behind.",
    .role = Role::cause,
    .explains = {"temp_spill", "disk_filling"},
    .reads = {server, temp_files},
    .may_read = {activity, index_builds, databases, statements, server_settings, timeouts},
    .settings = {warn, crit, failed, window},
    .evaluate = evaluate,
    .fine = fine,
    .examples = {{"an index build at 94 %", [] { return holding(64_MiB, 60_MiB, true); }, {Severity::critical}},
                 {"a report at 75 %", [] { return holding(64_MiB, 48_MiB); }, {Severity::warning}},
                 {"reports that fail within a moment", [] { return fails(2); }, {Severity::critical}},
                 {"reports that complete beside transactions that roll back", [] { return fails(2, 0.9); }, {}},
                 {"reports that their clients cancel, far below the limit", [] { return fails(2, 0, 10_GiB); }, {}},
                 {"files without a limit, and rollbacks", [] { return fails(2, 0, -1); }, {}},
                 {"a third of the limit", [] { return holding(64_MiB, 20_MiB); }, {}},
                 {"no limit is set", [] { return holding(-1, 100_GiB); }, {}}},
};

}  // namespace pgvigil
