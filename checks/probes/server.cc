#include "checks/probes/server.h"

#include "checks/probes/server_settings.h"

namespace pgvigil {
namespace {

// reset_val, not setting: our own transaction sets limits of its own. pg_settings leaves out what we may not read,
// where SHOW would raise.
constexpr std::string_view sql = R"(
with all_settings as materialized (
  select name, reset_val, boot_val, source, pending_restart from pg_catalog.pg_settings),
s as (
  select name, reset_val, boot_val from all_settings
  where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections', 'temp_file_limit',
                 'work_mem', 'maintenance_work_mem', 'shared_buffers', 'max_parallel_workers_per_gather',
                 'max_parallel_maintenance_workers', 'track_activity_query_size', 'jit', 'compute_query_id',
                 'data_directory', 'shared_preload_libraries')
     or name like 'enable\_%'),
v as (
  select pg_catalog.max(reset_val) filter (where name = 'max_connections') as max_connections,
         pg_catalog.max(reset_val) filter (where name = 'superuser_reserved_connections') as superuser_reserved,
         pg_catalog.max(reset_val) filter (where name = 'reserved_connections') as reserved,
         pg_catalog.max(reset_val) filter (where name = 'temp_file_limit') as temp_file_limit,
         pg_catalog.max(reset_val) filter (where name = 'work_mem') as work_mem,
         pg_catalog.max(reset_val) filter (where name = 'maintenance_work_mem') as maintenance_work_mem,
         pg_catalog.max(reset_val) filter (where name = 'shared_buffers') as shared_buffers,
         pg_catalog.max(reset_val) filter (where name = 'max_parallel_workers_per_gather') as per_gather,
         pg_catalog.max(reset_val) filter (where name = 'max_parallel_maintenance_workers') as maintenance_workers,
         pg_catalog.max(reset_val) filter (where name = 'track_activity_query_size') as query_size,
         pg_catalog.max(reset_val) filter (where name = 'jit') as jit,
         pg_catalog.max(reset_val) filter (where name = 'compute_query_id') as compute_query_id,
         pg_catalog.max(reset_val) filter (where name = 'data_directory') as data_directory,
         pg_catalog.max(reset_val) filter (where name = 'shared_preload_libraries') as preload,
         pg_catalog.string_agg(name, ',' order by name)
           filter (where name like 'enable\_%' and boot_val = 'on' and reset_val = 'off') as disabled
  from s),
r as (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
select pg_catalog.current_setting('server_version_num')::bigint as version_num,
       pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1) as version,
       pg_catalog.pg_is_in_recovery() as in_recovery,
       extract(epoch from pg_catalog.pg_postmaster_start_time())::float8 as start_time,
       extract(epoch from pg_catalog.clock_timestamp())::float8 as now,
       (select system_identifier::text from pg_catalog.pg_control_system()) as system_identifier,
       pg_catalog.current_database()::text as database,
       current_user::text as role,
       r.rolsuper as superuser,
       pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as can_read_stats,
       pg_catalog.pg_has_role('pg_read_all_settings', 'usage') as can_read_settings,
       pg_catalog.has_function_privilege('pg_catalog.pg_ls_tmpdir()', 'execute') as can_list_temp,
       {can_read_data} as can_read_data,
       exists (select from pg_catalog.pg_extension where extname = 'pg_stat_statements') as has_statements,
       coalesce(v.preload like '%pg\_stat\_statements%', false) as preloads_statements,
       v.max_connections::bigint as max_connections,
       v.superuser_reserved::bigint as superuser_reserved_connections,
       coalesce(v.reserved, '0')::bigint as reserved_connections,
       case when v.temp_file_limit = '-1' then -1 else v.temp_file_limit::bigint * 1024 end as temp_file_limit,
       v.work_mem::bigint * 1024 as work_mem,
       v.maintenance_work_mem::bigint * 1024 as maintenance_work_mem,
       v.shared_buffers::bigint * pg_catalog.current_setting('block_size')::bigint as shared_buffers,
       v.per_gather::bigint as max_parallel_workers_per_gather,
       v.maintenance_workers::bigint as max_parallel_maintenance_workers,
       v.query_size::bigint as track_activity_query_size,
       v.jit = 'on' as jit,
       coalesce(v.compute_query_id, '') as compute_query_id,
       coalesce(v.disabled, '') as disabled_settings,
       coalesce(v.data_directory, '') as data_directory,
       coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), '') as server_address,
       coalesce(pg_catalog.inet_client_port(), 0)::bigint as client_port,
       pg_catalog.pg_backend_pid()::bigint as backend_pid,
       (select extract(epoch from a.backend_start)::float8 from pg_catalog.pg_stat_get_activity(null::int) a
        where a.backend_type = 'checkpointer' limit 1) as background_start,
       extract(epoch from pg_catalog.pg_conf_load_time())::float8 as settings_loaded,
       {settings_digest} as settings_digest,
       (select timeline_id::bigint from pg_catalog.pg_control_checkpoint()) as timeline
from v, r
)";

// 13 has no role for it: whether we may read the tables that are there, judged by some of them.
constexpr std::string_view can_read_13 = R"((select coalesce(pg_catalog.bool_and(
           pg_catalog.has_table_privilege(c.oid, 'select') and pg_catalog.has_schema_privilege(c.relnamespace, 'usage')), r.rolsuper)
         from (select oid, relnamespace from pg_catalog.pg_class
               where relkind = 'r' and relpersistence = 'p' and oid >= 16384 limit 50) c))";

std::string text(std::string_view can_read_data) {
  std::string out(sql);
  const auto fill = [&](std::string_view mark, std::string_view by) { out.replace(out.find(mark), mark.size(), by); };
  fill("{can_read_data}", can_read_data);
  fill("{settings_digest}", settings_digest_sql());
  return out;
}
const std::string sql_13 = text(can_read_13);
const std::string sql_14 = text("pg_catalog.pg_has_role('pg_read_all_data', 'usage')");

}  // namespace

const Probe<Server> server{
    {.id = "server",
     .title = "Version, role, rights and the settings that matter",
     .sql = {{130000, sql_13}, {140000, sql_14}},
     .metrics =
         {{"pg_settings_max_connections", "Limit of connections", MetricKind::gauge, "max_connections", {}},
          {"pg_settings_superuser_reserved_connections",
           "Connections kept for superusers",
           MetricKind::gauge,
           "superuser_reserved_connections",
           {}},
          {"pg_settings_reserved_connections",
           "Connections kept for pg_use_reserved_connections",
           MetricKind::gauge,
           "reserved_connections",
           {}},
          {"pg_settings_temp_file_limit_bytes",
           "Bytes of temporary files that one process may have; -1: no limit",
           MetricKind::gauge,
           "temp_file_limit",
           {}},
          {"pg_replication_is_replica", "1 in recovery, 0 on a primary", MetricKind::gauge, "in_recovery", {}},
          {"pg_postmaster_start_time_seconds", "Time at which the server started", MetricKind::gauge, "start_time", {}},
          {"pgvigil_server_info",
           "What this server is",
           MetricKind::gauge,
           "",
           {{"version", "version"}, {"system_identifier", "system_identifier"}}}}},
    {{"version_num", &Server::version_num},
     {"version", &Server::version},
     {"in_recovery", &Server::in_recovery},
     {"start_time", &Server::start_time},
     {"now", &Server::now},
     {"background_start", &Server::background_start},
     {"settings_loaded", &Server::settings_loaded},
     {"settings_digest", &Server::settings_digest},
     {"timeline", &Server::timeline},
     {"system_identifier", &Server::system_identifier},
     {"database", &Server::database},
     {"role", &Server::role},
     {"superuser", &Server::superuser},
     {"can_read_stats", &Server::can_read_stats},
     {"can_read_settings", &Server::can_read_settings},
     {"can_list_temp", &Server::can_list_temp},
     {"can_read_data", &Server::can_read_data},
     {"has_statements", &Server::has_statements},
     {"preloads_statements", &Server::preloads_statements},
     {"max_connections", &Server::max_connections},
     {"superuser_reserved_connections", &Server::superuser_reserved_connections},
     {"reserved_connections", &Server::reserved_connections},
     {"temp_file_limit", &Server::temp_file_limit},
     {"work_mem", &Server::work_mem},
     {"maintenance_work_mem", &Server::maintenance_work_mem},
     {"shared_buffers", &Server::shared_buffers},
     {"max_parallel_workers_per_gather", &Server::max_parallel_workers_per_gather},
     {"max_parallel_maintenance_workers", &Server::max_parallel_maintenance_workers},
     {"track_activity_query_size", &Server::track_activity_query_size},
     {"jit", &Server::jit},
     {"compute_query_id", &Server::compute_query_id},
     {"disabled_settings", &Server::disabled_settings},
     {"data_directory", &Server::data_directory},
     {"server_address", &Server::server_address},
     {"client_port", &Server::client_port},
     {"backend_pid", &Server::backend_pid}},
    [](const Server&) { return std::string(); }};

}  // namespace pgvigil
