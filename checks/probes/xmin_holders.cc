#include "checks/probes/xmin_holders.h"

namespace pgvigil {
namespace {

// VACUUM itself holds nobody back, and a walsender is told by its slot or its standby.
constexpr std::string_view sql = R"(
select h.kind, h.name, coalesce(h.pid, 0)::bigint as pid, coalesce(h.database, '') as database,
       coalesce(h."user", '') as "user", coalesce(h.application, '') as application, coalesce(h.state, '') as state,
       h.xids::bigint as xids, h.seconds::float8 as seconds, h.holds, h.catalog_only
from (
  (select 'session' as kind, a.pid::text as name, a.pid, a.datname::text as database, a.usename::text as "user",
          a.application_name as application, a.state,
          greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid)) as xids,
          greatest(extract(epoch from pg_catalog.clock_timestamp() - a.xact_start), 0) as seconds,
          case when a.backend_xmin is not null then 'snapshot' else 'transaction id' end as holds, false as catalog_only
   from pg_catalog.pg_stat_activity a
   where (a.backend_xmin is not null or a.backend_xid is not null)
     and a.backend_type in ('client backend', 'background worker')
     and a.pid <> pg_catalog.pg_backend_pid() and coalesce(a.application_name, '') not in ('pgvigil', 'pgvigil diagnose')
     and a.pid not in (select v.pid from pg_catalog.pg_stat_progress_vacuum v)
   order by 8 desc limit 20)
  union all
  (select 'prepared', p.gid, null, p.database::text, p.owner::text, '', 'prepared', pg_catalog.age(p.transaction),
          greatest(extract(epoch from pg_catalog.clock_timestamp() - p.prepared), 0), '', false
   from pg_catalog.pg_prepared_xacts p order by 8 desc limit 10)
  union all
  (select 'slot', s.slot_name::text, s.active_pid, s.database::text, '', s.slot_type,
          case when s.active then 'active' else 'inactive' end,
          pg_catalog.age(coalesce(s.xmin, s.catalog_xmin)), {inactive}, '', s.xmin is null
   from pg_catalog.pg_replication_slots s where s.xmin is not null or s.catalog_xmin is not null
   order by 8 desc limit 10)
  union all
  (select 'standby', coalesce(nullif(r.application_name, ''), pg_catalog.host(r.client_addr), 'local'), r.pid, '',
          r.usename::text, r.application_name, r.state, pg_catalog.age(r.backend_xmin), null, '', false
   from pg_catalog.pg_stat_replication r where r.backend_xmin is not null order by 8 desc limit 10)) h
order by h.xids desc, h.kind, h.name
)";

std::string text(std::string_view inactive) {
  constexpr std::string_view mark = "{inactive}";
  return std::string(sql).replace(sql.find(mark), mark.size(), inactive);
}
const std::string sql_13 = text("null");
const std::string sql_17 =
    text("case when not s.active then extract(epoch from pg_catalog.clock_timestamp() - s.inactive_since) end");

}  // namespace

const Probe<XminHolder> xmin_holders{{.id = "xmin_holders",
                                      .title = "What holds back vacuum",
                                      .sql = {{130000, sql_13}, {170000, sql_17}},
                                      .on_denied = "GRANT pg_monitor TO pgvigil;"},
                                     {{"kind", &XminHolder::kind},
                                      {"name", &XminHolder::name},
                                      {"pid", &XminHolder::pid},
                                      {"database", &XminHolder::database},
                                      {"user", &XminHolder::user},
                                      {"application", &XminHolder::application},
                                      {"state", &XminHolder::state},
                                      {"xids", &XminHolder::xids},
                                      {"seconds", &XminHolder::seconds},
                                      {"holds", &XminHolder::holds},
                                      {"catalog_only", &XminHolder::catalog_only}},
                                     [](const XminHolder& h) { return h.kind + "\n" + h.name; }};

}  // namespace pgvigil
