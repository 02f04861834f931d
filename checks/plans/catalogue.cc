#include "checks/plans/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "checks/probes/extensions.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/server.h"
#include "checks/probes/table_sizes.h"
#include "checks/words.h"

namespace pgvigil {
namespace {

std::string key_of(const std::string& database, const std::string& name) { return database + "\n" + name; }

}  // namespace

const RelationColumn* KnownTable::column(std::string_view name) const {
  for (const RelationColumn& c : columns)
    if (c.column == name) return &c;
  return nullptr;
}

Catalogue::Catalogue(const Input& in) {
  for (const auto* probe : {&tables, &plan_tables})
    for (const Table& t : in.now(*probe)) all_[key_of(t.database, t.name)].table = t;
  for (const TableSize& s : in.now(table_sizes))
    if (const auto it = all_.find(key_of(s.database, s.name)); it != all_.end()) {
      Table& t = it->second.table;
      it->second.measured = true;
      if (t.size_known && t.heap_bytes > 0) continue;  // ANALYZE, or a build, has counted it since
      // A row count from before the table grew is as stale as its size was.
      if (t.rows && t.heap_bytes > 0) *t.rows *= static_cast<double>(s.heap_bytes) / static_cast<double>(t.heap_bytes);
      t.heap_bytes = s.heap_bytes;
      t.toast_bytes = s.toast_bytes;
      t.size_known = true;
      it->second.outgrown = s.heap_bytes > 0;
    }
  std::set<std::string> seen;
  for (const auto* probe : {&plan_indexes, &indexes})
    for (const Index& i : in.now(*probe))
      if (const auto it = all_.find(key_of(i.database, i.table)); it != all_.end() && seen.insert(index_key(i)).second)
        it->second.indexes.push_back(i);
  date_indexes(in);
  for (const RelationColumn& c : in.now(relation_columns))
    if (const auto it = all_.find(key_of(c.database, c.table)); it != all_.end()) it->second.columns.push_back(c);
  add_up_partitions();
  std::map<std::string, const IndexDefinition*> definitions;
  for (const IndexDefinition& d : in.now(index_definitions)) definitions[key_of(d.database, d.name)] = &d;
  for (auto& [key, known] : all_) {
    for (const Index& i : known.indexes)
      if (const auto d = definitions.find(key_of(i.database, i.name)); d != definitions.end())
        known.definitions.push_back(*d->second);
    if (!in.now(server).empty()) known.serves_starts_with = in.now(server)[0].version_num >= 150'000;
    for (const Extension& e : in.now(extensions))
      if (e.database == known.table.database) known.extensions[e.name] = e.schema;
  }
}

// A partitioned table has no pages of its own.
void Catalogue::add_up_partitions() {
  for (auto& [key, known] : all_) {
    const auto parent = all_.find(key_of(known.table.database, known.table.parent));
    if (known.table.parent.empty() || parent == all_.end()) continue;
    KnownTable& whole = parent->second;
    if (whole.partitions++ == 0) whole.table.heap_bytes = whole.table.toast_bytes = 0, whole.table.rows.reset();
    whole.table.heap_bytes += known.table.heap_bytes;
    whole.table.toast_bytes += known.table.toast_bytes;
    if (known.table.rows) whole.table.rows = whole.table.rows.value_or(0) + *known.table.rows;
    known.table.partition_key = whole.table.partition_key;
    known.table.subpartition_key = whole.table.subpartition_key;
    known.table.hash_key = whole.table.hash_key;
  }
}

// Since when each index has been there without a break: one that was dropped and made again is a new one. An answer
// tells of a table when it shows another index of it, or when the table's own row, asked in the same wave, says that it
// has none.
void Catalogue::date_indexes(const Input& in) {
  constexpr double one_wave = 5;  // seconds
  std::map<std::string, std::string> table_of;
  const auto all_tables = in.series(plan_tables, in.history().keep_seconds);
  for (const auto& answer : in.series(plan_indexes, in.history().keep_seconds)) {
    std::set<std::string> told, there;
    for (const Index& i : answer.rows) {
      told.insert(key_of(i.database, i.table));
      if (i.is_valid) there.insert(index_key(i));
    }
    for (const auto& rows : all_tables)
      if (std::abs(seconds_between(rows.at, answer.at)) <= one_wave)
        for (const Table& t : rows.rows)
          if (t.usable_indexes == 0) told.insert(key_of(t.database, t.name));
    std::erase_if(first_seen_,
                  [&](const auto& seen) { return told.contains(table_of[seen.first]) && !there.contains(seen.first); });
    for (const Index& i : answer.rows)
      if (i.is_valid) {
        first_seen_.emplace(index_key(i), answer.at);
        table_of[index_key(i)] = key_of(i.database, i.table);
      }
  }
}

bool Catalogue::there_since(const std::string& database, const std::string& index, Time at) const {
  const auto seen = first_seen_.find(database + "\n" + index);
  return seen == first_seen_.end() || seen->second <= at;
}

const KnownTable* Catalogue::named(const std::string& database, const std::string& qualified) const {
  const auto it = all_.find(key_of(database, qualified));
  return it == all_.end() ? nullptr : &it->second;
}

const KnownTable* Catalogue::find(const std::string& database, std::string_view schema,
                                  std::string_view relation) const {
  const KnownTable* found = nullptr;
  for (const auto& [key, t] : all_) {
    if (t.table.database != database || t.table.relation != relation) continue;
    if (!schema.empty() ? t.table.schema == schema : t.table.schema == "public") return &t;
    if (!schema.empty()) continue;
    if (found != nullptr) return nullptr;  // which one depends on search_path
    found = &t;
  }
  return found;
}

std::vector<sql::RelationUse> Catalogue::relations(const std::string& database, std::string_view text) const {
  return sql::relations(text, [&](std::string_view schema, std::string_view relation, std::string_view column) {
    const KnownTable* t = find(database, schema, relation);
    const std::string quoted = sql::quote_identifier(column);
    return t != nullptr &&
           std::any_of(t->columns.begin(), t->columns.end(), [&](const auto& c) { return c.column == quoted; });
  });
}

std::string described(const Table& t) {
  const std::string size = words::bytes(static_cast<double>(t.size()));
  if (t.nearly_all_dead())
    return fmt::format("{} ({} live rows, {} dead, {})", t.name, words::count(static_cast<double>(t.live_rows)),
                       words::count(static_cast<double>(t.dead_rows)), size);
  return t.rows ? fmt::format("{} ({} rows, {})", t.name, words::count(*t.rows), size)
                : fmt::format("{} ({})", t.name, size);
}

}  // namespace pgvigil
