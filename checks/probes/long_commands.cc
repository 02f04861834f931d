#include "checks/probes/long_commands.h"

namespace pgvigil {
namespace {

constexpr std::string_view select = R"(
select p.pid::bigint as pid,
       coalesce(p.datname::text, '') as database,
       coalesce(a.usename::text, '') as "user",
       coalesce(p.command, '') as command,
       coalesce(t.name, nullif(p.relid, 0)::text, '') as "table",
       coalesce(p.phase, '') as phase,
       coalesce(a.backend_type = 'autovacuum worker', false) as automatic,
       coalesce(p.done, 0) as done,
       coalesce(p.total, 0) as total,
       coalesce(greatest(extract(epoch from pg_catalog.clock_timestamp() - a.query_start), 0), 0)::float8 as age
from (
  select pid, datname, relid, 'VACUUM' as command, phase,
         case phase when 'scanning heap' then heap_blks_scanned
                    when 'vacuuming heap' then heap_blks_vacuumed end as done,
         case when phase in ('scanning heap', 'vacuuming heap') then heap_blks_total end as total
  from pg_catalog.pg_stat_progress_vacuum
  union all
  select pid, datname, relid, 'ANALYZE', phase, sample_blks_scanned, sample_blks_total
  from pg_catalog.pg_stat_progress_analyze
  union all
  select pid, datname, relid, command, phase, heap_blks_scanned, heap_blks_total
  from pg_catalog.pg_stat_progress_cluster
  union all
  select pid, null, null, 'BASE_BACKUP', phase, backup_streamed, backup_total
  from pg_catalog.pg_stat_progress_basebackup
)";
constexpr std::string_view copies = R"(
  union all
  select pid, datname, relid, command, '', bytes_processed, bytes_total
  from pg_catalog.pg_stat_progress_copy
)";
constexpr std::string_view with_names = R"(
) p
left join pg_catalog.pg_stat_activity a on a.pid = p.pid
left join lateral (
  select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.oid = p.relid and p.datname = pg_catalog.current_database()) t on true
order by p.pid
limit 100
)";

const std::string sql_13 = std::string(select).append(with_names);
const std::string sql_14 = std::string(select).append(copies).append(with_names);

}  // namespace

const Probe<LongCommand> long_commands{{.id = "long_commands",
                                        .title = "Vacuums, copies and backups in progress",
                                        .sql = {{130000, sql_13}, {140000, sql_14}},
                                        .on_denied = "GRANT pg_monitor TO pgvigil;",
                                        .metrics = {{"pgvigil_commands_in_progress",
                                                     "Vacuums, ANALYZE, CLUSTER, COPY and base backups in progress",
                                                     MetricKind::gauge,
                                                     "",
                                                     {{"datname", "database"}, {"command", "command"}}}}},
                                       {{"pid", &LongCommand::pid},
                                        {"database", &LongCommand::database},
                                        {"user", &LongCommand::user},
                                        {"command", &LongCommand::command},
                                        {"table", &LongCommand::table},
                                        {"phase", &LongCommand::phase},
                                        {"automatic", &LongCommand::automatic},
                                        {"done", &LongCommand::done},
                                        {"total", &LongCommand::total},
                                        {"age", &LongCommand::age}},
                                       [](const LongCommand& c) { return std::to_string(c.pid); }};

}  // namespace pgvigil
