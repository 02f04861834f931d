#include "tests/plans/hostile/fingerprint.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>

namespace pgvigil::hostile {
namespace {

namespace fs = std::filesystem;

// Written by the server whoever is connected: write-ahead log, transaction state, statistics, caches of catalogues.
bool servers_own(const std::string& path) {
  static constexpr std::array<std::string_view, 8> own{"pg_wal/",      "pg_xact/",    "pg_subtrans/",  "pg_stat/",
                                                       "pg_stat_tmp/", "pg_logical/", "pg_multixact/", "pg_notify/"};
  return path == "base/pgsql_tmp" || path.ends_with("pg_internal.init") || path.ends_with("pg_stat_statements.stat") ||
         std::any_of(own.begin(), own.end(), [&](std::string_view o) { return path.starts_with(o); });
}

// Relations keep their names, not their sizes: a row that was rolled back leaves its dead version behind.
void files(const std::string& root, std::vector<std::string>& out) {
  std::error_code gone;
  for (fs::recursive_directory_iterator it(root, gone), end; it != end; it.increment(gone)) {
    const std::string path = it->path().string().substr(root.size() + 1);
    if (servers_own(path)) continue;
    const bool sized = it->is_regular_file(gone) && !path.starts_with("base/") && !path.starts_with("global/");
    out.push_back("file " + path + (sized ? " " + std::to_string(fs::file_size(it->path(), gone)) : ""));
  }
}

// A SELECT of our own making for each relation, once: there may be no new ones later, pg_class would tell.
constexpr const char* kCounts = R"(
select string_agg(case relkind when 'S' then
    format('select ''sequence %s '' || last_value || is_called from %s', oid::regclass, oid::regclass)
  else
    format('select ''rows of %s '' || count(*) || '' xmin '' || coalesce(sum(xmin::text::bigint), 0) from %s',
           oid::regclass, oid::regclass) end, ' union all ')
from pg_class where relkind in ('r', 'm', 'S', 't') and relpersistence <> 't')";

constexpr const char* kState = R"(
select 'advisory lock ' || l.pid || ' ' || l.objid from pg_locks l where l.locktype = 'advisory'
union all select 'lock ' || l.relation::text || ' ' || l.mode from pg_locks l join pg_stat_activity a using (pid)
  where a.usename = '{role}' and l.relation is not null
union all select 'at work: ' || a.state || ' ' || a.query from pg_stat_activity a
  where a.usename = '{role}' and (a.state <> 'idle' or a.xact_start is not null)
union all select 'prepared transaction ' || gid from pg_prepared_xacts
union all select 'slot ' || slot_name from pg_replication_slots
union all select 'notification queue ' || pg_notification_queue_usage()
union all select 'postmaster ' || pg_postmaster_start_time() || ', configuration ' || pg_conf_load_time()
union all select 'statistics ' || coalesce(datname, '') || coalesce(stats_reset::text, '') from pg_stat_database
union all select 'setting ' || name || ' ' || setting from pg_settings where name <> 'transaction_read_only'
union all select 'open large objects or cursors ' || count(*) from pg_cursors where name <> ''
union all select 'statements kept ' || (count(*) > 0)::text from public.pg_stat_statements
union all select 'bystander ' || pid from pg_stat_activity where application_name = 'bystander')";

}  // namespace

Fingerprint::Fingerprint(test::Admin& admin, std::string data_directory)
    : admin_(admin), data_directory_(std::move(data_directory)) {
  admin_.run("listen vigil_hostile; set jit = off; set max_parallel_workers_per_gather = 0");
  counts_ = admin_.run(kCounts);
}

std::vector<std::string> Fingerprint::take(const std::string& role) {
  std::vector<std::string> out;
  std::string state = kState;
  for (std::size_t at = 0; (at = state.find("{role}", at)) != std::string::npos;) state.replace(at, 6, role);
  for (const std::string& query : {counts_, state}) {
    std::istringstream lines(
        admin_.run("select string_agg(replace(t, e'\\n', ' '), e'\\n') from (" + query + ") as s(t)"));
    for (std::string line; std::getline(lines, line);) out.push_back(line);
  }
  files(data_directory_, out);
  for (const std::string& heard : admin_.notifications()) out.push_back("notification " + heard);
  std::sort(out.begin(), out.end());
  return out;
}

std::string difference(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::string out;
  std::vector<std::string> lines;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(lines));
  for (const std::string& l : lines) out += "\n    - " + l;
  lines.clear();
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(lines));
  for (const std::string& l : lines) out += "\n    + " + l;
  return out;
}

}  // namespace pgvigil::hostile
