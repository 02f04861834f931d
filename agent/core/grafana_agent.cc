// The watch itself: what it costs, whether it sees, whether it is heard.
#include "agent/core/grafana_parts.h"

namespace pgvigil::grafana {
namespace {

void at_a_glance(Board& board) {
  const auto stat = [&](Panel p) {
    p.shape = Shape::stat;
    p.width = 4;
    p.height = 3;
    board.add(p);
  };
  stat({.title = "Running",
        .says = "Since when: the agent that started last.",
        .unit = "dateTimeFromNow",
        .queries = {{"1000 * max(pgvigil_own_start_timestamp_seconds)"}}});
  stat({.title = "State",
        .says = "Whether alerts outlive a restart: the worst of the agents.",
        .unit = "none",
        .queries = {{"max(pgvigil_state_degraded)"}},
        .mappings = yes_no("in memory only", "kept", false)});
  stat({.title = "Configuration",
        .says = "Whether the newest reload was taken; otherwise the one before goes on.",
        .unit = "none",
        .queries = {{"min(pgvigil_config_last_reload_successful)"}},
        .mappings = yes_no("taken", "refused", true)});
  stat({.title = "Last taken",
        .says = "When a configuration was last taken.",
        .unit = "dateTimeFromNow",
        .queries = {{"1000 * min(pgvigil_config_last_reload_success_timestamp_seconds)"}}});
  stat({.title = "Silences",
        .says = "That have not ended: what they match is not told.",
        .unit = "none",
        .queries = {{"max(pgvigil_silences)"}}});
  stat({.title = "Oldest undelivered",
        .says = "How long the oldest alert has been waiting for a receiver.",
        .unit = "s",
        .queries = {{"max(pgvigil_notifications_oldest_seconds)"}}});
}

void cost(Board& board) {
  const auto graph = [&](Panel p) {
    p.width = 6;
    board.add(p);
  };
  graph({.title = "CPU of the agent",
         .says = "Seconds a second: 1 is one core.",
         .unit = "percentunit",
         .queries = {{"rate(pgvigil_own_cpu_seconds_total[$__rate_interval])", "{{instance}}"}}});
  graph({.title = "Memory of the agent",
         .says = "What the kernel counts for its process.",
         .unit = "bytes",
         .queries = {{"pgvigil_own_resident_memory_bytes", "{{instance}}"}}});
  graph({.title = "Loop lag",
         .says = "When it is late, everything is: samples, alerts, pages.",
         .unit = "s",
         .queries = {{"pgvigil_own_loop_lag_seconds", "{{instance}}"}}});
  graph({.title = "Open files",
         .says = "Sockets among them.",
         .unit = "none",
         .queries = {{"pgvigil_own_open_files", "{{instance}}"}}});
  graph({.title = "DB time",
         .says = "What watching costs each server: 1 is one session that is always busy.",
         .unit = "percentunit",
         .queries = {{"topk(20, pgvigil_own_db_time_ratio)", "{{target}} ({{instance}})"}}});
  graph({.title = "Statements",
         .says = "That the agent sends to each server.",
         .unit = "ops",
         .queries = {{"topk(20, pgvigil_own_statement_rate)", "{{target}} ({{instance}})"}}});
  graph({.title = "Connections held",
         .says = "By each agent, and agents on the same server.",
         .unit = "none",
         .queries = {{"topk(20, pgvigil_own_connections)", "{{target}} ({{instance}})"},
                     {"topk(20, max by (target) (pgvigil_agent_sessions))", "sessions of all agents on {{target}}"}}});
  graph({.title = "Reports",
         .says = "Of all servers together: one a cycle and more when the load jumps. A slow cycle stretches.",
         .unit = "ops",
         .queries = {{"rate(pgvigil_own_reports_total[$__rate_interval])", "{{instance}}"}}});
}

void sight(Board& board) {
  board.add({.title = "Age of the report",
             .says = "Of the twenty oldest: what is old tells nothing of now.",
             .unit = "s",
             .queries = {{"topk(20, time() - pgvigil_report_timestamp_seconds)", "{{target}} ({{instance}})"}},
             .width = 6,
             .checks = {"agent_blind"}});
  board.add(
      {.title = "Slowest probes",
       .says = "Time between request and answer, of the ten that take longest.",
       .unit = "s",
       .queries = {{"topk(10, max by (target, probe) (pgvigil_probe_duration_seconds))", "{{target}}: {{probe}}"}},
       .width = 6});
  board.add(
      {.title = "Blind spots",
       .says = "What cannot be seen, of the twenty servers with most; the agent's page says why and how to mend it.",
       .unit = "none",
       .queries = {{"topk(20, max by (target) (pgvigil_blind_spots))", "{{target}}"}},
       .width = 6,
       .checks = {"agent_blind"}});
  board.add({.title = "Plans that are known",
             .says = "Hot queries with a plan, by database.",
             .unit = "none",
             .queries = {{"count by (target, datname) (max by (target, datname, queryid) (pgvigil_plan_cost))",
                          "{{target}}: {{datname}}"}},
             .width = 6,
             .empty_when_healthy = true});
  board.add(
      {.shape = Shape::table,
       .title = "Probes without a full answer",
       .says = "Each makes the checks that read it unknown, never fine; since when is the age of its newest answer.",
       .unit = "s",
       .queries = {{"max by (target, probe) (time() - pgvigil_probe_answer_timestamp_seconds) and "
                    "min by (target, probe) (pgvigil_probe_success) == 0"}},
       .width = 12,
       .checks = {"agent_blind"},
       .empty_when_healthy = true,
       .columns = {{.field = "target", .links = {agent_page_of_row()}},
                   {.field = "probe"},
                   {.field = "Value", .title = "age of the answer", .unit = "s"}},
       .sort_by = "Value"});
  board.add({.shape = Shape::table,
             .title = "Checks that could not be judged",
             .says = "The report names the reason and the GRANT or setting that mends it.",
             .unit = "none",
             .queries = {{R"(group by (target, check) (pgvigil_check_state{state="unknown"}))"}},
             .width = 12,
             .checks = {"agent_blind"},
             .empty_when_healthy = true,
             .columns = {{.field = "target", .links = {agent_page_of_row()}},
                         {.field = "check", .links = {runbook_of_row()}}},
             .hidden = {"Value"}});
}

void voice(Board& board) {
  board.add({.title = "Alerts delivered",
             .says = "By receiver; failed tries are tried again, what was given up is lost.",
             .unit = "none",
             .queries = {{"sum by (receiver) (increase(pgvigil_notifications_sent_total[$__rate_interval]))",
                          "{{receiver}} took"},
                         {"sum by (receiver) (increase(pgvigil_notifications_failed_total[$__rate_interval]))",
                          "{{receiver}} failed"},
                         {"sum by (receiver) (increase(pgvigil_notifications_dropped_total[$__rate_interval]))",
                          "{{receiver}} given up"}}});
  board.add({.title = "Alerts that wait",
             .says = "For each receiver.",
             .unit = "none",
             .queries = {{"sum by (receiver) (pgvigil_notifications_queued)", "{{receiver}}"}},
             .width = 4});
  board.add({.shape = Shape::states,
             .title = "Who sends",
             .says = "Of several agents on one server one sends its alerts.",
             .unit = "none",
             .queries = {{"pgvigil_sends_alerts", "{{target}} ({{instance}})"}},
             .width = 6,
             .mappings = yes_no("sends", "another one sends", true)});
  board.add({.title = "Series folded into \"other\"",
             .says = "What the series budget keeps off the page, by metric.",
             .unit = "cps",
             .queries = {{"sum by (family) (rate(pgvigil_series_dropped_total[$__rate_interval]))", "{{family}}"}},
             .width = 6,
             .empty_when_healthy = true});
}

void versions(Board& board) {
  board.add({.shape = Shape::table,
             .title = "Versions",
             .says = "Of the agents.",
             .unit = "none",
             .queries = {{"count by (job, version) (pgvigil_build_info)"}},
             .width = 24,
             .height = 4,
             .columns = {{.field = "job"}, {.field = "version"}, {.field = "Value", .title = "agents"}},
             .sort_by = "Value"});
}

}  // namespace

std::string agent_board(const Catalog& catalog) {
  Board board(catalog, "pgvigil-agent", "pgvigil: agent health",
              "What the watch itself costs, whether it sees, whether it is heard.", "30s");
  at_a_glance(board);
  cost(board);
  sight(board);
  voice(board);
  versions(board);
  return board.json();
}

}  // namespace pgvigil::grafana
