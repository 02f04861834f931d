#include "checks/probes/temp_files.h"

#include "checks/check.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

// Files are named pgsql_tmpPID.N.
constexpr std::string_view sql = R"(
select coalesce((pg_catalog.regexp_match(f.name, '^pgsql_tmp([0-9]{1,10})\.'))[1], '0')::bigint as pid,
       t.spcname::text as tablespace,
       pg_catalog.count(*)::bigint as files,
       pg_catalog.sum(f.size)::bigint as bytes,
       'pg_ls_tmpdir' as source
from pg_catalog.pg_tablespace t
cross join lateral pg_catalog.pg_ls_tmpdir(t.oid) f
where t.spcname <> 'pg_global'
group by 1, 2
order by bytes desc, 1
limit 300
)";

bool askable(const Input& in) {
  const auto now = in.now(server);
  return now.empty() || now.front().can_list_temp;
}

}  // namespace

const Probe<TempFiles> temp_files{
    {.id = "temp_files",
     .title = "Temporary files in flight",
     .sql = {{130000, sql}},
     .on_denied = "GRANT pg_monitor TO pgvigil;",
     .askable = askable,
     .slow = true,
     .metrics = {{"pgvigil_temp_files_in_flight_bytes",
                  "Bytes in temporary files now; pg_ls_tmpdir misses those of parallel work",
                  MetricKind::gauge,
                  "bytes",
                  {{"tablespace", "tablespace"}, {"source", "source"}}}}},
    {{"pid", &TempFiles::pid},
     {"tablespace", &TempFiles::tablespace},
     {"files", &TempFiles::files},
     {"bytes", &TempFiles::bytes},
     {"source", &TempFiles::source}},
    [](const TempFiles& t) { return std::to_string(t.pid) + "\n" + t.tablespace; }};

}  // namespace pgvigil
