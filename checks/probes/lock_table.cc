#include "checks/probes/lock_table.h"

namespace pgvigil {
namespace {

// Locks of the fast path take no place in the shared table, predicate locks have a table of their own. Room as the
// server counts it: max_locks_per_transaction for each process it may ever have, and each prepared transaction. Which
// locks are on the same thing is only worked out where it could matter: elsewhere their number is the upper bound.
constexpr std::string_view sql = R"(
with l as materialized (
  select k.*, k.fastpath or k.mode = 'SIReadLock' as elsewhere from pg_catalog.pg_locks k),
n as materialized (
  select (select pg_catalog.count(*) from l where not l.elsewhere) as locks, s.per_transaction,
         s.per_transaction * (pg_catalog.current_setting('max_connections')::bigint
           + pg_catalog.current_setting('max_prepared_transactions')::bigint
           + pg_catalog.current_setting('max_worker_processes')::bigint
           + pg_catalog.current_setting('max_wal_senders')::bigint
           + pg_catalog.current_setting('{workers}')::bigint + {aside}) as slots
  from (select pg_catalog.current_setting('max_locks_per_transaction')::bigint as per_transaction) s),
used as materialized (
  select case when n.locks * 2 < n.slots then n.locks
         else (select pg_catalog.count(*)
               from (select distinct l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
                            l.transactionid::text, l.classid, l.objid, l.objsubid
                     from l where not l.elsewhere) d) end as objects,
         n.locks, n.slots, n.per_transaction
  from n),
top as (select coalesce(l.pid, 0) as pid, pg_catalog.count(*) as n from l where not l.elsewhere
        group by 1 order by 2 desc, 1 limit 1)
select coalesce(d.datname::text, '') as database,
       g.mode as mode,
       g.n::bigint as count,
       used.objects::bigint as objects,
       used.slots::bigint as slots,
       used.locks::bigint as owners,
       coalesce(top.pid, 0)::bigint as top_pid,
       coalesce(top.n, 0)::bigint as top_locks,
       coalesce(a.usename::text, '') as top_user,
       coalesce(a.application_name, '') as top_application,
       used.per_transaction::bigint as per_transaction
from (select l.database, l.mode, pg_catalog.count(*) as n from l group by 1, 2 order by 3 desc limit 200) g
cross join used
left join top on true
left join pg_catalog.pg_database d on d.oid = g.database
left join pg_catalog.pg_stat_activity a on a.pid = top.pid
order by g.n desc, 1, 2
)";

std::string text(std::string_view workers, std::string_view aside) {
  std::string out(sql);
  for (const auto& [mark, value] : {std::pair{std::string_view("{workers}"), workers}, {"{aside}", aside}})
    out.replace(out.find(mark), mark.size(), value);
  return out;
}
const std::string sql_13 = text("autovacuum_max_workers", "1");   // the autovacuum launcher
const std::string sql_18 = text("autovacuum_worker_slots", "2");  // and the worker that synchronises slots

}  // namespace

const Probe<LockCount> lock_table{{.id = "lock_table",
                                   .title = "How full the lock table is",
                                   .cadence = Cadence::sweep,
                                   .sql = {{130000, sql_13}, {180000, sql_18}},
                                   .metrics = {{"pg_locks_count",
                                                "Locks held or wanted",
                                                MetricKind::gauge,
                                                "count",
                                                {{"datname", "database"}, {"mode", "mode"}}}}},
                                  {{"database", &LockCount::database},
                                   {"mode", &LockCount::mode},
                                   {"count", &LockCount::count},
                                   {"objects", &LockCount::objects},
                                   {"slots", &LockCount::slots},
                                   {"owners", &LockCount::owners},
                                   {"top_pid", &LockCount::top_pid},
                                   {"top_locks", &LockCount::top_locks},
                                   {"top_user", &LockCount::top_user},
                                   {"top_application", &LockCount::top_application},
                                   {"per_transaction", &LockCount::per_transaction}},
                                  [](const LockCount& l) { return l.database + "\n" + l.mode; }};

}  // namespace pgvigil
