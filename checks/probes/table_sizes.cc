#include "checks/probes/table_sizes.h"

#include <algorithm>
#include <map>

#include "checks/check.h"
#include "checks/probes/plan_tables.h"

namespace pgvigil {
namespace {

// pg_relation_size opens the relation: behind an ACCESS EXCLUSIVE lock it waits until lock_timeout. It returns NULL
// for a relation that is gone, which then gives no row.
constexpr std::string_view sql = R"(
select pg_catalog.current_database()::text as database,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as name,
       c.oid::bigint as oid,
       pg_catalog.pg_relation_size(c.oid)::bigint as heap_bytes,
       case when c.reltoastrelid = 0 then 0 else coalesce(pg_catalog.pg_relation_size(c.reltoastrelid), 0) end::bigint as toast_bytes
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = $1::text::oid and c.relkind in ('r', 'm')
)";

// The fullest first.
std::vector<Request> plan(const Input& in) {
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> unknown;  // database and oid: rows
  for (const Table& t : in.now(tables))
    if (!t.size_known) unknown[{t.database, t.oid}] = t.live_rows;
  for (const Table& t : in.now(plan_tables))  // an empty one may have been filled a moment ago
    if (!t.size_known || (t.heap_bytes == 0 && t.kind != "p")) unknown[{t.database, t.oid}] = t.live_rows;
  std::vector<std::pair<std::int64_t, Request>> all;
  for (const auto& [key, rows] : unknown)
    all.push_back({rows, {.database = key.first, .parameters = {std::to_string(key.second)}}});
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Request> requests;
  for (auto& [rows, request] : all)
    if (requests.size() < 20) requests.push_back(std::move(request));
  return requests;
}

}  // namespace

const Probe<TableSize> table_sizes{{.id = "table_sizes",
                                    .title = "Exact sizes of tables that no statistics know",
                                    .scope = Scope::database,
                                    .cadence = Cadence::sweep,
                                    .timeout = Milliseconds(300),
                                    .sql = {{130000, sql}},
                                    .plan = plan,
                                    .wave = 7},
                                   {{"database", &TableSize::database},
                                    {"name", &TableSize::name},
                                    {"oid", &TableSize::oid},
                                    {"heap_bytes", &TableSize::heap_bytes},
                                    {"toast_bytes", &TableSize::toast_bytes}},
                                   [](const TableSize& t) { return t.database + "\n" + t.name; }};

}  // namespace pgvigil
