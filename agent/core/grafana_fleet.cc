// All servers, the sick ones first.
#include <fmt/format.h>

#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {
namespace {

constexpr const char* load_per_vcpu = "max by (target) (sum without (by) (pgvigil_load_sessions) / pgvigil_vcpus)";
constexpr const char* connections_share = "max by (target) (pgvigil_connections_used / pgvigil_connections_max)";
constexpr const char* rolled_back =
    "sum by (target) (rate(pg_stat_database_xact_rollback[$__rate_interval])) / "
    "(sum by (target) (rate(pg_stat_database_xact_commit[$__rate_interval])) + "
    "sum by (target) (rate(pg_stat_database_xact_rollback[$__rate_interval])))";

void counts(Board& board) {
  const auto stat = [&](Panel p) {
    p.shape = Shape::stat;
    p.unit = "none";
    p.width = 4;
    p.height = 3;
    board.add(p);
  };
  const auto verdicts = [](Severity s) {
    return fmt::format("sum(max by (target) (pgvigil_verdict) == bool {})", static_cast<int>(s));
  };
  stat({.title = "Servers",
        .says = "Watched by the chosen agents.",
        .queries = {{"count(count by (target) (pgvigil_up))"}}});
  stat({.title = "Not answering",
        .says = "No agent of theirs had an answer in its newest cycle.",
        .queries = {{"sum(1 - max by (target) (pgvigil_up))"}},
        .checks = {"server_unreachable"}});
  stat({.title = "Critical", .says = "Servers with this verdict.", .queries = {{verdicts(Severity::critical)}}});
  stat({.title = "Warning", .says = "Servers with this verdict.", .queries = {{verdicts(Severity::warning)}}});
  stat({.title = "Partly seen",
        .says = "Servers of which something that could change the verdict was not seen.",
        .queries = {{"sum(max by (target) (pgvigil_verdict_partial))"}},
        .checks = {"agent_blind"}});
  stat({.title = "Agents", .says = "That are scraped.", .queries = {{"count(pgvigil_build_info)"}}});
}

void one_row_each(Board& board) {
  board.add({.shape = Shape::table,
             .title = "Servers, sick first",
             .says = "One row for each. A server's name leads to its incident board and to the agent's page.",
             .unit = "none",
             .queries = {{"max by (target) (pgvigil_verdict)"},
                         {"max by (target) (pgvigil_up)"},
                         {"1000 * min by (target) (pgvigil_incident_start_timestamp_seconds)"},
                         {load_per_vcpu},
                         {"max by (target) (pgvigil_cpu_busy_ratio)"},
                         {connections_share},
                         {rolled_back},
                         {"min by (target) (time() - pgvigil_report_timestamp_seconds)"},
                         {"max by (target) (pg_replication_is_replica)"},
                         {"max by (target, version) (pgvigil_server_info)"}},
             .width = 24,
             .height = 10,
             .columns = {{.field = "Value #A", .title = "verdict", .mappings = severities(), .width = 90},
                         {.field = "target", .links = {incident_of_row(), agent_page_of_row()}},
                         {.field = "Value #B", .title = "up", .mappings = yes_no("up", "down", true), .width = 70},
                         {.field = "Value #C", .title = "broken", .unit = "dateTimeFromNow"},
                         {.field = "Value #D", .title = "load per vCPU"},
                         {.field = "Value #E", .title = "CPU", .unit = "percentunit"},
                         {.field = "Value #F", .title = "connections", .unit = "percentunit"},
                         {.field = "Value #G", .title = "rolled back", .unit = "percentunit"},
                         {.field = "Value #H", .title = "age of the report", .unit = "s"},
                         {.field = "Value #I", .title = "standby", .unit = "bool_yes_no"},
                         {.field = "version"}},
             .hidden = {"Value #J"},
             .sort_by = "Value #A"});
}

void over_time(Board& board) {
  board.add({.shape = Shape::states,
             .title = "Verdicts",
             .says = "Of each server, over time.",
             .unit = "none",
             .queries = {{"max by (target) (pgvigil_verdict)", "{{target}}"}},
             .width = 24,
             .mappings = severities()});
  board.add({.title = "Load per vCPU",
             .says = "Average active sessions for each vCPU, of the twenty with most.",
             .unit = "none",
             .queries = {{fmt::format("topk(20, {})", load_per_vcpu), "{{target}}"}},
             .checks = {"load_above_cores"}});
  board.add({.title = "Connections used",
             .says = "Share of what ordinary roles may use, of the twenty nearest to their limit.",
             .unit = "percentunit",
             .queries = {{fmt::format("topk(20, {})", connections_share), "{{target}}"}},
             .checks = {"connections_saturated"}});
  board.add({.title = "Rolled back",
             .says = "Share of the transactions that end in an error, of the twenty with most.",
             .unit = "percentunit",
             .queries = {{fmt::format("topk(20, {})", rolled_back), "{{target}}"}},
             .checks = {"queries_timing_out"}});
}

}  // namespace

std::string fleet_board(const Catalog& catalog) {
  Board board(catalog, "pgvigil-fleet", "pgvigil: fleet", "All servers, the sick ones first.", "30s");
  counts(board);
  one_row_each(board);
  over_time(board);
  return board.json();
}

}  // namespace pgvigil::grafana
