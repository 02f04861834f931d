#include "checks/probes/relation_columns.h"

#include "checks/probes/plan_tables.h"

namespace pgvigil {
namespace {

// pg_stats hides the rows of columns that we may not read: then there are no statistics, and no error. A join with this
// view reads all of it; asked by name, in a query of its own, it uses the catalogue's indexes.
const std::string sql = named_relations_sql() + R"(
select pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as "table",
       pg_catalog.quote_ident(a.attname) as column,
       a.attnum::bigint as position,
       case when t.typtype <> 'd' then pg_catalog.format_type(a.atttypid, a.atttypmod)
            else (with recursive beneath as (
                    select t.typbasetype as type, t.typtypmod as modifier
                    union all
                    select d.typbasetype, d.typtypmod
                    from beneath join pg_catalog.pg_type d on d.oid = beneath.type and d.typtype = 'd')
                  select pg_catalog.format_type(b.type, b.modifier)
                  from beneath b join pg_catalog.pg_type d on d.oid = b.type and d.typtype <> 'd') end as type,
       t.typcategory::text as type_category,
       a.attnotnull as not_null,
       a.attstorage <> 'p' as can_toast,
       coalesce(case when l.oid = 100 then d.datcollate in ('C', 'POSIX')
                     else l.collname in ('C', 'POSIX', 'ucs_basic') end, false) as c_collation,
       s.n_distinct::float8 as distinct,
       s.null_frac::float8 as null_fraction,
       s.avg_width::float8 as average_width,
       s.correlation::float8 as correlation,
       s.most_common_freqs[1]::float8 as commonest,
       s.most_common_freqs[pg_catalog.array_length(s.most_common_freqs, 1)]::float8 as rarest,
       case a.atttypid
         when 'pg_catalog.timestamptz'::pg_catalog.regtype then
           (select pg_catalog.avg((b <= pg_catalog.now())::int)
            from pg_catalog.unnest(s.histogram_bounds::text::pg_catalog.timestamptz[]) b)
         when 'pg_catalog.timestamp'::pg_catalog.regtype then
           (select pg_catalog.avg((b <= localtimestamp)::int)
            from pg_catalog.unnest(s.histogram_bounds::text::pg_catalog.timestamp[]) b)
         when 'pg_catalog.date'::pg_catalog.regtype then
           (select pg_catalog.avg((b <= current_date)::int)
            from pg_catalog.unnest(s.histogram_bounds::text::pg_catalog.date[]) b) end::float8 as past
from chosen
join pg_catalog.pg_class c on c.oid = chosen.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
join pg_catalog.pg_database d on d.datname = pg_catalog.current_database()
left join pg_catalog.pg_collation l on l.oid = a.attcollation
left join lateral (select s.* from pg_catalog.pg_stats s
                   where s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
                     and s.inherited = (c.relkind = 'p') offset 0) s on true
order by c.oid, a.attnum
limit 4000
)";

}  // namespace

const Probe<RelationColumn> relation_columns{
    {.id = "relation_columns",
     .title = "Columns and statistics of tables that plans of hot queries read",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(1000),
     .sql = {{130000, sql}},
     .plan = plan_relation_requests,
     .wave = 6},
    {{"database", &RelationColumn::database},
     {"table", &RelationColumn::table},
     {"column", &RelationColumn::column},
     {"position", &RelationColumn::position},
     {"type", &RelationColumn::type},
     {"type_category", &RelationColumn::type_category},
     {"not_null", &RelationColumn::not_null},
     {"can_toast", &RelationColumn::can_toast},
     {"c_collation", &RelationColumn::c_collation},
     {"distinct", &RelationColumn::distinct},
     {"null_fraction", &RelationColumn::null_fraction},
     {"average_width", &RelationColumn::average_width},
     {"correlation", &RelationColumn::correlation},
     {"commonest", &RelationColumn::commonest},
     {"rarest", &RelationColumn::rarest},
     {"past", &RelationColumn::past}},
    [](const RelationColumn& c) { return c.database + "\n" + c.table + "\n" + c.column; }};

}  // namespace pgvigil
