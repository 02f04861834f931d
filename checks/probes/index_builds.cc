#include "checks/probes/index_builds.h"

namespace pgvigil {
namespace {

// Names are only in the catalogue of the build's own database; an index that is not committed yet has none there.
constexpr std::string_view sql = R"(
select p.pid::bigint as pid,
       coalesce(p.datname::text, '') as database,
       coalesce(a.usename::text, '') as "user",
       coalesce(t.name, p.relid::text, '') as "table",
       coalesce(x.name, nullif(p.index_relid, 0)::text, '') as index,
       coalesce(p.command, '') as command,
       coalesce(p.phase, '') as phase,
       coalesce(p.lockers_total, 0) as lockers_total,
       coalesce(p.lockers_done, 0) as lockers_done,
       coalesce(p.current_locker_pid, 0)::bigint as current_locker_pid,
       coalesce(p.blocks_total, 0) as blocks_total,
       coalesce(p.blocks_done, 0) as blocks_done,
       coalesce(p.tuples_total, 0) as tuples_total,
       coalesce(p.tuples_done, 0) as tuples_done,
       coalesce(greatest(extract(epoch from pg_catalog.clock_timestamp() - a.query_start), 0), 0)::float8 as age
from pg_catalog.pg_stat_progress_create_index p
left join pg_catalog.pg_stat_activity a on a.pid = p.pid
left join lateral (
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = p.relid and p.datname = pg_catalog.current_database()) t on true
left join lateral (
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = p.index_relid and p.datname = pg_catalog.current_database()) x on true
order by p.pid
limit 100
)";

const std::vector<MetricLabel> labels{{"datname", "database"}, {"phase", "phase"}};

}  // namespace

const Probe<IndexBuild> index_builds{
    {.id = "index_builds",
     .title = "Index builds in progress",
     .sql = {{130000, sql}},
     .on_denied = "GRANT pg_monitor TO pgvigil;",
     .metrics = {{"pgvigil_index_builds", "Index builds in progress", MetricKind::gauge, "", labels}}},
    {{"pid", &IndexBuild::pid},
     {"database", &IndexBuild::database},
     {"user", &IndexBuild::user},
     {"table", &IndexBuild::table},
     {"index", &IndexBuild::index},
     {"command", &IndexBuild::command},
     {"phase", &IndexBuild::phase},
     {"lockers_total", &IndexBuild::lockers_total},
     {"lockers_done", &IndexBuild::lockers_done},
     {"current_locker_pid", &IndexBuild::current_locker_pid},
     {"blocks_total", &IndexBuild::blocks_total},
     {"blocks_done", &IndexBuild::blocks_done},
     {"tuples_total", &IndexBuild::tuples_total},
     {"tuples_done", &IndexBuild::tuples_done},
     {"age", &IndexBuild::age}},
    [](const IndexBuild& b) { return std::to_string(b.pid); }};

}  // namespace pgvigil
