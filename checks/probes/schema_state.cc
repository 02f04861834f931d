#include "checks/probes/schema_state.h"

namespace pgvigil {
namespace {

// One pass over pg_class; no look at any relation.
constexpr std::string_view sql = R"(
select pg_catalog.current_database()::text as database,
       pg_catalog.count(*) filter (where c.relkind in ('r', 'p', 'm') and not c.relispartition)::bigint as tables,
       pg_catalog.count(*) filter (where c.relkind in ('r', 'p') and c.relispartition)::bigint as partitions,
       pg_catalog.count(*) filter (where c.relkind in ('i', 'I'))::bigint as indexes,
       coalesce(pg_catalog.sum(c.relnatts) filter (where c.relkind in ('r', 'p', 'm') and not c.relispartition), 0)::bigint as columns,
       coalesce(pg_catalog.max(c.oid::bigint), 0)::bigint as newest_oid
from pg_catalog.pg_class c
where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'i', 'I') and c.relpersistence <> 't'
  and c.relnamespace not in (select n.oid from pg_catalog.pg_namespace n
                             where n.nspname = 'information_schema' or n.nspname ~ '^pg_')
)";

}  // namespace

const Probe<SchemaState> schema_state{{.id = "schema_state",
                                       .title = "How many tables, columns and indexes there are",
                                       .scope = Scope::database,
                                       .cadence = Cadence::sweep,
                                       .timeout = Milliseconds(1000),
                                       .sql = {{130000, sql}}},
                                      {{"database", &SchemaState::database},
                                       {"tables", &SchemaState::tables},
                                       {"partitions", &SchemaState::partitions},
                                       {"indexes", &SchemaState::indexes},
                                       {"columns", &SchemaState::columns},
                                       {"newest_oid", &SchemaState::newest_oid}},
                                      [](const SchemaState& s) { return s.database; }};

}  // namespace pgvigil
