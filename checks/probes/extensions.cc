#include "checks/probes/extensions.h"

#include "checks/probes/plan_tables.h"

namespace pgvigil {
namespace {

constexpr std::string_view sql = R"(
select pg_catalog.current_database()::text as database,
       e.extname::text as name,
       e.extversion::text as version,
       pg_catalog.quote_ident(n.nspname) as schema
from pg_catalog.pg_extension e
join pg_catalog.pg_namespace n on n.oid = e.extnamespace
order by e.extname
limit 200
)";

std::vector<Request> plan(const Input& in) {
  auto requests = plan_relation_requests(in);
  for (Request& r : requests) r.parameters.clear();
  return requests;
}

}  // namespace

const Probe<Extension> extensions{{.id = "extensions",
                                   .title = "Extensions of the databases in which queries are explained",
                                   .scope = Scope::database,
                                   .cadence = Cadence::sweep,
                                   .timeout = Milliseconds(300),
                                   .sql = {{130000, sql}},
                                   .plan = plan,
                                   .wave = 6},
                                  {{"database", &Extension::database},
                                   {"name", &Extension::name},
                                   {"version", &Extension::version},
                                   {"schema", &Extension::schema}},
                                  [](const Extension& e) { return e.database + "\n" + e.name; }};

}  // namespace pgvigil
