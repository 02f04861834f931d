#include "checks/probes/jit.h"

#include <stdexcept>

#include "checks/check.h"
#include "checks/plans/plan_tree.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"

namespace pgvigil {
namespace {

constexpr double dear = 10'000;  // the planner's cost; jit_above_cost is 100,000 unless somebody has set it

// pg_jit_available loads the compiler, and tells nothing where JIT is off for ourselves. Settings of our own role or
// database hide the server's value from us: then there is no row for that layer.
constexpr std::string_view sql = R"(
with set_ones as materialized (
  select pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) as setting,
         pg_catalog.lower(pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1)) as value,
         s.setdatabase, s.setrole
  from pg_catalog.pg_db_role_setting s
  cross join lateral pg_catalog.unnest(s.setconfig) c (item)
  where pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) in ('jit', 'jit_above_cost')),
layers as (
  select 'provider' as setting, 'server' as layer, '' as role, '' as database,
         case when pg_catalog.current_setting('jit') <> 'on' then '' when pg_catalog.pg_jit_available() then 'on'
              else 'off' end as value
  union all
  select p.name, 'server', '', '', p.reset_val
  from pg_catalog.pg_settings p
  where p.name in ('jit', 'jit_above_cost')
    and not exists (
      select from set_ones s
      where s.setting = p.name
        and s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
        and s.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user)))
  union all
  select s.setting,
         case when s.setrole = 0 and s.setdatabase = 0 then 'server' when s.setdatabase = 0 then 'role'
              when s.setrole = 0 then 'database' else 'role in database' end,
         coalesce((select r.rolname::text from pg_catalog.pg_roles r where r.oid = s.setrole), ''),
         coalesce((select d.datname::text from pg_catalog.pg_database d where d.oid = s.setdatabase), ''),
         s.value
  from set_ones s)
select setting, layer, role, database, value
from layers
order by setting, layer, role, database
limit 500
)";

// Only where it matters: a hot query has a plan that is dear enough.
std::vector<Request> plan(const Input& in) {
  const auto servers = in.now(server);
  if (servers.empty()) return {};
  for (const auto& answer : in.series(plans, 5 * 60))
    for (const Plan& p : answer.rows) try {
        if (!p.json.empty() && parse_plan(p.json).root.total_cost >= dear) return {Request{}};
      } catch (const std::invalid_argument&) {
        continue;
      }
  return {};
}

}  // namespace

const Probe<Jit> jit{{.id = "jit",
                      .title = "Whether and from which cost queries are JIT-compiled",
                      .cadence = Cadence::sweep,
                      .timeout = Milliseconds(1000),
                      .sql = {{130000, sql}},
                      .plan = plan,
                      .wave = 6},
                     {{"setting", &Jit::setting},
                      {"layer", &Jit::layer},
                      {"role", &Jit::role},
                      {"database", &Jit::database},
                      {"value", &Jit::value}},
                     [](const Jit& j) { return j.setting + "\n" + j.layer + "\n" + j.role + "\n" + j.database; }};

}  // namespace pgvigil
