#include "checks/probes/checkpoints.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql_13 = R"(
select c.checkpoints_timed::bigint as timed, c.checkpoints_req::bigint as requested,
       c.checkpoint_write_time::float8 as write_ms, c.checkpoint_sync_time::float8 as sync_ms,
       c.buffers_checkpoint::bigint as buffers_written,
       case when c.stats_reset is not null
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - c.stats_reset), 0) end::float8 as counted_for
from pg_catalog.pg_stat_bgwriter c
limit 1
)";
constexpr std::string_view sql_17 = R"(
select c.num_timed::bigint as timed, c.num_requested::bigint as requested,
       c.write_time::float8 as write_ms, c.sync_time::float8 as sync_ms,
       c.buffers_written::bigint as buffers_written,
       case when c.stats_reset is not null
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - c.stats_reset), 0) end::float8 as counted_for
from pg_catalog.pg_stat_checkpointer c
limit 1
)";

}  // namespace

// The metrics keep the names that dashboards know, also on 17+, where the view has another name.
const Probe<Checkpoints> checkpoints{
    {.id = "checkpoints",
     .title = "Counters of checkpoints",
     .sql = {{130000, sql_13}, {170000, sql_17}},
     .metrics =
         {{"pg_stat_bgwriter_checkpoints_timed_total", "Checkpoints by the clock", MetricKind::counter, "timed", {}},
          {"pg_stat_bgwriter_checkpoints_req_total",
           "Checkpoints that were requested: too much WAL, or a command",
           MetricKind::counter,
           "requested",
           {}},
          {"pg_stat_bgwriter_checkpoint_write_time_total",
           "Milliseconds in which checkpoints wrote",
           MetricKind::counter,
           "write_ms",
           {}},
          {"pg_stat_bgwriter_checkpoint_sync_time_total",
           "Milliseconds in which checkpoints synced",
           MetricKind::counter,
           "sync_ms",
           {}},
          {"pg_stat_bgwriter_buffers_checkpoint_total",
           "Buffers that checkpoints wrote",
           MetricKind::counter,
           "buffers_written",
           {}}}},
    {{"timed", &Checkpoints::timed},
     {"requested", &Checkpoints::requested},
     {"write_ms", &Checkpoints::write_ms},
     {"sync_ms", &Checkpoints::sync_ms},
     {"buffers_written", &Checkpoints::buffers_written},
     {"counted_for", &Checkpoints::counted_for}},
    [](const Checkpoints&) { return std::string(); }};

}  // namespace pgvigil
