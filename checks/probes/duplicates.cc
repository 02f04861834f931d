#include "checks/probes/duplicates.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/check.h"
#include "checks/load.h"
#include "checks/plans/sql.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/server.h"
#include "checks/probes/table_sizes.h"

namespace pgvigil {
namespace {

constexpr std::size_t most_tables = 5;
constexpr int slices = 64;  // of the hash space; one slice bounds what a large table's answer needs in memory
constexpr std::int64_t small = 64_MiB, too_large = 1_GiB;

bool busy(const Input& in) {
  const auto cores = vcpus(in);
  return load(in, 10).active >= cores.value_or(2);
}

// Distinct values expected in a column; none without statistics.
std::optional<double> distinct_values(const RelationColumn& c, double rows) {
  if (!c.distinct || *c.distinct == 0) return std::nullopt;
  return *c.distinct < 0 ? -*c.distinct * rows : *c.distinct;
}

// Could these columns tell every row apart?
bool like_a_key(const std::vector<const RelationColumn*>& columns, const Table& table) {
  if (!table.rows || *table.rows <= 0) return true;
  double product = 1;
  for (const RelationColumn* c : columns) {
    const auto values = distinct_values(*c, *table.rows);
    if (!values) return true;
    product *= *values;
  }
  return product >= *table.rows / 2;
}

// A unique index takes NULLs for different. Equal values must fall into one slice, so the hash is the types' own
// where the server has it for rows (14 on); on 13 it is that of the text form, right for keys that print alike.
Request request_for(const Table& table, const std::vector<const RelationColumn*>& columns, std::int64_t bytes,
                    bool own_hash) {
  std::vector<std::string> names;
  std::string list, not_null;
  for (const RelationColumn* c : columns) {
    names.push_back(c->column);
    list += (list.empty() ? "" : ", ") + c->column;
    not_null += (not_null.empty() ? "" : " and ") + c->column + " is not null";
  }
  const bool whole = bytes < small;
  const std::string hash = own_hash ? fmt::format("pg_catalog.hash_record_extended(row({}), 0)", list)
                                    : fmt::format("pg_catalog.hashtextextended(row({})::text, 0)", list);
  const std::string slice = whole ? "" : fmt::format(" and {} & {} = 0", hash, slices - 1);
  Request r{.database = table.database, .parameters = {table.name, *encode_cell(names)}};
  r.sql = fmt::format(
      "select pg_catalog.current_database()::text as database, $1::text as \"table\", $2::text[] as columns, "
      "pg_catalog.count(*)::bigint as duplicate_keys, {}::bigint as slices_done, {}::bigint as slices "
      "from (select from {} where {}{} group by {} having pg_catalog.count(*) > 1) d",
      whole ? slices : 1, slices, table.name, not_null, slice, list);
  return r;
}

std::vector<Request> plan(const Input& in) {
  if (!in.context().one_shot || busy(in)) return {};
  std::map<std::string, Table> found;  // by database and name
  for (const Table& t : in.now(plan_tables)) found.emplace(table_key(t), t);
  for (const TableSize& s : in.now(table_sizes))
    if (const auto t = found.find(table_sizes.key(s)); t != found.end()) {
      t->second.heap_bytes = s.heap_bytes;
      t->second.size_known = true;
    }
  for (const Index& i : in.now(plan_indexes))
    if (i.is_unique && i.is_valid && i.is_ready && !i.has_predicate) found.erase(i.database + "\n" + i.table);
  std::map<std::string, std::map<std::string, const RelationColumn*>> columns;  // by table key, by name
  for (const RelationColumn& c : in.now(relation_columns)) columns[c.database + "\n" + c.table][c.column] = &c;
  const auto about = in.now(server);
  const bool own_hash = !about.empty() && about.front().version_num >= 140000;

  std::vector<Request> requests;
  std::set<std::string> done;
  for (const auto& answer : in.series(plans, in.history().keep_seconds))
    for (const Plan& p : answer.rows)
      for (const sql::RelationUse& use : sql::relations(p.query))
        for (const auto& [key, table] : found) {
          if (table.database != p.database || use.relation != table.relation ||
              (!use.schema.empty() && use.schema != table.schema))
            continue;
          if (requests.size() >= most_tables || !table.size_known || table.heap_bytes > too_large || table.kind == "p")
            continue;
          std::vector<const RelationColumn*> keys;
          for (const sql::ColumnUse& u : use.uses) {
            const auto c = columns[key].find(u.column);
            if (u.how == sql::ColumnUse::How::equal && c != columns[key].end() &&
                std::find(keys.begin(), keys.end(), c->second) == keys.end())
              keys.push_back(c->second);
          }
          if (keys.empty() || keys.size() > 4 || !like_a_key(keys, table) || !done.insert(key).second) continue;
          requests.push_back(request_for(table, keys, table.heap_bytes, own_hash));
        }
  return requests;
}

}  // namespace

const Probe<Duplicates> duplicates{{.id = "duplicates",
                                    .title = "Duplicate keys of candidate unique indexes",
                                    .scope = Scope::database,
                                    .cadence = Cadence::diagnose,
                                    .timeout = Milliseconds(1500),
                                    .on_denied = "GRANT pg_read_all_data TO pgvigil; on 13: GRANT SELECT on the table",
                                    .plan = plan,
                                    .wave = 8},
                                   {{"database", &Duplicates::database},
                                    {"table", &Duplicates::table},
                                    {"columns", &Duplicates::columns},
                                    {"duplicate_keys", &Duplicates::duplicate_keys},
                                    {"slices_done", &Duplicates::slices_done},
                                    {"slices", &Duplicates::slices}},
                                   [](const Duplicates& d) { return d.database + "\n" + d.table; }};

}  // namespace pgvigil
