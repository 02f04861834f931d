// Which queries carry the load, how they are planned, and which plans are harmful.
#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {
namespace {

void load_of_queries(Board& board) {
  board.add({.shape = Shape::stacked,
             .title = "DB load by query",
             .says = "Average active sessions, whether their statements finish or not.",
             .unit = "none",
             .queries = {{"sum by (datname, queryid) (max by (target, datname, queryid) (pgvigil_query_load_sessions))",
                          "{{datname}} {{queryid}}"}},
             .width = 12,
             .height = 8,
             .checks = {"seq_scan_hot_query"}});
  board.add({.shape = Shape::stacked,
             .title = "Time in statements that finished",
             .says = "Seconds of execution a second, of the ten queries that take most.",
             .unit = "none",
             .queries = {{"topk(10, sum by (datname, queryid) (max by (target, datname, usename, queryid) "
                          "(rate(pgvigil_statement_seconds_total[$__rate_interval]))))",
                          "{{datname}} {{queryid}}"}},
             .width = 12,
             .height = 8,
             .checks = {"query_regressed"}});
  board.add({.title = "Calls",
             .says = "Executions a second that finished, of the ten queries with most.",
             .unit = "ops",
             .queries = {{"topk(10, sum by (datname, queryid) (max by (target, datname, usename, queryid) "
                          "(rate(pgvigil_statement_calls_total[$__rate_interval]))))",
                          "{{datname}} {{queryid}}"}}});
  board.add(
      {.title = "Time of one call",
       .says = "Mean time of an execution that finished, of the ten slowest queries.",
       .unit = "s",
       .queries = {{"topk(10, sum by (datname, queryid) (rate(pgvigil_statement_seconds_total[$__rate_interval])) / "
                    "sum by (datname, queryid) (rate(pgvigil_statement_calls_total[$__rate_interval])))",
                    "{{datname}} {{queryid}}"}},
       .checks = {"query_regressed"}});
  board.add({.title = "JIT compilation",
             .says = "Seconds a second spent on compiling, of the ten queries that spend most.",
             .unit = "none",
             .queries = {{"topk(10, sum by (datname, queryid) (max by (target, datname, usename, queryid) "
                          "(rate(pgvigil_statement_jit_seconds_total[$__rate_interval]))))",
                          "{{datname}} {{queryid}}"}},
             .checks = {"jit_overhead"},
             .empty_when_healthy = true});
}

void plans(Board& board) {
  board.add({.shape = Shape::table,
             .title = "Harmful plans",
             .says = "Hot queries whose plan reads far more than it must, and the rows that one execution reads so.",
             .unit = "none",
             .queries = {{"max by (target, datname, queryid) (pgvigil_plan_seq_scan_rows and pgvigil_plan_harmful_scan "
                          "== 1)"}},
             .width = 12,
             .height = 8,
             .checks = {"seq_scan_hot_query"},
             .empty_when_healthy = true,
             .columns = {{.field = "target", .links = {agent_page_of_row()}},
                         {.field = "datname", .title = "database"},
                         {.field = "queryid", .title = "query", .links = {agent_page_of_row()}},
                         {.field = "Value", .title = "rows read", .unit = "short"}},
             .sort_by = "Value"});
  board.add({.shape = Shape::table,
             .title = "Tables without a usable index",
             .says = "Largest first; only one that is read is a fault.",
             .unit = "bytes",
             .queries = {{"topk(50, max by (target, datname, schemaname, relname) (pgvigil_table_size_bytes and "
                          "pgvigil_table_usable_indexes == 0))"}},
             .width = 12,
             .height = 8,
             .checks = {"unindexed_table", "invalid_index"},
             .empty_when_healthy = true,
             .columns = {{.field = "target", .links = {agent_page_of_row()}},
                         {.field = "datname", .title = "database"},
                         {.field = "schemaname", .title = "schema"},
                         {.field = "relname", .title = "table"},
                         {.field = "Value", .title = "size", .unit = "bytes"}},
             .sort_by = "Value"});
  board.add({.title = "Cost of plans",
             .says = "In the planner's units, of the ten dearest hot queries.",
             .unit = "short",
             .queries = {{"topk(10, max by (datname, queryid) (pgvigil_plan_cost))", "{{datname}} {{queryid}}"}},
             .checks = {"plan_changed"},
             .empty_when_healthy = true});
  board.add(
      {.title = "Rows read by sequential scans of one execution",
       .says = "As planned, of the ten hot queries that read most.",
       .unit = "short",
       .queries = {{"topk(10, max by (datname, queryid) (pgvigil_plan_seq_scan_rows))", "{{datname}} {{queryid}}"}},
       .checks = {"seq_scan_hot_query"},
       .empty_when_healthy = true});
  board.add({.title = "Plans that changed their shape",
             .says = "Changes in each step of the graph.",
             .unit = "none",
             .queries = {{"sum by (datname, queryid) (increase(pgvigil_plan_changes_total[$__rate_interval])) > 0",
                          "{{datname}} {{queryid}}"}},
             .checks = {"plan_changed"},
             .empty_when_healthy = true});
}

void around_them(Board& board) {
  const auto graph = [&](Panel p) {
    p.width = 6;
    board.add(p);
  };
  graph({.title = "Rows read by sequential scans",
         .says = "Of the ten tables that are read most so; counted when a scan ends.",
         .unit = "cps",
         .queries = {{"topk(10, sum by (datname, schemaname, relname) (max by (target, datname, schemaname, relname) "
                      "(rate(pgvigil_table_seq_rows_read_total[$__rate_interval]))))",
                      "{{datname}} {{schemaname}}.{{relname}}"}},
         .checks = {"seq_scan_heavy_table"}});
  graph({.title = "EXPLAIN",
         .says = "Plans of hot queries that were asked for.",
         .unit = "ops",
         .queries = {{"sum(rate(pgvigil_explains_total[$__rate_interval]))", "tried"}}});
  graph({.title = "EXPLAIN in vain",
         .says = "Hot queries that have no plan, by the reason.",
         .unit = "ops",
         .queries = {{"sum by (reason) (rate(pgvigil_explain_failures_total[$__rate_interval]))", "{{reason}}"}},
         .checks = {"agent_blind"},
         .empty_when_healthy = true});
  graph({.title = "Index builds and lost statements",
         .says = "Builds in progress by phase; entries that pg_stat_statements dropped take their figures along.",
         .unit = "none",
         .queries = {{"sum by (datname, phase) (max by (target, datname, phase) (pgvigil_index_builds))",
                      "{{datname}}: {{phase}}"},
                     {"sum by (target) (increase(pgvigil_statements_evictions_total[$__rate_interval]))",
                      "evictions on {{target}}"}},
         .checks = {"index_build_running", "statements_evicted"},
         .empty_when_healthy = true});
  board.add({.title = "Declared migrations",
             .says = "Share that is done of each, by the SQL of the configuration.",
             .unit = "percentunit",
             .queries = {{"max by (datname, migration) (pgvigil_migration_done / pgvigil_migration_goal)",
                          "{{datname}}: {{migration}}"}},
             .height = 5,
             .checks = {"migration_stalled"},
             .empty_when_healthy = true});
}

}  // namespace

std::string queries_board(const Catalog& catalog) {
  Board board(
      catalog, "pgvigil-queries", "pgvigil: queries and plans",
      "Which queries carry the load, and which plans are to blame. Texts are not in metrics: ask the agent's page "
      "or `pgvigil explain QUERYID`.",
      "30s");
  load_of_queries(board);
  plans(board);
  around_them(board);
  return board.json();
}

}  // namespace pgvigil::grafana
