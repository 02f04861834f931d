#include "checks/probes/databases.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select d.datname::text as name,
       d.datid::bigint as oid,
       d.numbackends::bigint as connections,
       d.xact_commit::bigint as commits,
       d.xact_rollback::bigint as rollbacks,
       d.blks_read::bigint as blocks_read,
       d.blks_hit::bigint as blocks_hit,
       d.tup_returned::bigint as rows_returned,
       d.tup_fetched::bigint as rows_fetched,
       d.tup_inserted::bigint as rows_inserted,
       d.tup_updated::bigint as rows_updated,
       d.tup_deleted::bigint as rows_deleted,
       d.temp_files::bigint as temp_files,
       d.temp_bytes::bigint as temp_bytes,
       d.deadlocks::bigint as deadlocks,
       d.conflicts::bigint as conflicts,
       d.blk_read_time::float8 as block_read_ms,
       d.blk_write_time::float8 as block_write_ms,
       extract(epoch from d.stats_reset)::float8 as stats_reset{sessions}
from pg_catalog.pg_stat_database d
where d.datid <> 0
order by d.xact_commit + d.xact_rollback desc, d.datid
limit 500
)";

constexpr std::string_view sessions_14 = R"(,
       d.sessions::bigint as sessions,
       d.sessions_abandoned::bigint as sessions_abandoned,
       d.sessions_fatal::bigint as sessions_fatal,
       d.sessions_killed::bigint as sessions_killed)";

std::string text(std::string_view sessions) {
  constexpr std::string_view mark = "{sessions}";
  return std::string(sql).replace(sql.find(mark), mark.size(), sessions);
}
const std::string sql_13 = text("");
const std::string sql_14 = text(sessions_14);

const std::vector<MetricLabel> labels{{"datid", "oid"}, {"datname", "name"}};

}  // namespace

const Probe<Database> databases{
    {.id = "databases",
     .title = "Counters of each database",
     .sql = {{130000, sql_13}, {140000, sql_14}},
     .metrics =
         {{"pg_stat_database_numbackends", "Connections", MetricKind::gauge, "connections", labels},
          {"pg_stat_database_xact_commit", "Transactions committed", MetricKind::counter, "commits", labels},
          {"pg_stat_database_xact_rollback", "Transactions rolled back", MetricKind::counter, "rollbacks", labels},
          {"pg_stat_database_blks_read", "Blocks read", MetricKind::counter, "blocks_read", labels},
          {"pg_stat_database_blks_hit", "Blocks found in shared buffers", MetricKind::counter, "blocks_hit", labels},
          {"pg_stat_database_tup_returned", "Rows scanned", MetricKind::counter, "rows_returned", labels},
          {"pg_stat_database_tup_fetched", "Rows fetched by index", MetricKind::counter, "rows_fetched", labels},
          {"pg_stat_database_tup_inserted", "Rows inserted", MetricKind::counter, "rows_inserted", labels},
          {"pg_stat_database_tup_updated", "Rows updated", MetricKind::counter, "rows_updated", labels},
          {"pg_stat_database_tup_deleted", "Rows deleted", MetricKind::counter, "rows_deleted", labels},
          {"pg_stat_database_temp_files", "Temporary files written", MetricKind::counter, "temp_files", labels},
          {"pg_stat_database_temp_bytes", "Bytes in temporary files, counted when a file is closed",
           MetricKind::counter, "temp_bytes", labels},
          {"pg_stat_database_deadlocks", "Deadlocks", MetricKind::counter, "deadlocks", labels},
          {"pg_stat_database_conflicts", "Queries cancelled by recovery", MetricKind::counter, "conflicts", labels},
          {"pg_stat_database_blk_read_time", "Milliseconds spent reading blocks", MetricKind::counter, "block_read_ms",
           labels},
          {"pg_stat_database_blk_write_time", "Milliseconds spent writing blocks", MetricKind::counter,
           "block_write_ms", labels},
          {"pg_stat_database_sessions", "Sessions begun", MetricKind::counter, "sessions", labels},
          {"pg_stat_database_sessions_abandoned", "Sessions whose client vanished", MetricKind::counter,
           "sessions_abandoned", labels},
          {"pg_stat_database_sessions_fatal", "Sessions ended by an error", MetricKind::counter, "sessions_fatal",
           labels},
          {"pg_stat_database_sessions_killed", "Sessions ended by an operator", MetricKind::counter, "sessions_killed",
           labels}}},
    {{"name", &Database::name},
     {"oid", &Database::oid},
     {"connections", &Database::connections},
     {"commits", &Database::commits},
     {"rollbacks", &Database::rollbacks},
     {"blocks_read", &Database::blocks_read},
     {"blocks_hit", &Database::blocks_hit},
     {"rows_returned", &Database::rows_returned},
     {"rows_fetched", &Database::rows_fetched},
     {"rows_inserted", &Database::rows_inserted},
     {"rows_updated", &Database::rows_updated},
     {"rows_deleted", &Database::rows_deleted},
     {"temp_files", &Database::temp_files},
     {"temp_bytes", &Database::temp_bytes},
     {"deadlocks", &Database::deadlocks},
     {"conflicts", &Database::conflicts},
     {"block_read_ms", &Database::block_read_ms},
     {"block_write_ms", &Database::block_write_ms},
     {"stats_reset", &Database::stats_reset},
     {"sessions", &Database::sessions, 140000},
     {"sessions_abandoned", &Database::sessions_abandoned, 140000},
     {"sessions_fatal", &Database::sessions_fatal, 140000},
     {"sessions_killed", &Database::sessions_killed, 140000}},
    [](const Database& d) { return d.name; }};

}  // namespace pgvigil
