#include "checks/schema_changed_examples.h"

#include "checks/probes/indexes.h"
#include "checks/probes/schema_changes.h"
#include "checks/probes/schema_state.h"
#include "checks/probes/tables.h"

namespace pgvigil {
namespace {

SchemaState state(std::int64_t newest_oid) {
  SchemaState s;
  s.database = "shop", s.tables = 40, s.indexes = 90, s.columns = 300, s.newest_oid = newest_oid;
  return s;
}

Table docs() {
  Table t;
  t.database = "shop", t.schema = "public", t.relation = "docs", t.name = "public.docs", t.kind = "r", t.oid = 17'000;
  t.heap_bytes = 3LL << 30, t.known_bytes = 3LL << 30, t.live_rows = 9'000'000;
  return t;
}

Index by_path() {
  Index i;
  i.database = "shop", i.table = "public.docs", i.name = "public.docs_path", i.oid = 17'100, i.method = "btree";
  i.columns = {"dump_id", "path"}, i.operator_classes = {"", ""};
  i.scans = 41'000;
  return i;
}

SchemaChange change(std::int64_t oid, bool exists, bool is_new) {
  SchemaChange c;
  c.database = "shop", c.oid = oid, c.exists = exists, c.is_new = is_new, c.persistence = "p";
  return c;
}

SchemaChange table(std::int64_t oid, std::string name, std::string parent = {}) {
  SchemaChange c = change(oid, true, true);
  c.name = std::move(name), c.kind = "r", c.parent = std::move(parent);
  return c;
}

SchemaChange index(std::int64_t oid, std::string name) {
  SchemaChange c = change(oid, true, true);
  c.name = std::move(name), c.kind = "i", c.table = "public.docs", c.columns = {"dump_id", "path"};
  return c;
}

Scenario story(std::int64_t newest_oid, std::vector<SchemaChange> changes, std::vector<Table> tables_now,
               std::vector<Index> indexes_now) {
  Scenario s;
  s.saw(130, schema_state, {state(18'000)}).saw(130, tables, {docs()}).saw(130, indexes, {by_path()});
  s.saw(70, schema_state, {state(18'000)}).saw(70, tables, {docs()}).saw(70, indexes, {by_path()});
  s.saw(10, schema_state, {state(newest_oid)})
      .saw(10, tables, std::move(tables_now))
      .saw(10, indexes, std::move(indexes_now));
  return s.saw(8, schema_changes, std::move(changes));
}

}  // namespace

Scenario schema_dropped_index() { return story(18'000, {change(17'100, false, false)}, {docs()}, {}); }

Scenario schema_renewed_index() {
  Index again = by_path();
  again.name = "public.docs_path_2", again.oid = 18'500;
  return story(18'500, {change(17'100, false, false), index(18'500, again.name)}, {docs()}, {again});
}

Scenario schema_copied() {
  std::vector<SchemaChange> all;
  for (int i = 0; i < 5; ++i) all.push_back(table(18'100 + i, "copy.part_" + std::to_string(i)));
  return story(18'104, all, {docs()}, {by_path()});
}

Scenario schema_partitions() {
  std::vector<SchemaChange> all;
  for (int i = 0; i < 14; ++i) {
    all.push_back(table(18'100 + 2 * i, "public.events_" + std::to_string(i), "public.events"));
    SchemaChange x = index(18'101 + 2 * i, "public.events_pkey_" + std::to_string(i));
    x.table = all.back().name, x.parent = "public.events";
    all.push_back(x);
  }
  return story(18'127, all, {docs()}, {by_path()});
}

Scenario schema_table_gone(bool exists) {
  SchemaChange c = change(17'000, exists, false);
  if (exists) c.name = "public.docs_old", c.kind = "r";
  return story(18'000, {c, change(17'100, exists, false)}, {}, {});
}

Scenario schema_new_index() { return story(18'100, {index(18'100, "public.docs_more")}, {docs()}, {by_path()}); }

Scenario schema_many_gone() {
  Scenario s;
  std::vector<Index> all;
  std::vector<SchemaChange> changes;
  for (int i = 0; i < 14; ++i) {
    all.push_back(by_path());
    all.back().name += "_" + std::to_string(i), all.back().oid += i, all.back().columns = {"c" + std::to_string(i)};
    changes.push_back(change(all.back().oid, false, false));
  }
  s.saw(70, schema_state, {state(18'000)}).saw(70, tables, {docs()}).saw(70, indexes, all);
  s.saw(10, schema_state, {state(18'000)}).saw(10, tables, {docs()}).saw(10, indexes, {});
  return s.saw(8, schema_changes, changes);
}

Scenario schema_one_shot() {
  Scenario s = schema_copied();
  s.context.one_shot = true;
  return s;
}

}  // namespace pgvigil
