#include "checks/probes/foreign_servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/plans/plan_tree.h"
#include "checks/plans/sql.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

constexpr std::string_view question = R"(
select pg_catalog.current_database()::text as database,
       n.nspname::text as schema,
       c.relname::text as relation,
       s.srvname::text as server,
       w.fdwname::text as wrapper
from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) u (schema, relation)
join pg_catalog.pg_namespace n on n.nspname = u.schema::name
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = u.relation::name
join pg_catalog.pg_foreign_table f on f.ftrelid = c.oid
join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw
limit 40
)";

constexpr double again = 10 * 60;
constexpr std::size_t most = 40;
constexpr double most_of_it = 0.5;

struct Foreign {
  double cost = 0, all = 0;
  std::set<std::pair<std::string, std::string>> tables;  // schema and relation
};

Foreign foreign_part(const Plan& p) {
  Foreign out;
  if (p.json.find("Foreign Scan") == std::string::npos) return out;
  try {
    const PlanTree plan = parse_plan(p.json);
    out.all = plan.root.total_cost;
    each_node(plan.root, [&](const PlanNode& n, int) {
      if (n.type != "Foreign Scan") return;
      out.cost += n.total_cost;
      if (!n.relation.empty()) out.tables.emplace(n.schema, n.relation);
    });
  } catch (const std::invalid_argument&) {
    out.all = 0;
  }
  return out;
}

std::vector<Request> plan(const Input& in) {
  std::map<std::string, std::set<std::pair<std::string, std::string>>> wanted;  // by database
  for (const auto& answer : in.series(plans, again))
    for (const Plan& p : answer.rows)
      for (const auto& table : foreign_part(p).tables)
        if (wanted[p.database].size() < most) wanted[p.database].insert(table);
  for (const auto& answer : in.series(foreign_servers, again))
    for (const ForeignTable& t : answer.rows) wanted[t.database].erase({t.schema, t.relation});
  std::vector<Request> requests;
  for (const auto& [database, tables] : wanted) {
    std::vector<std::string> schemas, relations;
    for (const auto& [schema, relation] : tables) schemas.push_back(schema), relations.push_back(relation);
    if (!tables.empty())
      requests.push_back({.database = database, .parameters = {*encode_cell(schemas), *encode_cell(relations)}});
  }
  return requests;
}

}  // namespace

std::string spent_elsewhere(const Input& in, const Plan& plan) {
  const Foreign part = foreign_part(plan);
  if (part.all <= 0 || part.cost < most_of_it * part.all) return "";
  std::set<std::string> servers, names;
  for (const auto& [schema, relation] : part.tables)
    names.insert(sql::quote_identifier(schema) + "." + sql::quote_identifier(relation));
  for (const auto& answer : in.series(foreign_servers, in.history().keep_seconds))
    for (const ForeignTable& t : answer.rows)
      if (t.database == plan.database && part.tables.contains({t.schema, t.relation})) servers.insert(t.server);
  return fmt::format("{}{}: {} of the planner's cost",
                     servers.empty() ? "another server" : fmt::format("server {}", fmt::join(servers, ", ")),
                     names.empty() ? "" : fmt::format(", through {}", fmt::join(names, ", ")),
                     words::share(std::min(1.0, part.cost / part.all)));
}

const Probe<ForeignTable> foreign_servers{
    {.id = "foreign_servers",
     .title = "Servers of foreign tables that plans of hot queries read",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(300),
     .sql = {{130000, question}},
     .plan = plan,
     .wave = 6},
    {{"database", &ForeignTable::database},
     {"schema", &ForeignTable::schema},
     {"relation", &ForeignTable::relation},
     {"server", &ForeignTable::server},
     {"wrapper", &ForeignTable::wrapper}},
    [](const ForeignTable& t) { return t.database + "\n" + t.schema + "\n" + t.relation; }};

}  // namespace pgvigil
