#include "checks/probes/lock_waits.h"

namespace pgvigil {
namespace {

// Reading pg_locks takes every lock partition for a moment, so it is read only when some session says that it waits.
// Of a waiter the row locks are shown too: whoever waits for a transaction holds the lock of the row it wants.
constexpr std::string_view sql = R"(
with waiter as materialized (
  select a.pid from pg_catalog.pg_stat_activity a where a.wait_event_type = 'Lock' limit 200),
l as materialized (
  select k.*, pg_catalog.concat_ws('/', k.locktype, k.database::text, k.relation::text, k.page::text, k.tuple::text,
                                   k.virtualxid, k.transactionid::text, k.classid::text, k.objid::text,
                                   k.objsubid::text) as tag
  from pg_catalog.pg_locks k where exists (select from waiter)),
wanted as materialized (select distinct l.tag from l where not l.granted),
shown as materialized (
  select l.* from l
  where l.tag in (select w.tag from wanted w)
     or (l.locktype = 'tuple' and l.pid in (select w.pid from waiter w))
  order by l.granted, l.tag, l.pid
  limit 400)
select coalesce(l.pid, 0)::bigint as pid,
       l.granted as granted,
       l.locktype as locktype,
       l.mode as mode,
       coalesce(d.datname::text, a.datname::text, '') as database,
       coalesce((select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
                 from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                 where c.oid = l.relation and (l.database = 0 or d.datname = pg_catalog.current_database())),
                l.relation::text, '') as relation,
       l.page::bigint as page,
       l.tuple::bigint as tuple,
       case when l.pid is null
            then coalesce((select pg_catalog.min(x.transactionid::text) from l x
                           where x.pid is null and x.locktype = 'transactionid' and x.granted
                             and x.virtualtransaction = l.virtualtransaction), '')
            else '' end as transaction,
       {waited} as waited,
       coalesce(a.state, '') as state,
       coalesce(a.usename::text, '') as "user",
       coalesce(a.application_name, '') as application,
       coalesce(pg_catalog.host(a.client_addr), case when a.backend_type = 'client backend' then 'local' else '' end) as client,
       greatest(extract(epoch from pg_catalog.clock_timestamp() - a.state_change), 0)::float8 as state_age
from shown l
left join pg_catalog.pg_database d on d.oid = l.database
left join pg_catalog.pg_stat_activity a on a.pid = l.pid
order by l.granted, l.tag, l.pid
)";

std::string text(std::string_view waited) {
  constexpr std::string_view mark = "{waited}";
  return std::string(sql).replace(sql.find(mark), mark.size(), waited);
}
const std::string sql_13 = text("null::float8");
const std::string sql_14 = text(
    "case when not l.granted then greatest(extract(epoch from pg_catalog.clock_timestamp() - l.waitstart), 0)::float8 "
    "end");

}  // namespace

const Probe<LockWait> lock_waits{
    {.id = "lock_waits", .title = "Locks that somebody waits for", .sql = {{130000, sql_13}, {140000, sql_14}}},
    {{"pid", &LockWait::pid},
     {"granted", &LockWait::granted},
     {"locktype", &LockWait::locktype},
     {"mode", &LockWait::mode},
     {"database", &LockWait::database},
     {"relation", &LockWait::relation},
     {"page", &LockWait::page},
     {"tuple", &LockWait::tuple},
     {"transaction", &LockWait::transaction},
     {"waited", &LockWait::waited, 140000},
     {"state", &LockWait::state},
     {"user", &LockWait::user},
     {"application", &LockWait::application},
     {"client", &LockWait::client},
     {"state_age", &LockWait::state_age}}};

}  // namespace pgvigil
