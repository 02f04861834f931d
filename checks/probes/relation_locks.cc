#include "checks/probes/relation_locks.h"

namespace pgvigil {
namespace {

// Reading pg_locks waits for nobody. A session whose state is hidden from us and that holds a table is in a
// transaction: it counts. Of a prepared transaction the pid is null. Partitions stand for themselves, since only those
// that are read are locked.
constexpr std::string_view sql = R"(
with session as materialized (
  select a.pid,
         a.backend_type is null or a.state = 'active' and a.wait_event_type is distinct from 'Lock' as works
  from pg_catalog.pg_stat_get_activity(null::int) a
  where a.pid <> pg_catalog.pg_backend_pid() and coalesce(a.application_name, '') not in ('pgvigil', 'pgvigil diagnose')
    and case when a.backend_type is null then a.datid is not null
             else a.backend_type = 'client backend' and a.state <> 'idle' end),
held as materialized (
  select l.relation, l.pid, s.works, pg_catalog.bool_or(l.mode not in ('AccessShareLock', 'RowShareLock')) as writes
  from pg_catalog.pg_locks l left join session s on s.pid = l.pid
  where l.locktype = 'relation' and l.granted and l.relation >= 16384 and (s.pid is not null or l.pid is null)
    and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  group by l.relation, l.pid, s.works, case when l.pid is null then l.virtualtransaction end)
select pg_catalog.current_database()::text as database,
       n.nspname::text as schema,
       c.relname::text as relation,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
       c.oid::bigint as oid,
       coalesce((pg_catalog.array_agg(h.pid::bigint order by h.pid) filter (where h.works))[1:100], '{}') as pids,
       pg_catalog.count(*) filter (where h.works)::bigint as sessions,
       pg_catalog.count(*) filter (where h.works and h.writes)::bigint as writers,
       coalesce((pg_catalog.array_agg(h.pid::bigint order by h.pid) filter (where h.works and h.writes))[1:100], '{}') as writer_pids,
       coalesce((pg_catalog.array_agg(h.pid::bigint order by h.pid) filter (where not h.works))[1:100], '{}') as resting,
       coalesce((pg_catalog.array_agg(h.pid::bigint order by h.pid) filter (where not h.works and h.writes))[1:100], '{}') as resting_writers,
       pg_catalog.count(*) filter (where h.pid is null)::bigint as prepared,
       pg_catalog.pg_stat_get_tuples_returned(c.oid)::bigint as seq_rows_read
from held h
join pg_catalog.pg_class c on c.oid = h.relation
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm')
group by n.nspname, c.relname, c.oid
order by sessions desc, seq_rows_read desc, c.oid
limit 40
)";

}  // namespace

const Probe<RelationLock> relation_locks{{.id = "relation_locks",
                                          .title = "Tables that active sessions work on",
                                          .timeout = Milliseconds(300),
                                          .sql = {{130000, sql}}},
                                         {{"database", &RelationLock::database},
                                          {"schema", &RelationLock::schema},
                                          {"relation", &RelationLock::relation},
                                          {"name", &RelationLock::name},
                                          {"oid", &RelationLock::oid},
                                          {"pids", &RelationLock::pids},
                                          {"sessions", &RelationLock::sessions},
                                          {"writers", &RelationLock::writers},
                                          {"writer_pids", &RelationLock::writer_pids},
                                          {"resting", &RelationLock::resting},
                                          {"resting_writers", &RelationLock::resting_writers},
                                          {"prepared", &RelationLock::prepared},
                                          {"seq_rows_read", &RelationLock::seq_rows_read}},
                                         [](const RelationLock& l) { return l.database + "\n" + l.name; }};

}  // namespace pgvigil
