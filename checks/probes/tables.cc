#include "checks/probes/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "checks/check.h"

namespace pgvigil {
namespace {

// Worth looking at: large by relpages (the heap's or TOAST's), or holding many rows though relpages does not say
// so, or much read, or full of dead rows. One pass over pg_class and a counter or three for each table, by far the
// dearest part where there are tens of thousands: other probes are given what it finds, and a TOAST table's counter is
// asked only where its owner has rows. Nothing here takes a lock on a table. A large TOAST table leads to its owner by
// pg_depend, which has an index for it (pg_class has none), one by one: guessing many, the planner would rather read it
// all. Large, much read, full and dying tables each have their place among the 300: none crowds out the others.
constexpr std::string_view chosen = R"(
with large as materialized (
  select c.oid, c.relkind, c.relnamespace, c.reltoastrelid, greatest(c.relpages, 0) as pages
  from pg_catalog.pg_class c
  where c.relkind <> 'i' and c.relkind in ('r', 'm', 't') and c.relpersistence <> 't'
    and (c.relpages >= 128
         or case when c.relkind = 't' then false
                 when c.relpages = 0 and c.reltuples <= 0 then pg_catalog.pg_stat_get_live_tuples(c.oid) > 1000
                 else pg_catalog.pg_stat_get_live_tuples(c.oid) > 10000 end
         or (c.relkind <> 't' and (pg_catalog.pg_stat_get_tuples_returned(c.oid) > 100000
                                   or pg_catalog.pg_stat_get_dead_tuples(c.oid) >= 1000
                                   or case when pg_catalog.pg_stat_get_live_tuples(c.oid) > 0
                                           then pg_catalog.pg_stat_get_live_tuples(c.reltoastrelid) > 1000
                                           else false end)))),
toast as materialized (
  select (select d.refobjid from pg_catalog.pg_depend d
          where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = large.oid and d.objsubid = 0
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype = 'i' limit 1) as owner,
         pages
  from large where relkind = 't'),
seen as materialized (
  select s.oid, s.pages + coalesce(t.pages, 0) as pages, pg_catalog.pg_stat_get_tuples_returned(s.oid) as rows_read,
         pg_catalog.pg_stat_get_live_tuples(s.oid) + pg_catalog.pg_stat_get_live_tuples(s.reltoastrelid) as live,
         pg_catalog.pg_stat_get_dead_tuples(s.oid) as dead
  from (select oid, relnamespace, reltoastrelid, pages from large where relkind <> 't'
        union all
        select c.oid, c.relnamespace, c.reltoastrelid, c.pages
        from toast
        cross join lateral (
          select c.oid, c.relnamespace, c.reltoastrelid, greatest(c.relpages, 0) as pages
          from pg_catalog.pg_class c
          where c.oid = toast.owner and c.relkind in ('r', 'm') and c.relpersistence <> 't'
          offset 0) c
        where not exists (select from large own where own.oid = toast.owner)) s
  join pg_catalog.pg_namespace n on n.oid = s.relnamespace
  left join toast t on t.owner = s.oid
  where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'),
ranked as (
  select oid, least(pg_catalog.row_number() over (order by pages desc, oid),
                    pg_catalog.row_number() over (order by rows_read desc, oid),
                    pg_catalog.row_number() over (order by live desc, oid),
                    pg_catalog.row_number() over (order by dead desc, oid)) as place
  from seen),
picked as materialized (select oid from ranked order by place limit 300),
chosen as materialized (
  select oid from picked
  union
  select pg_catalog.pg_partition_root(c.oid)::oid from picked join pg_catalog.pg_class c using (oid) where c.relispartition)
)";

constexpr std::string_view named = R"(
with named as materialized (
  select distinct c.oid, c.relispartition
  from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) u (schema, relation)
  join pg_catalog.pg_namespace n on n.nspname = u.schema::name
  join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = u.relation::name
  where c.relkind in ('r', 'm', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  limit 40),
chosen as materialized (
  select oid from named
  union
  select pg_catalog.pg_partition_root(oid)::oid from named where relispartition)
)";

constexpr std::string_view given = R"(
with chosen as materialized (select u.oid from pg_catalog.unnest($1::text::oid[]) u (oid))
)";

// The size is not known while neither VACUUM nor ANALYZE has looked, or since many rows came after they did.
// Of the partitions that are partitioned again one speaks for all.
constexpr std::string_view facts = R"(,
again as materialized (
  select distinct on (i.inhparent) i.inhparent, s.partrelid, s.partstrat, s.partattrs
  from pg_catalog.pg_partitioned_table s join pg_catalog.pg_inherits i on i.inhrelid = s.partrelid
  order by i.inhparent, s.partrelid)
select pg_catalog.current_database()::text as database,
       n.nspname::text as schema,
       c.relname::text as relation,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
       c.oid::bigint as oid,
       pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
       c.relkind::text as kind,
       coalesce((select pg_catalog.quote_ident(pn.nspname) || '.' || pg_catalog.quote_ident(p.relname)
                 from pg_catalog.pg_class p join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
                 where c.relispartition and p.oid = pg_catalog.pg_partition_root(c.oid)), '') as parent,
       array(select pg_catalog.quote_ident(a.attname)
             from pg_catalog.pg_partitioned_table pt
             cross join pg_catalog.unnest(pt.partattrs::int2[]) k
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k and k > 0
             where pt.partrelid = c.oid) as partition_key,
       array(select pg_catalog.quote_ident(a.attname)
             from again s
             cross join pg_catalog.unnest(s.partattrs::int2[]) k
             join pg_catalog.pg_attribute a on a.attrelid = s.partrelid and a.attnum = k and k > 0
             where s.inhparent = c.oid) as subpartition_key,
       array(select pg_catalog.quote_ident(a.attname)
             from (select partrelid, partattrs from pg_catalog.pg_partitioned_table
                   where partrelid = c.oid and partstrat = 'h'
                   union all
                   select partrelid, partattrs from again where inhparent = c.oid and partstrat = 'h') s
             cross join pg_catalog.unnest(s.partattrs::int2[]) k
             join pg_catalog.pg_attribute a on a.attrelid = s.partrelid and a.attnum = k and k > 0) as hash_key,
       s.heap as heap_bytes,
       s.toast as toast_bytes,
       k.known as size_known,
       case when k.known then s.heap + s.toast end as known_bytes,
       case when c.reltuples >= 0 and not (c.reltuples = 0 and c.relpages = 0 and not k.known) then c.reltuples::float8 end as rows,
       i.usable as usable_indexes,
       i.invalid as invalid_indexes,
       pg_catalog.pg_stat_get_numscans(c.oid)::bigint as seq_scans,
       pg_catalog.pg_stat_get_tuples_returned(c.oid)::bigint as seq_rows_read,
       i.scans as index_scans,
       pg_catalog.pg_stat_get_tuples_inserted(c.oid)::bigint as rows_inserted,
       pg_catalog.pg_stat_get_tuples_updated(c.oid)::bigint as rows_updated,
       pg_catalog.pg_stat_get_tuples_deleted(c.oid)::bigint as rows_deleted,
       pg_catalog.pg_stat_get_live_tuples(c.oid)::bigint as live_rows,
       pg_catalog.pg_stat_get_dead_tuples(c.oid)::bigint as dead_rows,
       pg_catalog.pg_stat_get_mod_since_analyze(c.oid)::bigint as changed_rows,
       extract(epoch from greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                                   pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)))::float8 as last_analyze,
       exists (select from pg_catalog.unnest(c.reloptions || t.reloptions) o (item)
               where o.item ~* '^autovacuum_enabled=(f|n|0|of)') as autovacuum_off
from chosen
join pg_catalog.pg_class c on c.oid = chosen.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_class t on t.oid = c.reltoastrelid
cross join lateral (
  select greatest(c.relpages, 0)::bigint * b.size as heap, coalesce(greatest(t.relpages, 0), 0)::bigint * b.size as toast
  from (select pg_catalog.current_setting('block_size')::bigint as size) b) s
cross join lateral (
  select c.relkind = 'p' or not (
      (c.relpages = 0 and c.reltuples <= 0
       and (pg_catalog.pg_stat_get_live_tuples(c.oid) > 0 or pg_catalog.pg_stat_get_tuples_inserted(c.oid) > 0
            or pg_catalog.pg_stat_get_tuples_returned(c.oid) > 0))
      or pg_catalog.pg_stat_get_live_tuples(c.oid) > 10000 + 10 * greatest(c.reltuples, 0)
      or coalesce(t.relpages = 0 and t.reltuples <= 0 and pg_catalog.pg_stat_get_live_tuples(t.oid) > 0, false)) as known) k
cross join lateral (
  select pg_catalog.count(*) filter (where x.indisvalid and x.indisready and x.indislive)::bigint as usable,
         pg_catalog.count(*) filter (where x.indislive and not (x.indisvalid and x.indisready))::bigint as invalid,
         coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_numscans(x.indexrelid)), 0)::bigint as scans
  from pg_catalog.pg_index x where x.indrelid = c.oid) i
order by s.heap + s.toast desc, c.oid
)";

const std::string sql = std::string(chosen) + table_facts_sql();
const std::vector<MetricLabel> labels{{"datname", "database"}, {"schemaname", "schema"}, {"relname", "relation"}};

}  // namespace

std::string given_tables_sql() { return std::string(given); }
std::string named_relations_sql() { return std::string(named); }
std::string table_facts_sql() { return std::string(facts); }

std::vector<Column<Table>> table_columns() {
  return {{"database", &Table::database},
          {"schema", &Table::schema},
          {"relation", &Table::relation},
          {"name", &Table::name},
          {"oid", &Table::oid},
          {"owner", &Table::owner},
          {"kind", &Table::kind},
          {"parent", &Table::parent},
          {"partition_key", &Table::partition_key},
          {"subpartition_key", &Table::subpartition_key},
          {"hash_key", &Table::hash_key},
          {"heap_bytes", &Table::heap_bytes},
          {"toast_bytes", &Table::toast_bytes},
          {"size_known", &Table::size_known},
          {"known_bytes", &Table::known_bytes},
          {"rows", &Table::rows},
          {"usable_indexes", &Table::usable_indexes},
          {"invalid_indexes", &Table::invalid_indexes},
          {"seq_scans", &Table::seq_scans},
          {"seq_rows_read", &Table::seq_rows_read},
          {"index_scans", &Table::index_scans},
          {"rows_inserted", &Table::rows_inserted},
          {"rows_updated", &Table::rows_updated},
          {"rows_deleted", &Table::rows_deleted},
          {"live_rows", &Table::live_rows},
          {"dead_rows", &Table::dead_rows},
          {"changed_rows", &Table::changed_rows},
          {"last_analyze", &Table::last_analyze},
          {"autovacuum_off", &Table::autovacuum_off}};
}

std::vector<Request> same_tables(const Input& in) {
  std::map<std::string, std::vector<std::int64_t>> oids;
  for (const Table& t : in.now(tables)) oids[t.database].push_back(t.oid);
  std::vector<Request> requests;
  for (const auto& [database, all] : oids)
    requests.push_back({.database = database,
                        .parameters = {fmt::format("{{{}}}", fmt::join(all, ","))},
                        .sql = given_tables_sql() + std::string(facts)});
  return requests;
}

// By name: of a table dropped and made again, the counters start anew, which a rate takes for a reset.
std::string table_key(const Table& t) { return t.database + "\n" + t.name; }

const Probe<Table> tables{
    {.id = "tables",
     .title = "Tables that are large, hot, or of unknown size",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(2000),
     .sql = {{130000, sql}},
     .metrics = {{"pgvigil_table_size_bytes", "Heap and TOAST, as VACUUM and ANALYZE last saw them", MetricKind::gauge,
                  "known_bytes", labels},
                 {"pgvigil_table_usable_indexes", "Valid indexes", MetricKind::gauge, "usable_indexes", labels},
                 {"pgvigil_table_seq_rows_read_total", "Rows read by sequential scans", MetricKind::counter,
                  "seq_rows_read", labels},
                 {"pgvigil_table_index_scans_total", "Index scans", MetricKind::counter, "index_scans", labels},
                 {"pgvigil_table_rows_inserted_total", "Rows inserted", MetricKind::counter, "rows_inserted", labels},
                 {"pgvigil_table_live_rows", "Estimated live rows", MetricKind::gauge, "live_rows", labels},
                 {"pgvigil_table_dead_rows", "Estimated dead rows", MetricKind::gauge, "dead_rows", labels}}},
    table_columns(),
    table_key};

}  // namespace pgvigil
