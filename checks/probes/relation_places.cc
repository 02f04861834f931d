#include "checks/probes/relation_places.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/hot_queries.h"
#include "checks/plans/sql.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/plans.h"

namespace pgvigil {
namespace {

// A name that only one schema has needs no look at the locks: the subquery without rows spares it.
constexpr std::string_view question = R"(
with named as materialized (
  select c.oid, n.nspname::text as schema, c.relname::text as relation,
         pg_catalog.count(*) over (partition by c.relname) as schemas,
         (pg_catalog.pg_stat_get_tuples_returned(c.oid) + pg_catalog.pg_stat_get_tuples_fetched(c.oid)
          + case when c.relkind = 'p'
                 then (select coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_tuples_returned(i.inhrelid)
                                                      + pg_catalog.pg_stat_get_tuples_fetched(i.inhrelid)), 0)
                       from pg_catalog.pg_inherits i where i.inhparent = c.oid)
                 else 0 end)::bigint as rows_read
  from pg_catalog.unnest($1::text[]) u (relation)
  join pg_catalog.pg_class c on c.relname = u.relation::name and c.relkind in ('r', 'p', 'v', 'm', 'f')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname <> 'information_schema' and (n.nspname !~ '^pg_' or n.nspname like 'pg\_temp\_%')
  order by n.nspname like 'pg\_temp\_%', 5 desc, c.oid
  limit 400),
held as materialized (
  select l.relation as oid, pg_catalog.array_agg(distinct l.pid)::bigint[] as pids
  from pg_catalog.pg_locks l
  where (select pg_catalog.bool_or(schemas > 1) from named)
    and l.locktype = 'relation' and l.granted and l.relation in (select oid from named where schemas > 1)
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  group by l.relation)
select pg_catalog.current_database()::text as database, schema, relation, rows_read, pids as locked_by
from named left join held using (oid)
)";

constexpr double again = 50;      // seconds after which names are looked up anew
constexpr std::size_t most = 60;  // names in one question
constexpr std::size_t hottest = 15;
constexpr double busier = 10;  // times as many rows read tell which one is meant

std::set<std::string> unqualified(std::string_view text) {
  std::set<std::string> names;
  for (const sql::RelationUse& r : sql::relations(text))
    if (r.schema.empty()) names.insert(r.relation);
  return names;
}

std::vector<Request> plan(const Input& in) {
  std::set<std::string> explained;
  for (const auto& answer : in.series(plans, again))
    for (const Plan& p : answer.rows) explained.insert(p.database + "\n" + p.query_id);
  std::map<std::string, std::set<std::string>> wanted;  // by database
  std::size_t seen = 0;
  for (const HotEntry& e : hot_queries(in, load(in, 30))) {
    const std::string& database = e.load.database;
    if (e.cut || e.text.empty() || explained.contains(database + "\n" + e.query_id)) continue;
    if (e.named == nullptr && ++seen > hottest) continue;
    auto& names = wanted[database];
    const auto want = [&](std::string_view text) {
      for (const std::string& name : unqualified(text))
        if (names.size() < most) names.insert(name);
    };
    if (e.named == nullptr || e.named->search_path.empty()) want(e.text);
    for (const Inner& inner : inner_statements(in, database, e.text)) want(inner.statement->query);
  }
  std::vector<Request> requests;
  for (const auto& [database, names] : wanted)
    if (!names.empty())
      requests.push_back(
          {.database = database, .parameters = {*encode_cell(std::vector<std::string>(names.begin(), names.end()))}});
  return requests;
}

}  // namespace

Places places_of(const Input& in, const std::string& database, std::string_view text,
                 const std::vector<std::int64_t>& pids) {
  // By relation, by schema. The newest answer about a name has all its schemas.
  std::map<std::string, std::map<std::string, const RelationPlace*>> known;
  const auto answers = in.series(relation_places, in.history().keep_seconds);
  for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer) {
    std::set<std::string> names;
    for (const RelationPlace& p : answer->rows)
      if (p.database == database && !is_temporary(p) && (names.contains(p.relation) || !known.contains(p.relation))) {
        names.insert(p.relation);
        known[p.relation][p.schema] = &p;
      }
  }
  Places out;
  if (known.empty()) return out;
  const auto add = [](std::vector<std::string>& all, const std::string& schema) {
    if (std::find(all.begin(), all.end(), schema) == all.end()) all.push_back(schema);
  };
  std::string first_guess;
  for (const std::string& name : unqualified(text)) {
    const auto it = known.find(name);
    if (it == known.end()) continue;
    const auto& schemas = it->second;
    if (schemas.size() == 1) {
      add(out.others, schemas.begin()->first);
      if (out.basis.empty())
        out.basis = fmt::format("schema {}, the only one that has {}", schemas.begin()->first, name);
      continue;
    }
    std::vector<std::string> held;
    for (const auto& [schema, place] : schemas)
      if (std::any_of(pids.begin(), pids.end(), [&all = place->locked_by](std::int64_t pid) {
            return std::find(all.begin(), all.end(), pid) != all.end();
          }))
        held.push_back(schema);
    if (held.size() == 1) {
      add(out.schemas, held[0]);
      out.basis = fmt::format("schema {}, where its sessions have locked {}", held[0], name);
      continue;
    }
    // By what is read now; where that is not known or says nothing, by what was ever read.
    std::vector<std::pair<double, std::string>> by_growth, by_total;
    for (const auto& [schema, place] : schemas) {
      by_growth.emplace_back(in.rate(relation_places, *place, &RelationPlace::rows_read).value_or(0), schema);
      by_total.emplace_back(static_cast<double>(place->rows_read), schema);
    }
    std::string chosen;
    for (auto* order : {&by_growth, &by_total}) {
      std::sort(order->begin(), order->end(), std::greater<>());
      if (chosen.empty() && (*order)[0].first > 0 && (*order)[0].first >= busier * (*order)[1].first)
        chosen = (*order)[0].second;
    }
    if (!chosen.empty()) {
      if (out.basis.empty())
        out.basis = fmt::format("schema {}, the busiest of {} that have {}", chosen, schemas.size(), name);
      add(out.others, chosen);
    } else {
      out.guessed = true;
      first_guess = by_total[0].second;
      out.basis = fmt::format("schema {}, one of {} that have {}: nothing tells which one is meant", first_guess,
                              schemas.size(), name);
    }
  }
  // A schema that is chosen for one name is likely the one for the others.
  if (out.guessed && out.others.empty() && out.schemas.empty()) add(out.others, first_guess);
  return out;
}

const Probe<RelationPlace> relation_places{
    {.id = "relation_places",
     .title = "Schemas that hold the relations of hot queries",
     .scope = Scope::database,
     .cadence = Cadence::sweep,
     .timeout = Milliseconds(500),
     .sql = {{130000, question}},
     .plan = plan,
     .wave = 4},
    {{"database", &RelationPlace::database},
     {"schema", &RelationPlace::schema},
     {"relation", &RelationPlace::relation},
     {"rows_read", &RelationPlace::rows_read},
     {"locked_by", &RelationPlace::locked_by}},
    [](const RelationPlace& p) { return p.database + "\n" + p.schema + "\n" + p.relation; }};

}  // namespace pgvigil
