#include "checks/probes/plan_tables.h"

#include <map>
#include <set>

#include "checks/check.h"
#include "checks/plans/judge.h"
#include "checks/probes/plans.h"

namespace pgvigil {
namespace {

constexpr std::size_t most = 40;
constexpr double recent = 15 * 60;  // seconds; a plan is asked again long before

const std::string sql = named_relations_sql() + table_facts_sql();

using Name = std::pair<std::string, std::string>;  // schema, relation

}  // namespace

std::vector<Request> plan_relation_requests(const Input& in) {
  std::map<std::string, std::set<Name>> wanted;  // by database
  const auto want = [&](const std::string& database, const std::string& schema, const std::string& relation) {
    if (schema.empty() || relation.empty() || schema.starts_with("pg_") || schema == "information_schema") return;
    auto& names = wanted[database];
    if (names.size() < most) names.emplace(schema, relation);
  };
  std::set<std::string> seen;  // an older plan of the same query is history
  const auto all = in.series(plans, recent);
  for (auto answer = all.rbegin(); answer != all.rend(); ++answer)
    for (const Plan& p : answer->rows) {
      if (p.json.empty() || !seen.insert(plans.key(p)).second) continue;
      for (const PlanRelation& r : plan_relations(p.json)) want(p.database, r.schema, r.relation);
    }
  for (const Table& t : in.now(tables))
    if (t.usable_indexes == 0 && t.seq_rows_read > 0 && t.kind != "p") want(t.database, t.schema, t.relation);

  std::vector<Request> requests;
  for (const auto& [database, names] : wanted) {
    std::vector<std::string> schemas, relations;
    for (const auto& [schema, relation] : names) {
      schemas.push_back(schema);
      relations.push_back(relation);
    }
    requests.push_back({.database = database, .parameters = {*encode_cell(schemas), *encode_cell(relations)}});
  }
  return requests;
}

const Probe<Table> plan_tables{{.id = "plan_tables",
                                .title = "Tables that plans of hot queries read",
                                .scope = Scope::database,
                                .cadence = Cadence::sweep,
                                .timeout = Milliseconds(1000),
                                .sql = {{130000, sql}},
                                .plan = plan_relation_requests,
                                .wave = 6},
                               table_columns(),
                               table_key};

}  // namespace pgvigil
