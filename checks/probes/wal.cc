#include "checks/probes/wal.h"

namespace pgvigil {
namespace {

// synchronous_commit can be set by every session: the server's own value is reset_val, unless our role has another.
constexpr std::string_view sql = R"(
with s as materialized (
  select name, setting, reset_val from pg_catalog.pg_settings
  where name in ('wal_segment_size', 'max_wal_size', 'checkpoint_timeout', 'checkpoint_completion_target',
                 'max_slot_wal_keep_size', 'archive_mode', 'archive_command', 'archive_library',
                 'synchronous_standby_names', 'synchronous_commit')),
v as (
  select pg_catalog.max(setting) filter (where name = 'wal_segment_size') as segment_size,
         pg_catalog.max(setting) filter (where name = 'max_wal_size') as max_wal_size,
         pg_catalog.max(setting) filter (where name = 'checkpoint_timeout') as checkpoint_timeout,
         pg_catalog.max(setting) filter (where name = 'checkpoint_completion_target') as completion_target,
         pg_catalog.max(setting) filter (where name = 'max_slot_wal_keep_size') as keep_size,
         pg_catalog.max(setting) filter (where name = 'archive_mode') as archive_mode,
         pg_catalog.max(setting) filter (where name = 'archive_command') as archive_command,
         pg_catalog.max(setting) filter (where name = 'archive_library') as archive_library,
         pg_catalog.max(setting) filter (where name = 'synchronous_standby_names') as standby_names,
         pg_catalog.max(reset_val) filter (where name = 'synchronous_commit') as synchronous_commit
  from s)
select r.in_recovery,
       coalesce(pg_catalog.pg_wal_lsn_diff(
         case when r.in_recovery then coalesce(pg_catalog.pg_last_wal_replay_lsn(), pg_catalog.pg_last_wal_receive_lsn())
              else pg_catalog.pg_current_wal_lsn() end, '0/0'), 0)::bigint as position,
       v.segment_size::bigint as segment_size,
       v.max_wal_size::bigint * 1048576 as max_wal_size,
       v.checkpoint_timeout::float8 as checkpoint_timeout,
       v.completion_target::float8 as completion_target,
       case when v.keep_size = '-1' then -1 else v.keep_size::bigint * 1048576 end as max_slot_wal_keep_size,
       coalesce(v.archive_mode, '') as archive_mode,
       coalesce(v.archive_command, '') as archive_command,
       coalesce(v.archive_library, '') as archive_library,
       coalesce(v.standby_names, '') as synchronous_standby_names,
       coalesce(v.synchronous_commit, '') as synchronous_commit
from v, (select pg_catalog.pg_is_in_recovery() as in_recovery) r
limit 1
)";

}  // namespace

const Probe<Wal> wal{
    {.id = "wal",
     .title = "Position of the write-ahead log and its settings",
     .sql = {{130000, sql}},
     .metrics =
         {{"pgvigil_wal_bytes_total",
           "WAL written, or replayed on a standby, since the cluster was made",
           MetricKind::counter,
           "position",
           {}},
          {"pg_settings_max_wal_size_bytes", "WAL that forces a checkpoint", MetricKind::gauge, "max_wal_size", {}}}},
    {{"in_recovery", &Wal::in_recovery},
     {"position", &Wal::position},
     {"segment_size", &Wal::segment_size},
     {"max_wal_size", &Wal::max_wal_size},
     {"checkpoint_timeout", &Wal::checkpoint_timeout},
     {"completion_target", &Wal::completion_target},
     {"max_slot_wal_keep_size", &Wal::max_slot_wal_keep_size},
     {"archive_mode", &Wal::archive_mode},
     {"archive_command", &Wal::archive_command},
     {"archive_library", &Wal::archive_library},
     {"synchronous_standby_names", &Wal::synchronous_standby_names},
     {"synchronous_commit", &Wal::synchronous_commit}},
    [](const Wal&) { return std::string(); }};

}  // namespace pgvigil
