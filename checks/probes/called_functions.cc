#include "checks/probes/called_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/hot_queries.h"
#include "checks/plans/calls.h"
#include "checks/plans/sql.h"
#include "checks/probes/plans.h"

namespace pgvigil {
namespace {

// Catalogue only. $1, $2: schemas and names of functions; $3, $4: schemas and names of tables that are written to;
// $5, $6: of those that rows are deleted from; $7, $8, $9: of columns that are updated.
// Functions that those call in turn are found by their names in the body. Of a body made of SQL the server holds the
// parse tree alone, and printing it opens its tables: not while somebody holds or wants one of them for himself.
// A foreign key looks up the rows that refer to each row deleted, or given another key, as ri_triggers.c writes it;
// with CASCADE those go or change as well, and so on. Told are the keys that no index begins with, on tables that are
// not small. Which columns a function's body updates is not asked.
constexpr std::string_view sql = R"(
with recursive roots as (
  select p.oid, p.oid as root, '' as trigger, '' as on_schema, '' as on_table, 0 as events
  from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) u (schema, name)
  join pg_catalog.pg_proc p on p.proname = u.name::name
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace and (u.schema = '' or n.nspname = u.schema::name)
  union all
  select t.tgfoid, t.tgfoid, t.tgname::text, n.nspname::text, c.relname::text, t.tgtype::int
  from rows from (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])) u (schema, relation)
  join pg_catalog.pg_class c on c.relname = u.relation::name and c.relkind in ('r', 'p', 'v')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and (u.schema = '' or n.nspname = u.schema::name)
  join pg_catalog.pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('O', 'A')),
written as materialized (
  select p.oid, p.proname, p.prosrc, l.lanname
  from pg_catalog.pg_proc p
  join pg_catalog.pg_language l on l.oid = p.prolang and l.lanname in ('sql', 'plpgsql')
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
    and not exists (select from pg_catalog.pg_depend d
                    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')),
own as materialized (select distinct r.* from roots r join written w on w.oid = r.oid limit 15),
used as materialized (
  select * from own
  union
  (select f.oid, o.root, o.trigger, o.on_schema, o.on_table, o.events
   from own o
   join written w on w.oid = o.oid
   join written f on f.oid <> o.oid and pg_catalog.strpos(w.prosrc, f.proname || '(') > 0
   limit 20)),
-- What those bodies write to, by the names in them, fires triggers and foreign keys in turn.
mentioned as materialized (
  select distinct c.oid, n.nspname::text as on_schema, c.relname::text as on_table, c.relkind,
         w.prosrc ~* '\mdelete\M' as deletes
  from used
  join written w on w.oid = used.oid and w.prosrc ~* '\m(insert|update|delete|merge)\M'
  cross join lateral (
    select distinct case when m[1] like '"%' then pg_catalog.btrim(m[1], '"') else pg_catalog.lower(m[1]) end as name
    from pg_catalog.regexp_matches(w.prosrc, '"[^"]+"|[[:alpha:]_][[:alnum:]_$]*', 'g') m) words
  join pg_catalog.pg_class c on c.relname = words.name::name and c.relkind in ('r', 'p', 'v')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
  limit 100),
fired as materialized (
  select t.tgfoid as oid, t.tgfoid as root, t.tgname::text as trigger, m.on_schema, m.on_table, t.tgtype::int as events
  from (select distinct oid, on_schema, on_table from mentioned) m
  join pg_catalog.pg_trigger t on t.tgrelid = m.oid and not t.tgisinternal and t.tgenabled in ('O', 'A')
  limit 15),
touched as materialized (
  select c.oid, n.nspname::text as on_schema, c.relname::text as on_table, 'delete' as event, '{}'::int2[] as columns
  from rows from (pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[])) u (schema, relation)
  join pg_catalog.pg_class c on c.relname = u.relation::name and c.relkind in ('r', 'p')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and (u.schema = '' or n.nspname = u.schema::name)
  union
  select oid, on_schema, on_table, 'delete', '{}' from mentioned where deletes and relkind in ('r', 'p')
  union all
  select c.oid, n.nspname::text, c.relname::text, 'update', pg_catalog.array_agg(a.attnum)
  from rows from (pg_catalog.unnest($7::text[]), pg_catalog.unnest($8::text[]), pg_catalog.unnest($9::text[]))
    u (schema, relation, attribute)
  join pg_catalog.pg_class c on c.relname = u.relation::name and c.relkind in ('r', 'p')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace and (u.schema = '' or n.nspname = u.schema::name)
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = u.attribute::name and a.attnum > 0
  group by 1, 2, 3),
keys as (
  select k.oid, k.conrelid, k.conkey, k.confkey as root_key, e.on_schema, e.on_table, e.oid as root, e.event,
         case e.event when 'delete' then k.confdeltype else k.confupdtype end as action, 1 as depth
  from touched e
  join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = e.oid
                             and d.classid = 'pg_catalog.pg_constraint'::regclass
  join pg_catalog.pg_constraint k on k.oid = d.objid and k.contype = 'f' and k.confrelid = e.oid
  where e.event = 'delete' or k.confkey operator(pg_catalog.&&) e.columns
  union
  select k.oid, k.conrelid, k.conkey, p.root_key, p.on_schema, p.on_table, p.root, p.event,
         case p.event when 'delete' then k.confdeltype else k.confupdtype end, p.depth + 1
  from keys p
  join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = p.conrelid
                             and d.classid = 'pg_catalog.pg_constraint'::regclass
  join pg_catalog.pg_constraint k on k.oid = d.objid and k.contype = 'f' and k.confrelid = p.conrelid
  where p.action = 'c' and p.depth < 4
    and (p.event = 'delete' or k.confkey operator(pg_catalog.&&) p.conkey)),
slow_keys as (
  select distinct on (k.oid, p.root, p.event) k.*, c.relname, n.nspname, p.on_schema, p.on_table, p.root, p.root_key,
         p.event
  from keys p
  join pg_catalog.pg_constraint k on k.oid = p.oid
  join pg_catalog.pg_class c on c.oid = k.conrelid
                            and (c.relkind = 'p' or c.relpages >= 128 or c.reltuples <= 0)
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where k.conparentid = 0
    and not exists (select from pg_catalog.pg_index i
                    where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
                      and k.conkey operator(pg_catalog.<@) (i.indkey::int2[])[0:pg_catalog.cardinality(k.conkey) - 1])
  order by k.oid, p.root, p.event
  limit 20)
select 'in:' || p.oid::text as query_id,
       '' as query,
       '' as fingerprint,
       false as truncated,
       pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) as function,
       rn.nspname::text as called_schema,
       r.proname::text as called,
       (r.pronargs - r.pronargdefaults)::bigint as least_arguments,
       case when r.provariadic <> 0 then 1000 else r.pronargs end::bigint as most_arguments,
       u.trigger,
       u.on_schema,
       u.on_table,
       pg_catalog.array_remove(array[case when u.events & 4 > 0 then 'insert' end,
                                     case when u.events & 16 > 0 then 'update' end,
                                     case when u.events & 8 > 0 then 'delete' end], null) as events,
       '{}'::text[] as key_columns,
       '' as referencing,
       coalesce((select pg_catalog.substr(c, 13) from pg_catalog.unnest(p.proconfig) c where c like 'search\_path=%'),
                '') as search_path,
       p.proname::text as function_name,
       w.lanname::text as language,
       {body} as body,
       coalesce(p.proargnames, '{}') as argument_names,
       array(select pg_catalog.format_type(t, null)
             from pg_catalog.unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality a (t, i)
             order by i) as argument_types
from (select * from used union select * from fired) u
join written w on w.oid = u.oid
join pg_catalog.pg_proc p on p.oid = u.oid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_proc r on r.oid = u.root
join pg_catalog.pg_namespace rn on rn.oid = r.pronamespace
where pg_catalog.octet_length(p.prosrc) <= 65536
union all
select 'key:' || k.oid::text || ':' || k.root::text || ':' || k.event, '', '', false,
       pg_catalog.current_database()::text, '', '', '', 0, 0, k.conname::text, k.on_schema, k.on_table,
       array[k.event],
       array(select a.attname::text from pg_catalog.pg_attribute a
             where k.event = 'update' and a.attrelid = k.root and a.attnum = any (k.root_key)),
       pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(k.relname),
       'pg_catalog', k.conname::text, 'sql',
       'SELECT 1 FROM ' || pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(k.relname)
         || ' x WHERE '
         || (select pg_catalog.string_agg(pg_catalog.quote_ident(a.attname) || ' = $' || i::text, ' AND ' order by i)
             from pg_catalog.unnest(k.conkey) with ordinality u (number, i)
             join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.number),
       '{}',
       array(select pg_catalog.format_type(a.atttypid, null)
             from pg_catalog.unnest(k.confkey) with ordinality u (number, i)
             join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.number
             order by i)
from slow_keys k
limit 80
)";

constexpr std::string_view body_14 = R"(case
         when p.prosqlbody is null then p.prosrc
         when not exists (select from pg_catalog.pg_depend d
                          join pg_catalog.pg_locks k on k.locktype = 'relation' and k.relation = d.refobjid
                          where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid
                            and d.refclassid = 'pg_catalog.pg_class'::regclass and k.mode = 'AccessExclusiveLock')
           then pg_catalog.pg_get_function_sqlbody(p.oid) end)";

std::string text_of(std::string_view body) {
  constexpr std::string_view mark = "{body}";
  return std::string(sql).replace(sql.find(mark), mark.size(), body);
}
const std::string sql_13 = text_of("p.prosrc"), sql_14 = text_of(body_14);

constexpr double again = 5 * 60;  // seconds after which bodies are read anew
constexpr std::size_t most = 60;  // names in one question
constexpr std::size_t hottest = 15;

std::vector<Request> plan(const Input& in) {
  std::set<std::string> explained;  // queries whose functions were asked for with their plan
  if (!in.series(called_functions, again).empty())
    for (const auto& answer : in.series(plans, again))
      for (const Plan& p : answer.rows) explained.insert(p.database + "\n" + p.query_id);
  struct Names {
    std::set<std::pair<std::string, std::string>> functions, tables, emptied;
    std::set<std::array<std::string, 3>> updated;  // schema, table, column
  };
  std::map<std::string, Names> wanted;  // by database
  std::size_t seen = 0;
  for (const HotEntry& e : hot_queries(in, load(in, 30))) {
    if (e.cut || e.text.empty() || explained.contains(e.load.database + "\n" + e.query_id)) continue;
    if (e.named == nullptr && ++seen > hottest) continue;
    const sql::Calls calls = sql::calls(e.text);
    Names& names = wanted[e.load.database];
    for (const auto& c : calls.functions)
      if (names.functions.size() < most) names.functions.emplace(c.schema, c.function);
    for (const auto& w : calls.writes) {
      if (names.tables.size() < most) names.tables.emplace(w.schema, w.relation);
      if (w.event == "delete" && names.emptied.size() < most) names.emptied.emplace(w.schema, w.relation);
      for (const auto& column : w.columns)
        if (names.updated.size() < most) names.updated.insert({w.schema, w.relation, column});
    }
  }
  std::vector<Request> requests;
  for (const auto& [database, names] : wanted) {
    if (names.functions.empty() && names.tables.empty()) continue;
    Request r{.database = database};
    for (const auto* set : {&names.functions, &names.tables, &names.emptied}) {
      std::vector<std::string> schemas, relations;
      for (const auto& [schema, name] : *set) schemas.push_back(schema), relations.push_back(name);
      r.parameters.push_back(*encode_cell(schemas));
      r.parameters.push_back(*encode_cell(relations));
    }
    for (const std::size_t part : {0U, 1U, 2U}) {
      std::vector<std::string> all;
      for (const auto& column : names.updated) all.push_back(column[part]);
      r.parameters.push_back(*encode_cell(all));
    }
    requests.push_back(std::move(r));
  }
  return requests;
}

// "function public.find", "trigger credit on public.orders (function public.check_credit)"
std::string place(const InnerStatement& s) {
  const std::string trigger = sql::quote_identifier(s.trigger);
  if (!s.referencing.empty()) return fmt::format("foreign key {} of {}", trigger, s.referencing);
  if (s.trigger.empty()) return "function " + s.function;
  return fmt::format("trigger {} on {}.{} (function {})", trigger, sql::quote_identifier(s.on_schema),
                     sql::quote_identifier(s.on_table), s.function);
}

bool is_called(const InnerStatement& s, const sql::Calls& by) {
  return std::any_of(by.functions.begin(), by.functions.end(), [&](const sql::Called& c) {
    const auto n = static_cast<std::int64_t>(c.arguments);
    return c.function == s.called && (c.schema.empty() || c.schema == s.called_schema) && n >= s.least_arguments &&
           n <= s.most_arguments;
  });
}
bool is_fired(const InnerStatement& s, const sql::Calls& by) {
  return std::any_of(by.writes.begin(), by.writes.end(), [&](const sql::Written& w) {
    const bool sets = s.key_columns.empty() || std::any_of(w.columns.begin(), w.columns.end(), [&](const auto& c) {
                        return std::find(s.key_columns.begin(), s.key_columns.end(), c) != s.key_columns.end();
                      });
    return w.relation == s.on_table && (w.schema.empty() || w.schema == s.on_schema) && sets &&
           std::find(s.events.begin(), s.events.end(), w.event) != s.events.end();
  });
}

}  // namespace

std::vector<Inner> inner_statements(const Input& in, const std::string& database, std::string_view text) {
  const auto answers = in.series(called_functions, in.history().keep_seconds);
  const bool any = std::any_of(answers.begin(), answers.end(), [](const auto& a) { return !a.rows.empty(); });
  if (!any) return {};
  std::vector<Inner> all;
  std::set<std::string> seen;
  const auto add = [&](std::string_view statement) {
    const sql::Calls calls = sql::calls(statement);
    if (calls.functions.empty() && calls.writes.empty()) return;
    for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer)
      for (const InnerStatement& s : answer->rows)
        if (s.database == database && (s.trigger.empty() ? is_called(s, calls) : is_fired(s, calls)) &&
            seen.insert(s.query_id).second)
          all.push_back({&s, place(s)});
  };
  add(text);
  // What a body writes fires triggers and foreign keys in turn. The functions it calls were found with it.
  for (std::size_t i = 0; i < all.size() && all.size() < most; ++i) add(all[i].statement->query);
  return all;
}

const Probe<InnerStatement> called_functions{{.id = "called_functions",
                                              .title = "Statements in functions and triggers of hot queries",
                                              .scope = Scope::database,
                                              .cadence = Cadence::sweep,
                                              .timeout = Milliseconds(1000),
                                              .sql = {{130000, sql_13}, {140000, sql_14}},
                                              .plan = plan,
                                              .wave = 3},
                                             {{"query_id", &InnerStatement::query_id},
                                              {"query", &InnerStatement::query},
                                              {"fingerprint", &InnerStatement::fingerprint},
                                              {"database", &InnerStatement::database},
                                              {"function", &InnerStatement::function},
                                              {"called_schema", &InnerStatement::called_schema},
                                              {"called", &InnerStatement::called},
                                              {"least_arguments", &InnerStatement::least_arguments},
                                              {"most_arguments", &InnerStatement::most_arguments},
                                              {"trigger", &InnerStatement::trigger},
                                              {"on_schema", &InnerStatement::on_schema},
                                              {"on_table", &InnerStatement::on_table},
                                              {"events", &InnerStatement::events},
                                              {"key_columns", &InnerStatement::key_columns},
                                              {"referencing", &InnerStatement::referencing},
                                              {"search_path", &InnerStatement::search_path}},
                                             [](const InnerStatement& s) { return s.database + "\n" + s.query_id; }};

}  // namespace pgvigil
