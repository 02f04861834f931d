#include "checks/probes/oldest_tables.h"

#include "checks/check.h"
#include "checks/probes/database_ages.h"

namespace pgvigil {
namespace {

constexpr std::int64_t old = 400'000'000;  // what autovacuum lets come by default, twice: nobody need be asked before

// $1: xid, multixact or both.
constexpr std::string_view sql = R"(
with aged as materialized (
  select coalesce(o.oid, c.oid) as oid, pg_catalog.age(c.relfrozenxid)::bigint as xid_age,
         pg_catalog.mxid_age(c.relminmxid)::bigint as multixact_age, greatest(c.relpages, 0)::bigint as pages
  from pg_catalog.pg_class c
  left join pg_catalog.pg_class o on c.relkind = 't' and o.reltoastrelid = c.oid
  where c.relkind in ('r', 'm', 't') and c.relfrozenxid <> '0'::xid),
ranked as (
  (select oid, false as by_multixact, xid_age as age, pages from aged where $1 <> 'multixact' order by xid_age desc, pages desc limit 5)
  union all
  (select oid, true, multixact_age, pages from aged where $1 <> 'xid' order by multixact_age desc, pages desc limit 5))
select pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
       pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
       ranked.by_multixact,
       ranked.age,
       ranked.pages * pg_catalog.current_setting('block_size')::bigint as bytes
from ranked
join pg_catalog.pg_class c on c.oid = ranked.oid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
order by ranked.by_multixact, ranked.age desc, ranked.pages desc
)";

std::vector<Request> plan(const Input& in) {
  std::vector<Request> requests;
  for (const DatabaseAge& a : in.now(database_ages)) {
    const bool xid = a.xid_age >= old, multixact = a.multixact_age >= old;
    if ((!xid && !multixact) || !a.allows_connections || requests.size() >= 10) continue;
    requests.push_back({.database = a.database, .parameters = {xid && multixact ? "both" : xid ? "xid" : "multixact"}});
  }
  return requests;
}

}  // namespace

const Probe<OldTable> oldest_tables{
    {.id = "oldest_tables",
     .title = "Tables with the oldest transaction ids",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(2000),
     .sql = {{130000, sql}},
     .plan = plan,
     .wave = 3},
    {{"database", &OldTable::database},
     {"name", &OldTable::name},
     {"owner", &OldTable::owner},
     {"by_multixact", &OldTable::by_multixact},
     {"age", &OldTable::age},
     {"bytes", &OldTable::bytes}},
    [](const OldTable& t) { return t.database + "\n" + t.name + (t.by_multixact ? "\nm" : "\nx"); }};

}  // namespace pgvigil
