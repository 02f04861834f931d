#include "checks/probes/timeouts.h"

namespace pgvigil {
namespace {

// Our own transaction sets limits, so the server's layer is reset_val. A setting of our own role or database hides
// the server's value from us: then there is no row for that layer. ALTER ROLE ALL counts as the server's.
constexpr std::string_view sql = R"(
with names (setting, to_seconds) as (
  values ('statement_timeout', 0.001), ('lock_timeout', 0.001), ('idle_in_transaction_session_timeout', 0.001),
         ('idle_session_timeout', 0.001), ('transaction_timeout', 0.001), ('client_connection_check_interval', 0.001),
         ('tcp_user_timeout', 0.001), ('deadlock_timeout', 0.001), ('authentication_timeout', 1.0),
         ('tcp_keepalives_idle', 1.0), ('tcp_keepalives_interval', 1.0)),
set_ones as materialized (
  select n.setting, n.to_seconds, s.setdatabase, s.setrole,
         pg_catalog.regexp_match(pg_catalog.lower(pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1)),
                                 '^\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(us|ms|s|min|h|d)?\s*$') as parts
  from pg_catalog.pg_db_role_setting s
  cross join lateral pg_catalog.unnest(s.setconfig) c (item)
  join names n on n.setting = pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1))),
layers as (
  select p.name as setting, 'server' as layer, '' as role, '' as database,
         case when p.source in ('session', 'client', 'interactive') then '' else p.source end as source,
         p.reset_val::float8 * n.to_seconds as seconds
  from pg_catalog.pg_settings p
  join names n on n.setting = p.name
  where not exists (
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
         case when s.setrole = 0 and s.setdatabase = 0 then 'all roles' else '' end,
         s.parts[1]::float8 * case s.parts[2] when 'us' then 0.000001 when 'ms' then 0.001 when 's' then 1
                                              when 'min' then 60 when 'h' then 3600 when 'd' then 86400
                                              else s.to_seconds end
  from set_ones s
  where s.parts is not null)
select setting, layer, role, database, source, seconds::float8 as seconds
from layers
order by setting, layer, role, database
limit 1000
)";

}  // namespace

std::optional<Timeout> limit_of(std::span<const Timeout> all, std::string_view setting, std::string_view role,
                                std::string_view database) {
  std::optional<Timeout> best;
  int rank = -1;
  for (const Timeout& t : all) {
    if (t.setting != setting || (!t.role.empty() && t.role != role) || (!t.database.empty() && t.database != database))
      continue;
    const int r = t.layer == "server" ? 0 : t.layer == "database" ? 1 : t.layer == "role" ? 2 : 3;
    if (r > rank) rank = r, best = t;
  }
  return best && best->seconds > 0 ? best : std::nullopt;
}

const Probe<Timeout> timeouts{
    {.id = "timeouts", .title = "Where time limits are set", .cadence = Cadence::sweep, .sql = {{130000, sql}}},
    {{"setting", &Timeout::setting},
     {"layer", &Timeout::layer},
     {"role", &Timeout::role},
     {"database", &Timeout::database},
     {"source", &Timeout::source},
     {"seconds", &Timeout::seconds}},
    [](const Timeout& t) { return t.setting + "\n" + t.layer + "\n" + t.role + "\n" + t.database; }};

}  // namespace pgvigil
