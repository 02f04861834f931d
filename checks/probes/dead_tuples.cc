#include "checks/probes/dead_tuples.h"

namespace pgvigil {
namespace {

// Of the tables that `tables` found, which are all that have so many, up to its limit. No lock on any of them.
constexpr std::string_view sql = R"(
with many as materialized (
  select u.oid, pg_catalog.pg_stat_get_dead_tuples(u.oid) as dead
  from pg_catalog.unnest($1::text::oid[]) u (oid)
  where pg_catalog.pg_stat_get_dead_tuples(u.oid) >= 1000
  order by 2 desc limit 50),
s as (
  select pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8 as threshold,
         pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8 as scale,
         coalesce(pg_catalog.current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1) as most,
         pg_catalog.current_setting('autovacuum') = 'on' as enabled,
         extract(epoch from pg_catalog.current_setting('autovacuum_naptime')::interval)::float8 as naptime,
         pg_catalog.current_setting('block_size')::bigint as block)
select pg_catalog.current_database()::text as database,
       c.relname::text as relation,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
       pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
       greatest(c.relpages, 0)::bigint * s.block as bytes,
       m.dead::bigint as dead,
       pg_catalog.pg_stat_get_live_tuples(c.oid)::bigint as live,
       (pg_catalog.pg_stat_get_tuples_updated(c.oid) + pg_catalog.pg_stat_get_tuples_deleted(c.oid))::bigint as changed,
       case when coalesce(o.most, s.most) >= 0 then least(t.rows, coalesce(o.most, s.most)) else t.rows end as threshold,
       s.enabled and coalesce(o.enabled, true) as autovacuum,
       s.naptime as naptime,
       greatest(extract(epoch from pg_catalog.clock_timestamp() - greatest(
         pg_catalog.pg_stat_get_last_vacuum_time(c.oid), pg_catalog.pg_stat_get_last_autovacuum_time(c.oid))), 0)::float8 as vacuumed
from many m
join pg_catalog.pg_class c on c.oid = m.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join s
cross join lateral (
  select pg_catalog.max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_threshold')::float8 as threshold,
         pg_catalog.max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_scale_factor')::float8 as scale,
         pg_catalog.max(x.option_value) filter (where x.option_name = 'autovacuum_vacuum_max_threshold')::float8 as most,
         pg_catalog.max(x.option_value) filter (where x.option_name = 'autovacuum_enabled')::bool as enabled
  from pg_catalog.pg_options_to_table(c.reloptions) x) o
cross join lateral (
  select coalesce(o.threshold, s.threshold) + coalesce(o.scale, s.scale) * greatest(c.reltuples, 0)::float8 as rows) t
where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
order by m.dead desc, c.oid
)";

}  // namespace

const Probe<DeadTuples> dead_tuples{{.id = "dead_tuples",
                                     .title = "Tables with many dead rows",
                                     .scope = Scope::database,
                                     .cadence = Cadence::sweep,
                                     .timeout = Milliseconds(2000),
                                     .sql = {{130000, sql}},
                                     .given = "tables"},
                                    {{"database", &DeadTuples::database},
                                     {"relation", &DeadTuples::relation},
                                     {"name", &DeadTuples::name},
                                     {"owner", &DeadTuples::owner},
                                     {"bytes", &DeadTuples::bytes},
                                     {"dead", &DeadTuples::dead},
                                     {"live", &DeadTuples::live},
                                     {"changed", &DeadTuples::changed},
                                     {"threshold", &DeadTuples::threshold},
                                     {"autovacuum", &DeadTuples::autovacuum},
                                     {"naptime", &DeadTuples::naptime},
                                     {"vacuumed", &DeadTuples::vacuumed}},
                                    [](const DeadTuples& t) { return t.database + "\n" + t.name; }};

}  // namespace pgvigil
