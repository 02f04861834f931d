#include "checks/probes/plan_indexes.h"

#include "checks/probes/plan_tables.h"

namespace pgvigil {
namespace {

const std::string sql = named_relations_sql() + R"(,
picked_indexes as (
  select i.indexrelid from chosen join pg_catalog.pg_index i on i.indrelid = chosen.oid limit 1000)
)" + index_facts_sql();

}  // namespace

const Probe<Index> plan_indexes{{.id = "plan_indexes",
                                 .title = "Indexes of tables that plans of hot queries read",
                                 .scope = Scope::database,
                                 .cadence = Cadence::sweep,
                                 .timeout = Milliseconds(1000),
                                 .sql = {{130000, sql}},
                                 .plan = plan_relation_requests,
                                 .wave = 6},
                                index_columns(),
                                index_key};

}  // namespace pgvigil
