#include "checks/probes/statements.h"

namespace pgvigil {
namespace {

// Without the texts: with them the server reads its whole text file, and one text in a bad encoding raises.
// The extension may be older than the server (ALTER EXTENSION UPDATE was forgotten): a column that its function does
// not return is then that of `missing`. Deforming is part of generation and not added again.
constexpr std::string_view sql = R"(
select s.queryid::text as query_id,
       coalesce(d.datname::text, '') as database,
       pg_catalog.pg_get_userbyid(s.userid)::text as "user",
       pg_catalog.sum(s.calls)::bigint as calls,
       pg_catalog.sum(s.rows)::bigint as rows,
       (pg_catalog.sum(s.total_exec_time) / 1000)::float8 as total_seconds,
       pg_catalog.sum(s.shared_blks_hit)::bigint as shared_blocks_hit,
       pg_catalog.sum(s.shared_blks_read)::bigint as shared_blocks_read,
       pg_catalog.sum(s.temp_blks_read)::bigint as temp_blocks_read,
       pg_catalog.sum(s.temp_blks_written)::bigint as temp_blocks_written,
       (pg_catalog.sum(s.jit_time) / 1000)::float8 as jit_seconds
from (select null::float8 as jit_generation_time, null::float8 as jit_inlining_time,
             null::float8 as jit_optimization_time, null::float8 as jit_emission_time) missing
cross join lateral (
  select f.queryid, f.dbid, f.userid, f.calls, f.rows, f.total_exec_time, f.shared_blks_hit, f.shared_blks_read,
         f.temp_blks_read, f.temp_blks_written,
         jit_generation_time + jit_inlining_time + jit_optimization_time + jit_emission_time as jit_time
  from {extension_schema}.pg_stat_statements(false) f
  where f.queryid <> 0) s
left join pg_catalog.pg_database d on d.oid = s.dbid
group by s.queryid, s.userid, d.datname
order by pg_catalog.sum(s.total_exec_time) desc
limit 300
)";

}  // namespace

const Probe<Statement> statements{
    {.id = "statements",
     .title = "Growth of each query that finishes",
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(400),
     .sql = {{130000, sql}},
     .requires_extension = "pg_stat_statements",
     .on_denied = "GRANT USAGE ON SCHEMA of pg_stat_statements TO pgvigil; GRANT pg_monitor TO pgvigil;",
     .metrics = {{"pgvigil_statement_calls_total",
                  "Executions that finished",
                  MetricKind::counter,
                  "calls",
                  {{"datname", "database"}, {"usename", "user"}, {"queryid", "query_id"}}},
                 {"pgvigil_statement_seconds_total",
                  "Time spent executing",
                  MetricKind::counter,
                  "total_seconds",
                  {{"datname", "database"}, {"usename", "user"}, {"queryid", "query_id"}}},
                 {"pgvigil_statement_jit_seconds_total",
                  "Time spent on JIT compilation (15 and later)",
                  MetricKind::counter,
                  "jit_seconds",
                  {{"datname", "database"}, {"usename", "user"}, {"queryid", "query_id"}}}}},
    {{"query_id", &Statement::query_id},
     {"database", &Statement::database},
     {"user", &Statement::user},
     {"calls", &Statement::calls},
     {"rows", &Statement::rows},
     {"total_seconds", &Statement::total_seconds},
     {"shared_blocks_hit", &Statement::shared_blocks_hit},
     {"shared_blocks_read", &Statement::shared_blocks_read},
     {"temp_blocks_read", &Statement::temp_blocks_read},
     {"temp_blocks_written", &Statement::temp_blocks_written},
     {"jit_seconds", &Statement::jit_seconds}},
    [](const Statement& s) { return s.query_id + "\n" + s.database + "\n" + s.user; }};

}  // namespace pgvigil
