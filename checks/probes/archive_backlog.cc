#include "checks/probes/archive_backlog.h"

#include "checks/check.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

// The directory is read only where archiving is on. It may hold very many files: that is the very fault.
constexpr std::string_view sql = R"(
select pg_catalog.count(*)::bigint as ready,
       case when pg_catalog.count(*) > 0
            then greatest(extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(f.modification)), 0) end::float8 as oldest
from pg_catalog.pg_ls_archive_statusdir() f
where f.name like '%.ready' and pg_catalog.current_setting('archive_mode') <> 'off'
limit 1
)";

bool askable(const Input& in) {
  const auto now = in.now(server);
  return now.empty() || now.front().can_list_temp;  // the same role may list both directories
}

}  // namespace

const Probe<ArchiveBacklog> archive_backlog{
    {.id = "archive_backlog",
     .title = "WAL files that wait to be archived",
     .timeout = Milliseconds(1000),
     .sql = {{130000, sql}},
     .on_denied = "GRANT pg_monitor TO pgvigil;",
     .askable = askable,
     .slow = true,
     .metrics =
         {{"pgvigil_archive_ready_files", "WAL files that wait to be archived", MetricKind::gauge, "ready", {}}}},
    {{"ready", &ArchiveBacklog::ready}, {"oldest", &ArchiveBacklog::oldest}},
    [](const ArchiveBacklog&) { return std::string(); }};

}  // namespace pgvigil
