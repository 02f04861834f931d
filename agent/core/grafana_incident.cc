// Is it broken, since when, why, and what now: one screen.
#include <fmt/format.h>

#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {
namespace {

// The findings that press, each with its rank: by severity, causes before what they explain.
std::string ranked_findings() {
  std::string out;
  for (const Severity s : {Severity::critical, Severity::warning, Severity::info})
    for (const bool cause : {true, false})
      out += fmt::format(
          R"({}{} * group by (target, check, severity, role, act_by) (pgvigil_finding{{severity="{}",act_by=~"now|today",role{}"cause"}}))",
          out.empty() ? "" : " or ", 2 * static_cast<int>(s) + (cause ? 1 : 0), to_string(s), cause ? "=" : "!=");
  return "label_replace(" + out + R"e(, "title", "$1", "check", "(.+)"))e";
}

void first_row(Board& board) {
  const auto stat = [&](Panel p) {
    p.shape = Shape::stat;
    p.width = 4;
    p.height = 3;
    board.add(p);
  };
  stat({.title = "Verdict",
        .says = "Is it broken? The worst of the chosen servers.",
        .unit = "none",
        .queries = {{"max(pgvigil_verdict)"}},
        .mappings = severities()});
  stat({.title = "Broken",
        .says = "Since when: the earliest onset of an incident of now.",
        .unit = "dateTimeFromNow",
        .queries = {{"1000 * min(pgvigil_incident_start_timestamp_seconds)"}},
        .empty_when_healthy = true});
  stat({.title = "Load per vCPU",
        .says = "Average active sessions for each vCPU, of the server that has most.",
        .unit = "none",
        .queries = {{"max(sum without (by) (pgvigil_load_sessions) / pgvigil_vcpus)"}},
        .checks = {"load_above_cores"}});
  stat({.title = "CPU busy",
        .says = "Of the server whose CPU is busiest; the panel CPU names the source.",
        .unit = "percentunit",
        .queries = {{"max(pgvigil_cpu_busy_ratio)"}},
        .checks = {"cpu_saturated"}});
  stat({.title = "Connections used",
        .says = "Share of what ordinary roles may use, of the server that is nearest to its limit.",
        .unit = "percentunit",
        .queries = {{"max(pgvigil_connections_used / pgvigil_connections_max)"}},
        .checks = {"connections_saturated"}});
  stat({.title = "Rolled back",
        .says = "Share of the transactions that end in an error.",
        .unit = "percentunit",
        .queries = {{"sum(rate(pg_stat_database_xact_rollback[$__rate_interval])) / "
                     "(sum(rate(pg_stat_database_xact_commit[$__rate_interval])) + "
                     "sum(rate(pg_stat_database_xact_rollback[$__rate_interval])))"}},
        .checks = {"queries_timing_out"}});
}

void why(Board& board, const Catalog& catalog) {
  board.add({.shape = Shape::table,
             .title = "Findings",
             .says = "Why, worst first and causes before symptoms. A check's name opens its runbook; objects, evidence "
                     "and the SQL to paste are on the agent's page.",
             .unit = "none",
             .queries = {{ranked_findings()}},
             .width = 16,
             .height = 6,
             .empty_when_healthy = true,
             .columns = {{.field = "severity", .mappings = severity_words(), .width = 90},
                         {.field = "role", .width = 90},
                         {.field = "title", .mappings = titles_of(catalog), .links = {runbook_of_row()}},
                         {.field = "check", .links = {runbook_of_row()}, .width = 190},
                         {.field = "act_by", .title = "act by", .width = 80},
                         {.field = "target", .links = {agent_page_of_row()}}},
             .hidden = {"Value"},
             .sort_by = "Value"});
  board.add({.shape = Shape::table,
             .title = "Incidents",
             .says = "What leads each incident, and since when, the earliest first.",
             .unit = "none",
             .queries = {{"1000 * min by (target, check) (pgvigil_incident_start_timestamp_seconds)"}},
             .width = 8,
             .height = 6,
             .empty_when_healthy = true,
             .columns = {{.field = "Value", .title = "since", .unit = "dateTimeFromNow", .width = 120},
                         {.field = "check", .links = {runbook_of_row()}},
                         {.field = "target", .links = {agent_page_of_row()}}},
             .sort_by = "Value",
             .ascending = true});
}

void where_time_goes(Board& board) {
  board.add({.shape = Shape::stacked,
             .title = "DB load by what sessions spend their time on",
             .says = "Average active sessions; above the vCPUs, they queue.",
             .unit = "none",
             .queries = {{"sum by (by) (max by (target, by) (pgvigil_load_sessions))", "{{by}}"},
                         {"sum(max by (target) (pgvigil_vcpus))", "vCPUs", true}},
             .height = 6,
             .checks = {"load_above_cores", "lock_queue"}});
  board.add({.shape = Shape::stacked,
             .title = "DB load by query",
             .says = "Average active sessions of each query id; the agent's page and `pgvigil explain` tell its text.",
             .unit = "none",
             .queries = {{"sum by (datname, queryid) (max by (target, datname, queryid) (pgvigil_query_load_sessions))",
                          "{{datname}} {{queryid}}"}},
             .height = 6,
             .checks = {"seq_scan_hot_query"}});
  board.add({.title = "Oldest transaction",
             .says = "Age of the oldest open transaction by the state of its session: idle ones hold locks and rows.",
             .unit = "s",
             .queries = {{"max by (datname, state) (pg_stat_activity_max_tx_duration)", "{{datname}} {{state}}"}},
             .height = 6,
             .checks = {"long_transaction", "idle_in_transaction"}});
}

void against_limits(Board& board) {
  board.add({.title = "CPU",
             .says = "Share of the CPU in use, and who says so: the server's processes, its cgroup, the host.",
             .unit = "percentunit",
             .queries = {{"max by (target, source) (pgvigil_cpu_busy_ratio)", "{{target}} ({{source}})"}},
             .width = 6,
             .height = 6,
             .checks = {"cpu_saturated", "cpu_throttled"}});
  board.add({.shape = Shape::stacked,
             .title = "Connections",
             .says = "Client connections by state, against what ordinary roles may use.",
             .unit = "none",
             .queries = {{"sum by (state) (max by (target, datname, usename, application_name, state, wait_event_type, "
                          "wait_event) (pg_stat_activity_count))",
                          "{{state}}"},
                         {"sum(max by (target) (pgvigil_connections_max))", "limit", true}},
             .width = 6,
             .height = 6,
             .checks = {"connections_saturated", "connections_rising"}});
  board.add({.title = "Transactions",
             .says = "What gets through, and what ends in an error.",
             .unit = "ops",
             .queries = {{"sum(max by (target, datname) (rate(pg_stat_database_xact_commit[$__rate_interval])))",
                          "committed"},
                         {"sum(max by (target, datname) (rate(pg_stat_database_xact_rollback[$__rate_interval])))",
                          "rolled back"}},
             .width = 6,
             .height = 6,
             .checks = {"queries_timing_out", "deadlocks"}});
  board.add({.title = "Temporary files",
             .says = "Bytes in flight of all statements together, against the limit, which counts for each process.",
             .unit = "bytes",
             .queries = {{"sum by (target) (max by (target, tablespace, source) (pgvigil_temp_files_in_flight_bytes))",
                          "{{target}}"},
                         {"max by (target) (pg_settings_temp_file_limit_bytes >= 0)", "limit {{target}}", true}},
             .width = 6,
             .height = 6,
             .checks = {"temp_spill", "temp_limit_near"},
             .empty_when_healthy = true});
}

}  // namespace

std::string incident_board(const Catalog& catalog) {
  Board board(catalog, "pgvigil-incident", "pgvigil: incident",
              "Is it broken, since when, why, and what now. Thresholds live in pgvigil's configuration, not here.",
              "10s");
  first_row(board);
  why(board, catalog);
  where_time_goes(board);
  against_limits(board);
  return board.json();
}

}  // namespace pgvigil::grafana
