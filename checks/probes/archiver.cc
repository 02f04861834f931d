#include "checks/probes/archiver.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select a.archived_count::bigint as archived,
       a.failed_count::bigint as failed,
       coalesce(a.last_archived_wal, '') as last_archived,
       coalesce(a.last_failed_wal, '') as last_failed,
       case when a.last_archived_time is not null
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - a.last_archived_time), 0) end::float8 as archived_ago,
       case when a.last_failed_time is not null
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - a.last_failed_time), 0) end::float8 as failed_ago
from pg_catalog.pg_stat_archiver a
limit 1
)";

}  // namespace

const Probe<Archiver> archiver{
    {.id = "archiver",
     .title = "The WAL archiver",
     .sql = {{130000, sql}},
     .metrics =
         {{"pg_stat_archiver_archived_count", "WAL files archived", MetricKind::counter, "archived", {}},
          {"pg_stat_archiver_failed_count", "Attempts to archive that failed", MetricKind::counter, "failed", {}},
          {"pg_stat_archiver_last_archive_age",
           "Seconds since a WAL file was archived",
           MetricKind::gauge,
           "archived_ago",
           {}}}},
    {{"archived", &Archiver::archived},
     {"failed", &Archiver::failed},
     {"last_archived", &Archiver::last_archived},
     {"last_failed", &Archiver::last_failed},
     {"archived_ago", &Archiver::archived_ago},
     {"failed_ago", &Archiver::failed_ago}},
    [](const Archiver&) { return std::string(); }};

}  // namespace pgvigil
