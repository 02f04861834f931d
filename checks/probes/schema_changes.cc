#include "checks/probes/schema_changes.h"

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/probes/indexes.h"
#include "checks/probes/schema_state.h"
#include "checks/probes/tables.h"

namespace pgvigil {
namespace {

constexpr std::size_t most_missed = 200;

// $1: relations above this oid are new. $2: relations that an earlier look saw and the last one did not.
constexpr std::string_view sql = R"(
with wanted as materialized (
  (select c.oid, true as is_new
   from pg_catalog.pg_class c
   where c.oid > $1::oid and c.relkind in ('r', 'p', 'm', 'i', 'I') and c.relpersistence <> 't'
     and c.relnamespace not in (select n.oid from pg_catalog.pg_namespace n
                                where n.nspname = 'information_schema' or n.nspname ~ '^pg_')
   order by c.oid desc
   limit 200)
  union all
  select u.oid, false from pg_catalog.unnest($2::oid[]) u (oid))
select pg_catalog.current_database()::text as database,
       wanted.oid::bigint as oid,
       c.oid is not null as exists,
       wanted.is_new,
       coalesce(pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), '') as name,
       coalesce(pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.relname), '') as "table",
       coalesce(c.relkind::text, '') as kind,
       coalesce((select pg_catalog.quote_ident(pn.nspname) || '.' || pg_catalog.quote_ident(p.relname)
                 from pg_catalog.pg_class p join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
                 where p.oid = pg_catalog.pg_partition_root(coalesce(t.oid, c.oid))
                   and coalesce(t.relispartition, c.relispartition)), '') as parent,
       coalesce(c.relpersistence::text, '') as persistence,
       array(select coalesce(pg_catalog.quote_ident(a.attname), '')
             from pg_catalog.generate_series(0, i.indnkeyatts - 1) k
             left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k] and a.attnum > 0
             order by k) as columns,
       x.usable as usable_indexes,
       x.has_key,
       greatest(coalesce(c.relpages, 0), 0)::bigint as pages,
       coalesce(pg_catalog.pg_stat_get_live_tuples(c.oid), 0)::bigint as live_rows
from wanted
left join pg_catalog.pg_class c on c.oid = wanted.oid
left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_index i on i.indexrelid = c.oid
left join pg_catalog.pg_class t on t.oid = i.indrelid
left join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
cross join lateral (
  select pg_catalog.count(*) filter (where o.indisvalid and o.indisready and o.indislive)::bigint as usable,
         coalesce(pg_catalog.bool_or(o.indisunique and o.indisvalid), false) as has_key
  from pg_catalog.pg_index o where o.indrelid = c.oid) x
order by wanted.oid
)";

// Names and oids that one answer has, by database.
template <class Row>
std::map<std::string, std::map<std::string, std::int64_t>> by_database(std::span<const Row> rows) {
  std::map<std::string, std::map<std::string, std::int64_t>> all;
  for (const Row& r : rows) all[r.database][r.name] = r.oid;
  return all;
}

// What earlier answers have and the newest lacks: dropped, or only no longer among the largest. Never where the
// newest did not see the whole database.
template <class Row>
void missed(const Input& in, const Probe<Row>& probe, std::map<std::string, std::set<std::int64_t>>& out) {
  const Answer* newest = in.seen(probe);
  if (newest == nullptr || in.history().latest(probe) != newest) return;
  const auto now = by_database(in.now(probe));
  const auto failed = [&](const std::string& database) {
    return std::any_of(newest->failures.begin(), newest->failures.end(),
                       [&](const Failure& f) { return f.database.empty() || f.database == database; });
  };
  for (const auto& answer : in.series(probe, in.history().keep_seconds))
    for (const Row& r : answer.rows) {
      const auto database = now.find(r.database);
      const bool there = database != now.end() && database->second.contains(r.name);
      if (!there && !failed(r.database) && out[r.database].size() < most_missed) out[r.database].insert(r.oid);
    }
}

std::vector<Request> plan(const Input& in) {
  std::vector<Request> requests;
  if (in.context().one_shot) return requests;  // it has no earlier look
  std::map<std::string, std::set<std::int64_t>> gone;
  missed(in, tables, gone);
  missed(in, indexes, gone);
  std::map<std::string, std::int64_t> first;
  for (const auto& answer : in.series(schema_state, in.history().keep_seconds))
    for (const SchemaState& s : answer.rows) first.emplace(s.database, s.newest_oid);
  for (const SchemaState& s : in.now(schema_state)) {
    const auto suspects = gone.find(s.database);
    if (s.newest_oid <= first[s.database] && suspects == gone.end()) continue;
    std::string list;
    if (suspects != gone.end())
      for (const std::int64_t oid : suspects->second) list += (list.empty() ? "" : ",") + std::to_string(oid);
    requests.push_back({.database = s.database, .parameters = {std::to_string(first[s.database]), "{" + list + "}"}});
  }
  return requests;
}

}  // namespace

// In a late wave: a first or second one that has something to ask would call for a sweep at once, again and again.
const Probe<SchemaChange> schema_changes{
    {.id = "schema_changes",
     .title = "Relations that are new, or that are missed",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(1000),
     .sql = {{130000, sql}},
     .plan = plan,
     .wave = 3},
    {{"database", &SchemaChange::database},
     {"oid", &SchemaChange::oid},
     {"exists", &SchemaChange::exists},
     {"is_new", &SchemaChange::is_new},
     {"name", &SchemaChange::name},
     {"table", &SchemaChange::table},
     {"kind", &SchemaChange::kind},
     {"parent", &SchemaChange::parent},
     {"persistence", &SchemaChange::persistence},
     {"columns", &SchemaChange::columns},
     {"usable_indexes", &SchemaChange::usable_indexes},
     {"has_key", &SchemaChange::has_key},
     {"pages", &SchemaChange::pages},
     {"live_rows", &SchemaChange::live_rows}},
    [](const SchemaChange& c) { return c.database + "\n" + std::to_string(c.oid); }};

}  // namespace pgvigil
