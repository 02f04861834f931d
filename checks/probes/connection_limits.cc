#include "checks/probes/connection_limits.h"

namespace pgvigil {
namespace {

// Superusers are not held to a limit. A negative datconnlimit is "none" or "database is being dropped".
constexpr std::string_view sql = R"(
with used as materialized (
  select usesysid, datid, pg_catalog.count(*) as n from pg_catalog.pg_stat_activity
  where backend_type = 'client backend' or (backend_type is null and datid is not null)
  group by usesysid, datid),
limits as (
  select 'role' as kind, r.rolname::text as name, r.rolconnlimit::bigint as "limit",
         coalesce((select pg_catalog.sum(u.n) from used u where u.usesysid = r.oid), 0)::bigint as used
  from pg_catalog.pg_roles r where r.rolconnlimit >= 0 and r.rolcanlogin and not r.rolsuper
  union all
  select 'database', d.datname::text, d.datconnlimit::bigint,
         coalesce((select pg_catalog.sum(u.n) from used u where u.datid = d.oid), 0)::bigint
  from pg_catalog.pg_database d where d.datconnlimit >= 0)
select kind, name, "limit", used from limits
order by used::float8 / greatest("limit", 1) desc, name
limit 200
)";

}  // namespace

const Probe<ConnectionLimit> connection_limits{
    {.id = "connection_limits",
     .title = "Connection limits of roles and databases",
     .sql = {{130000, sql}},
     .metrics = {{"pgvigil_connection_limit",
                  "Connection limit of a role or database",
                  MetricKind::gauge,
                  "limit",
                  {{"kind", "kind"}, {"name", "name"}}},
                 {"pgvigil_connection_limit_used",
                  "Connections that count against the limit of a role or database",
                  MetricKind::gauge,
                  "used",
                  {{"kind", "kind"}, {"name", "name"}}}}},
    {{"kind", &ConnectionLimit::kind},
     {"name", &ConnectionLimit::name},
     {"limit", &ConnectionLimit::limit},
     {"used", &ConnectionLimit::used}},
    [](const ConnectionLimit& l) { return l.kind + "\n" + l.name; }};

}  // namespace pgvigil
