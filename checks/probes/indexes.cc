#include "checks/probes/indexes.h"

#include "checks/probes/tables.h"

namespace pgvigil {
namespace {

// Columns come from the catalogue: pg_get_indexdef would wait behind an ACCESS EXCLUSIVE lock. Whether an index serves
// a constraint is looked up one by one: for EXISTS the planner would read all of pg_constraint.
constexpr std::string_view facts = R"(
select pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as "table",
       pg_catalog.quote_ident(xn.nspname) || '.' || pg_catalog.quote_ident(x.relname) as name,
       x.oid::bigint as oid,
       pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
       m.amname::text as method,
       array(select coalesce(pg_catalog.quote_ident(a.attname), '')
             from pg_catalog.generate_series(0, i.indnkeyatts - 1) k
             left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k] and a.attnum > 0
             order by k) as columns,
       array(select coalesce(case when not o.opcdefault then o.opcname::text end, '')
             from pg_catalog.generate_series(0, i.indnkeyatts - 1) k
             left join pg_catalog.pg_opclass o on o.oid = i.indclass[k]
             order by k) as operator_classes,
       array(select coalesce(case when l.oid <> a.attcollation then l.collname::text end, '')
             from pg_catalog.generate_series(0, i.indnkeyatts - 1) k
             left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k] and a.attnum > 0
             left join pg_catalog.pg_collation l on l.oid = i.indcollation[k]
             order by k) as collations,
       array(select case i.indoption[k] when 1 then 'desc nulls last' when 2 then 'nulls first' when 3 then 'desc'
                    else '' end
             from pg_catalog.generate_series(0, i.indnkeyatts - 1) k
             order by k) as orders,
       array(select coalesce(pg_catalog.quote_ident(a.attname), '')
             from pg_catalog.generate_series(i.indnkeyatts::int, i.indnatts - 1) k
             left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k] and a.attnum > 0
             order by k) as included,
       i.indisunique as is_unique,
       i.indisprimary as is_primary,
       (select true from pg_catalog.pg_constraint o
        where o.conrelid = i.indrelid and o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x')
        limit 1) is not null as is_constraint,
       i.indisvalid as is_valid,
       i.indisready as is_ready,
       i.indpred is not null as has_predicate,
       i.indexprs is not null as has_expressions,
       greatest(x.relpages, 0)::bigint * pg_catalog.current_setting('block_size')::bigint as bytes,
       pg_catalog.pg_stat_get_numscans(x.oid)::bigint as scans
from picked_indexes
join pg_catalog.pg_index i on i.indexrelid = picked_indexes.indexrelid
join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class x on x.oid = i.indexrelid
join pg_catalog.pg_namespace xn on xn.oid = x.relnamespace
join pg_catalog.pg_am m on m.oid = x.relam
where i.indislive
order by i.indisvalid and i.indisready, x.relpages desc, x.oid
)";

constexpr std::string_view picked = R"(,
picked_indexes as (
  (select i.indexrelid
   from pg_catalog.pg_index i
   join pg_catalog.pg_class c on c.oid = i.indrelid
   join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where not (i.indisvalid and i.indisready) and c.relpersistence <> 't'
     and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
   limit 200)
  union
  (select i.indexrelid
   from chosen
   join pg_catalog.pg_index i on i.indrelid = chosen.oid
   join pg_catalog.pg_class x on x.oid = i.indexrelid
   order by x.relpages desc, x.oid
   limit 1500))
)";

const std::string sql = given_tables_sql() + std::string(picked) + index_facts_sql();

}  // namespace

std::string index_facts_sql() { return std::string(facts); }

std::vector<Column<Index>> index_columns() {
  return {{"database", &Index::database},
          {"table", &Index::table},
          {"name", &Index::name},
          {"oid", &Index::oid},
          {"owner", &Index::owner},
          {"method", &Index::method},
          {"columns", &Index::columns},
          {"operator_classes", &Index::operator_classes},
          {"collations", &Index::collations},
          {"orders", &Index::orders},
          {"included", &Index::included},
          {"is_unique", &Index::is_unique},
          {"is_primary", &Index::is_primary},
          {"is_constraint", &Index::is_constraint},
          {"is_valid", &Index::is_valid},
          {"is_ready", &Index::is_ready},
          {"has_predicate", &Index::has_predicate},
          {"has_expressions", &Index::has_expressions},
          {"bytes", &Index::bytes},
          {"scans", &Index::scans}};
}

std::string index_key(const Index& i) { return i.database + "\n" + i.name; }

const Probe<Index> indexes{{.id = "indexes",
                            .title = "Indexes of large or hot tables, and every invalid one",
                            .scope = Scope::database,
                            .cadence = Cadence::sweep,
                            .timeout = Milliseconds(2000),
                            .sql = {{130000, sql}},
                            .given = "tables"},
                           index_columns(),
                           index_key};

}  // namespace pgvigil
