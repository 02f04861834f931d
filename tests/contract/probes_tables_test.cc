// Probes of tables, indexes and sequences on a real server.
#include <gmock/gmock.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/foreign_servers.h"
#include "checks/probes/index_definitions.h"
#include "checks/probes/oldest_tables.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/relation_places.h"
#include "checks/probes/schema_changes.h"
#include "checks/probes/schema_state.h"
#include "checks/probes/sequences.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/table_sizes.h"
#include "tests/contract/probes_fixture.h"

namespace pgvigil {
namespace {

using test::ask;
using test::ask_sheet;
using test::Client;
using test::database;
using test::find;
using test::names;
using test::Probes;
using test::within;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_P(Probes, IndexesAreKnownByTheirClassesAndExpressions) {
  const Client c("", database);
  c.run(
      R"(create index fancy on "Shop".twice (lower(kind), kind text_pattern_ops, kind collate "POSIX") where id > 5)");
  const auto all = ask(us, plan_indexes, names({"Shop"}, {"twice"}));
  const Index i = find(all, &Index::name, std::string("\"Shop\".fancy"));
  EXPECT_THAT(i.columns, ElementsAre("", "kind", "kind"));
  EXPECT_THAT(i.operator_classes, ElementsAre("", "text_pattern_ops", ""));
  EXPECT_THAT(i.collations, ElementsAre("", "", "POSIX"));
  EXPECT_TRUE(i.has_predicate && i.has_expressions);
  Request request;
  request.parameters = {"{" + std::to_string(i.oid) + "}"};
  const auto definitions = ask(us, index_definitions, request);
  ASSERT_EQ(definitions.size(), 1U);
  EXPECT_EQ(definitions[0].name, i.name);
  EXPECT_THAT(definitions[0].keys, ElementsAre("lower(kind)", "kind", "kind"));
  EXPECT_EQ(definitions[0].predicate, "id > 5");
  c.run(R"(drop index "Shop".fancy)");
}

TEST_P(Probes, KeysOfHashPartitions) {
  const Client c("app", database);
  c.run(R"(create table "Shop".hashed (day date, "I d" int) partition by list (day);
           create table "Shop".hashed_1 partition of "Shop".hashed default partition by hash ("I d"))");
  const auto all = ask(us, plan_tables, names({"Shop"}, {"hashed"}));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0].subpartition_key, ElementsAre("\"I d\""));
  EXPECT_EQ(all[0].hash_key, all[0].subpartition_key);
  c.run(R"(drop table "Shop".hashed)");
}

TEST_P(Probes, TablesWorthLookingAt) {
  std::vector<Table> all;
  ASSERT_TRUE(within(20, [&] {  // 13 and 14 collect counters every half second
    all = ask(us, tables);
    return std::any_of(all.begin(), all.end(), [](const Table& t) { return t.relation == "late"; }) &&
           std::any_of(all.begin(), all.end(),
                       [](const Table& t) { return t.relation == "unindexed" && t.seq_rows_read >= 60000; });
  }));
  const Table& u = find(all, &Table::relation, std::string("unindexed"));
  EXPECT_EQ(u.name, "\"Shop\".unindexed");
  EXPECT_EQ(u.database, database);
  EXPECT_EQ(u.owner, "app");
  EXPECT_EQ(u.kind, "r");
  EXPECT_EQ(u.usable_indexes, 0);
  EXPECT_TRUE(u.size_known);
  EXPECT_GT(u.heap_bytes, 4'000'000);
  EXPECT_EQ(u.known_bytes, u.heap_bytes + u.toast_bytes);
  EXPECT_DOUBLE_EQ(u.rows.value(), 60000);
  EXPECT_TRUE(u.last_analyze.has_value());
  EXPECT_EQ(u.rows_inserted, 60000);
  const Table& i = find(all, &Table::relation, std::string("indexed"));
  EXPECT_EQ(i.usable_indexes, 4);
  EXPECT_EQ(i.invalid_indexes, 0);
  const Table& late = find(all, &Table::relation, std::string("late"));
  EXPECT_FALSE(late.size_known);
  EXPECT_FALSE(late.rows.has_value());
  EXPECT_FALSE(late.known_bytes.has_value());
  EXPECT_EQ(late.live_rows, 50000);
  const Table& docs = find(all, &Table::relation, std::string("docs"));  // small heap, large TOAST
  EXPECT_GT(docs.toast_bytes, 4'000'000);
  EXPECT_LT(docs.heap_bytes, 100'000);
  const Table& part = find(all, &Table::relation, std::string("part_1_1"));
  EXPECT_EQ(part.parent, "\"Shop\".parted");
  EXPECT_EQ(part.usable_indexes, 1);
  const Table& parted = find(all, &Table::relation, std::string("parted"));
  EXPECT_EQ(parted.kind, "p");
  EXPECT_THAT(parted.partition_key, ElementsAre("at"));
  EXPECT_THAT(parted.subpartition_key, ElementsAre("id"));
  EXPECT_THAT(parted.hash_key, IsEmpty());
  EXPECT_EQ(find(all, &Table::relation, std::string("or\"d d'er\ns")).name, "\"Shop\".\"or\"\"d d'er\ns\"");
  EXPECT_EQ(find(all, &Table::relation, std::string("view")).kind, "m");
  EXPECT_THAT(all, Not(Contains(Field(&Table::relation, "tiny"))));
  EXPECT_THAT(all, Each(Field(&Table::schema, "Shop")));

  // Exact sizes of the unknown ones, as the plan asks for them.
  const std::vector<CheckSettings> defaults(1);
  Scenario past;
  past.saw(0, tables, all);
  const Input in(past.history, past.context, defaults[0], past.at);
  const auto requests = table_sizes.about().plan(in);
  ASSERT_FALSE(requests.empty());
  EXPECT_EQ(requests[0].database, database);
  bool measured = false;
  for (const Request& r : requests)
    for (const TableSize& size : ask(us, table_sizes, r))
      if (size.name == late.name) {
        measured = true;
        EXPECT_GT(size.heap_bytes, 6'000'000);
      }
  EXPECT_TRUE(measured);
}

TEST_P(Probes, IndexesWithTheirColumns) {
  const auto all = ask(us, indexes, given_tables());
  const Index& broken = find(all, &Index::name, std::string("\"Shop\".broken"));  // its table is small
  EXPECT_FALSE(broken.is_valid);
  EXPECT_EQ(broken.table, "\"Shop\".twice");
  const Index& both = find(all, &Index::name, std::string("\"Shop\".indexed_both"));
  EXPECT_THAT(both.columns, ElementsAre("note", "id"));
  EXPECT_THAT(both.included, ElementsAre("email"));
  EXPECT_EQ(both.method, "btree");
  EXPECT_FALSE(both.is_unique);
  EXPECT_GT(both.bytes, 100'000);
  EXPECT_EQ(both.owner, "app");
  const Index& key = find(all, &Index::name, std::string("\"Shop\".indexed_pkey"));
  EXPECT_TRUE(key.is_primary && key.is_constraint && key.is_unique && key.is_valid && key.is_ready);
  const Index& partial = find(all, &Index::has_predicate, true);
  EXPECT_THAT(partial.columns, ElementsAre(""));
  EXPECT_TRUE(partial.has_expressions);
}

TEST_P(Probes, NamedRelations) {
  const Request hostile = names({"Shop", "Shop", "pg_catalog", "nowhere"}, {"tiny", "or\"d d'er\ns", "pg_class", "x"});
  const auto found = ask(us, plan_tables, hostile);
  EXPECT_EQ(found.size(), 2U);
  EXPECT_THAT(found, Contains(Field(&Table::relation, "tiny")));
  EXPECT_EQ(ask(us, plan_indexes, names({"Shop"}, {"indexed"})).size(), 4U);
  const auto columns = ask(us, relation_columns, hostile);
  const auto& quoted = find(columns, &RelationColumn::column, std::string("\"a \"\"b\""));
  EXPECT_EQ(quoted.type, "integer");
  EXPECT_EQ(quoted.type_category, "N");
  EXPECT_FALSE(quoted.can_toast);
  EXPECT_TRUE(find(columns, &RelationColumn::column, std::string("c")).can_toast);
  EXPECT_EQ(quoted.distinct.has_value(), reads_data());  // pg_monitor alone sees no statistics
}

// A domain is what it is made of, however deep: an index on it has that type's operators.
TEST_P(Probes, ColumnsOfDomains) {
  const Client app("app", database);
  app.run(
      R"(create domain "Shop".code as varchar(12); create domain "Shop".part_code as "Shop".code check (value <> '');
             create table "Shop".coded (c "Shop".part_code, d "Shop".code, e varchar(3)))");
  const auto all = ask(us, relation_columns, names({"Shop"}, {"coded"}));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].type, "character varying(12)");
  EXPECT_EQ(all[1].type, "character varying(12)");
  EXPECT_EQ(all[2].type, "character varying(3)");
  app.run(R"(drop table "Shop".coded; drop domain "Shop".part_code; drop domain "Shop".code)");
}

TEST_P(Probes, SchemasThatHoldARelation) {
  const Client app("app", database);
  app.run(R"(create schema if not exists other; create table if not exists other.late (id int))");
  const Client reader("app", database);
  reader.run("begin; select count(*) from other.late");
  const auto all = ask(us, relation_places, {.parameters = {"{late,unindexed,pg_class,nowhere}"}});
  EXPECT_EQ(all.size(), 3U);
  const auto& other = find(all, &RelationPlace::schema, std::string("other"));
  EXPECT_THAT(other.locked_by, ElementsAre(reader.pid()));
  const auto& only = find(all, &RelationPlace::relation, std::string("unindexed"));
  EXPECT_GE(only.rows_read, 60'000);
  EXPECT_THAT(only.locked_by, IsEmpty());
  reader.run("commit");
  app.run("drop schema other cascade");
}

// Nothing of a sweep may stand in the queue behind an ACCESS EXCLUSIVE lock; an exact size waits for lock_timeout only.
TEST_P(Probes, NoWaitBehindALock) {
  const auto oid = find(ask(us, plan_tables, names({"Shop"}, {"late"})), &Table::relation, std::string("late")).oid;
  const Client holder("", database, "holder");
  holder.run(
      R"(begin; lock table "Shop".unindexed, "Shop".late, "Shop".indexed, "Shop".parted in access exclusive mode)");
  for (const AnyProbe* probe : all_probes()) {
    const ProbeAbout& about = probe->about();
    if (about.sql.empty() || probe == &table_sizes || probe == &index_definitions) continue;  // these may wait
    SCOPED_TRACE(about.id);
    Request request;
    if (about.plan == plan_relation_requests) request = names({"Shop", "Shop"}, {"indexed", "late"});
    if (probe == &called_functions)
      request.parameters = {"{\"\"}",    "{atomic}", "{Shop}",    "{indexed}", "{Shop}",
                            "{indexed}", "{Shop}",   "{indexed}", "{id}"};
    if (probe == &relation_places) request.parameters = {"{indexed,late,parted}"};
    if (probe == &foreign_servers) request = names({"Shop"}, {"indexed"});
    if (probe == &statement_texts) request.parameters = {"{1}"};
    if (probe == &schema_changes) request.parameters = {"0", "{1}"};
    if (probe == &oldest_tables) request.parameters = {"both"};
    if (!about.given.empty()) request = given_tables();
    EXPECT_NO_THROW(ask_sheet(us, *probe, request));  // lock_timeout would raise 55P03
  }
  // pg_get_indexdef of an expression index waits, but not for long.
  const auto expression = find(ask(us, plan_indexes, names({"Shop"}, {"indexed"})), &Index::has_expressions, true).oid;
  EXPECT_THROW(ask(us, index_definitions, {.parameters = {"{" + std::to_string(expression) + "}"}}),
               std::runtime_error);
  try {
    ask(us, table_sizes, {.parameters = {std::to_string(oid)}});
    ADD_FAILURE() << "pg_relation_size did not wait";
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("55P03"));
  }
}

// A first look, then a table, an index and a partition come, another index goes.
TEST_P(Probes, WhatCameAndWent) {
  const Client c("", database);
  c.run(R"(create table "Shop".shrinking (id int); create index goes on "Shop".shrinking (id))");
  const auto first = ask(us, schema_state).at(0);
  const auto gone = c.ask("select '\"Shop\".goes'::regclass::oid").rows[0].at(0).value();
  c.run(
      R"(create table "Shop".bare (id int); create unlogged table "Shop".stage (id int); create index comes on "Shop".shrinking (id, id);
           create table "Shop".part_2 partition of "Shop".parted for values from (20) to (30); drop index "Shop".goes;
           create temp table passing (id int))");
  const auto now = ask(us, schema_state).at(0);
  EXPECT_EQ(now.tables, first.tables + 2);
  EXPECT_EQ(now.partitions, first.partitions + 1);
  EXPECT_GT(now.newest_oid, first.newest_oid);
  const auto all = ask(us, schema_changes, {.parameters = {std::to_string(first.newest_oid), "{" + gone + "}"}});
  const auto named = [&](const std::string& name) { return find(all, &SchemaChange::name, "\"Shop\"." + name); };
  EXPECT_EQ(named("bare").usable_indexes, 0);
  EXPECT_EQ(named("bare").persistence, "p");
  EXPECT_EQ(named("stage").persistence, "u");
  EXPECT_EQ(named("part_2").parent, "\"Shop\".parted");
  EXPECT_EQ(named("comes").table, "\"Shop\".shrinking");
  EXPECT_THAT(named("comes").columns, ElementsAre("id", "id"));
  EXPECT_FALSE(find(all, &SchemaChange::oid, std::int64_t{std::stol(gone)}).exists);
  EXPECT_TRUE(std::none_of(all.begin(), all.end(), [](const SchemaChange& s) { return s.name.ends_with("passing"); }));
  c.run(R"(drop table "Shop".shrinking, "Shop".bare, "Shop".stage, "Shop".part_2)");
}

TEST_P(Probes, SequencesNearTheirEnd) {
  const Client c("", database);
  c.run(R"(create table "Shop".orders (id serial primary key, other int2 generated always as identity, plain bigint);
           create sequence "Shop".loose; alter table "Shop".orders alter plain set default nextval('"Shop".loose');
           create sequence "Shop".rounds maxvalue 10 cycle;
           create sequence "Shop".shard minvalue 2000000000 maxvalue 2000000099;
           create sequence "Shop".far minvalue 3000000000 maxvalue 4000000000;
           select setval('"Shop".shard', 2000000080), setval('"Shop".far', 3000000500), setval('"Shop".orders_id_seq', 2000000000), setval('"Shop".orders_other_seq', 20000), setval('"Shop".loose', 20000),
                  setval('"Shop".rounds', 9))");
  if (c.version() < 140000 && reads_data()) c.run(R"(grant select on all sequences in schema "Shop" to pgvigil)");
  const auto all = ask(us, sequences, given_tables());
  const auto counted = find(all, &SequenceUse::name, std::string());
  EXPECT_EQ(counted.looked_at, counted.there_are);
  EXPECT_GE(counted.looked_at, 3);
  if (reads_data()) {
    const auto id = find(all, &SequenceUse::column, std::string("id"));
    EXPECT_EQ(id.table, "\"Shop\".orders");
    EXPECT_EQ(id.type, "integer");
    EXPECT_EQ(id.last, 2e9);
    EXPECT_EQ(find(all, &SequenceUse::column, std::string("other")).limit, 32767);
    EXPECT_FALSE(id.own_limit);
    const auto shard = find(all, &SequenceUse::name, std::string("\"Shop\".shard"));
    EXPECT_TRUE(shard.own_limit);
    EXPECT_EQ(shard.limit, 2000000099);
    EXPECT_EQ(shard.before, 1999999999);
    EXPECT_EQ(all.size(), 4U);
  } else {
    EXPECT_EQ(counted.hidden, counted.looked_at);
  }
  c.run(R"(drop table "Shop".orders; drop sequence "Shop".loose, "Shop".rounds, "Shop".shard, "Shop".far)");
}

// The statement that plan() builds finds the duplicates, whole and by slice.
TEST_P(Probes, DuplicateKeys) {
  const auto named = names({"Shop", "Shop"}, {"twice", "or\"d d'er\ns"});
  Scenario past;
  past.context.one_shot = true;
  past.context.vcpus = 4;
  past.saw(0, server, ask(us, server));
  past.saw(0, activity, {});
  past.saw(
      0, plans,
      {{.query_id = "1", .database = database, .query = R"(select * from "Shop".twice where id = $1)", .json = "[]"},
       {.query_id = "2",
        .database = database,
        .query = R"(select * from "or""d d'er)"
                 "\n"
                 R"(s" where "a ""b" = $1)",
        .json = "[]"}});
  auto known = ask(us, plan_tables, named);
  for (Table& t : known)
    if (t.relation != "twice") t.heap_bytes = 100LL << 20;  // as if it were large: one slice of 64
  past.saw(0, plan_tables, known);
  past.saw(0, plan_indexes, ask(us, plan_indexes, named));
  past.saw(0, relation_columns, ask(us, relation_columns, named));
  const CheckSettings defaults;
  const auto requests = duplicates.about().plan(Input(past.history, past.context, defaults, past.at));
  ASSERT_EQ(requests.size(), 2U);
  if (!reads_data()) {  // pg_monitor may not read user data
    EXPECT_THROW(ask(us, duplicates, requests[0]), std::runtime_error);
    return;
  }
  std::vector<Duplicates> all;
  for (const Request& r : requests)
    for (const Duplicates& d : ask(us, duplicates, r)) all.push_back(d);
  const Duplicates& twice = find(all, &Duplicates::table, std::string("\"Shop\".twice"));
  EXPECT_THAT(twice.columns, ElementsAre("id"));
  EXPECT_EQ(twice.duplicate_keys, 100);
  EXPECT_EQ(twice.slices_done, twice.slices);
  const Duplicates& slice = find(all, &Duplicates::slices_done, std::int64_t{1});
  EXPECT_THAT(slice.columns, ElementsAre("\"a \"\"b\""));
  EXPECT_EQ(slice.slices, 64);

  past.context.one_shot = false;  // never in the agent
  EXPECT_THAT(duplicates.about().plan(Input(past.history, past.context, defaults, past.at)), IsEmpty());
}

}  // namespace
}  // namespace pgvigil
