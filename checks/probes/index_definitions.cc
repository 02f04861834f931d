#include "checks/probes/index_definitions.h"

#include "checks/check.h"
#include "checks/probes/plan_indexes.h"

namespace pgvigil {
namespace {

// pg_get_indexdef and pg_get_expr open the relation: behind an ACCESS EXCLUSIVE lock they wait until lock_timeout. That
// is why only indexes with expressions or predicates are asked about, apart from the rest.
constexpr std::string_view sql = R"(
select pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(x.relname) as name,
       array(select pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
             from pg_catalog.generate_series(1, i.indnkeyatts::int) k order by k) as keys,
       coalesce(pg_catalog.pg_get_expr(i.indpred, i.indrelid, true), '') as predicate
from pg_catalog.unnest($1::oid[]) wanted (oid)
join pg_catalog.pg_index i on i.indexrelid = wanted.oid
join pg_catalog.pg_class x on x.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = x.relnamespace
limit 200
)";

std::vector<Request> plan(const Input& in) {
  std::map<std::string, std::string> wanted;  // by database
  for (const Index& i : in.now(plan_indexes))
    if (i.has_expressions || i.has_predicate) {
      std::string& list = wanted[i.database];
      list += (list.empty() ? "" : ",") + std::to_string(i.oid);
    }
  std::vector<Request> requests;
  for (const auto& [database, list] : wanted)
    requests.push_back({.database = database, .parameters = {"{" + list + "}"}});
  return requests;
}

}  // namespace

const Probe<IndexDefinition> index_definitions{
    {.id = "index_definitions",
     .title = "Expressions and predicates of indexes on tables that plans of hot queries read",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(500),
     .sql = {{130000, sql}},
     .plan = plan,
     .wave = 7},
    {{"database", &IndexDefinition::database},
     {"name", &IndexDefinition::name},
     {"keys", &IndexDefinition::keys},
     {"predicate", &IndexDefinition::predicate}},
    [](const IndexDefinition& d) { return d.database + "\n" + d.name; }};

}  // namespace pgvigil
