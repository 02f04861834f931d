#include "checks/plans/scan_examples.h"

#include <fmt/format.h>

#include "checks/plans/sql.h"
#include "checks/probes/activity.h"
#include "checks/probes/plans.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/server.h"

namespace pgvigil::scan_examples {

std::string scan_plan(const std::string& table, const std::string& filter, double kept) {
  return fmt::format(
      R"j([{{"Plan":{{"Node Type":"Limit","Plan Rows":1,"Plans":[{{"Node Type":"Gather","Plan Rows":1,"Workers Planned":2,"Plans":[
    {{"Node Type":"Seq Scan","Parallel Aware":true,"Schema":"public","Relation Name":"{}","Plan Rows":{},"Filter":"{}"}}]}}]}}}}])j",
      table, kept, filter);
}
std::string aggregate_plan(const std::string& table, double rows) {
  return fmt::format(
      R"j([{{"Plan":{{"Node Type":"Aggregate","Strategy":"Hashed","Plan Rows":3,"Output":["state","count(*)"],"Plans":[
    {{"Node Type":"Seq Scan","Schema":"public","Relation Name":"{}","Plan Rows":{}}}]}}}}])j",
      table, rows);
}
std::string incident_plan() { return scan_plan("docs", "((docs.dump_id = ?) AND (docs.path = ?::text))", 1); }

Scenario past(const Past& p) {
  Scenario out;
  out.context.vcpus = 4;
  Server s;
  s.version_num = 150'020;
  s.role = "pgvigil";
  s.can_read_stats = true;
  s.maintenance_work_mem = 16 << 20;
  s.temp_file_limit = 64 << 20;
  s.max_parallel_maintenance_workers = 2;
  out.saw(5, server, {s});

  Table t;
  t.database = "codeintel";
  t.schema = "public";
  t.relation = p.name;
  t.name = "public." + sql::quote_identifier(p.name);
  t.owner = "app_owner";
  t.kind = "r";
  t.heap_bytes = p.heap_bytes;
  t.toast_bytes = p.toast_bytes;
  t.rows = p.rows;
  std::vector<Index> known;
  if (!p.index.empty()) {
    Index i;
    i.database = t.database;
    i.table = t.name;
    i.name = "public." + p.name + "_some_idx";
    i.method = "btree";
    i.columns = p.index;
    i.is_valid = !p.invalid;
    (p.invalid ? t.invalid_indexes : t.usable_indexes) = 1;
    known.push_back(i);
  }
  t.size_known = p.size_known;
  t.live_rows = p.live_rows, t.dead_rows = p.dead_rows;
  out.saw(60, tables, {t});
  t.seq_rows_read = p.rows_read;
  out.saw(0, tables, {t});
  out.saw(60, indexes, known).saw(0, indexes, known);
  std::vector<RelationColumn> columns;
  for (const auto& [column, type] : {std::pair("dump_id", "integer"), std::pair("path", "text"),
                                     std::pair("state", "text"), std::pair("data", "bytea")}) {
    RelationColumn c;
    c.database = t.database;
    c.table = t.name;
    c.column = column;
    c.type = type;
    c.type_category = "S";
    c.distinct = -0.1;
    c.average_width = 4;
    columns.push_back(c);
  }
  out.saw(0, relation_columns, columns);
  if (!p.plan.empty() || !p.refused.empty()) {
    Plan plan;
    plan.query_id = p.configured ? "config:named" : "42";
    plan.name = p.configured ? "named" : "";
    plan.database = t.database;
    plan.query = p.query;
    plan.json = p.plan;
    plan.source = "literals";
    plan.sqlstate = p.refused;
    if (p.configured) out.context.hot_queries = {{.name = "named", .database = t.database, .sql = p.query}};
    out.saw(5, plans, {plan});
  }
  for (int sample = p.samples - 1; sample >= 0; --sample) {
    const double ago = sample * p.gap;
    std::vector<Session> all;
    for (int i = 0; i < p.sessions + p.others; ++i) {
      const bool other = i >= p.sessions;
      Session one;
      one.pid = 100 + i;
      one.database = t.database;
      one.user = "app";
      one.application = p.application;
      one.backend_age = p.opened;
      one.backend_type = "client backend";
      one.state = "active";
      one.query_id = other ? "7" : "42";
      one.query = other ? "SELECT pg_sleep($1)" : p.query;
      if (p.again) one.query_start = 1e9 - ago;
      one.query_age = other ? 0.1 : p.age;
      all.push_back(one);
    }
    out.saw(ago, activity, all);
  }
  return out;
}

}  // namespace pgvigil::scan_examples
