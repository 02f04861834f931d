// Every probe's SQL on a real server, as the roles that people give us: what comes back decodes, and is true.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/archive_backlog.h"
#include "checks/probes/archiver.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/checkpoints.h"
#include "checks/probes/connection_limits.h"
#include "checks/probes/connections.h"
#include "checks/probes/databases.h"
#include "checks/probes/dead_tuples.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/foreign_servers.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/index_definitions.h"
#include "checks/probes/lock_waits.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/oldest_tables.h"
#include "checks/probes/plan_indexes.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/prepared_transactions.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/relation_places.h"
#include "checks/probes/schema_changes.h"
#include "checks/probes/schema_state.h"
#include "checks/probes/sequences.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/slots.h"
#include "checks/probes/standbys.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/probes/temp_files.h"
#include "checks/probes/timeouts.h"
#include "checks/probes/wal.h"
#include "checks/probes/xmin_holders.h"

namespace pgvigil {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* database = "pgvigil probes";  // a name that must be quoted

// One connection, plain libpq.
class Client {
 public:
  explicit Client(const std::string& user = "", const std::string& db = "", const std::string& application = "test") {
    const char* dsn = std::getenv("PGVIGIL_TEST_DSN");
    std::vector<const char*> keys{"dbname", "application_name"}, values{dsn, application.c_str()};
    if (!user.empty()) keys.push_back("user"), values.push_back(user.c_str());
    if (!db.empty()) keys.push_back("dbname"), values.push_back(db.c_str());
    keys.push_back(nullptr), values.push_back(nullptr);
    conn_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
    if (PQstatus(conn_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(conn_.get()));
    PQsetNoticeProcessor(
        conn_.get(), [](void*, const char*) {}, nullptr);
  }
  PGconn* get() const { return conn_.get(); }
  int pid() const { return PQbackendPID(get()); }
  int version() const { return PQserverVersion(get()); }

  // Throws the server's message with its SQLSTATE.
  Sheet ask(const std::string& sql, const std::vector<std::string>& parameters = {}) const {
    std::vector<const char*> values;
    for (const auto& p : parameters) values.push_back(p.c_str());
    return sheet(
        PQexecParams(get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0));
  }
  void run(const std::string& sql) const { sheet(PQexec(get(), sql.c_str())); }
  void send(const std::string& sql) const { PQsendQuery(get(), sql.c_str()); }

 private:
  static Sheet sheet(PGresult* raw) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> r(raw, PQclear);
    const auto status = PQresultStatus(r.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      throw std::runtime_error(PQresultErrorField(r.get(), PG_DIAG_SQLSTATE) + std::string(" ") +
                               PQresultErrorMessage(r.get()));
    Sheet s;
    for (int c = 0; c < PQnfields(r.get()); ++c) s.columns.emplace_back(PQfname(r.get(), c));
    for (int row = 0; row < PQntuples(r.get()); ++row) {
      auto& cells = s.rows.emplace_back();
      for (int c = 0; c < PQnfields(r.get()); ++c)
        cells.push_back(PQgetisnull(r.get(), row, c) ? Cell() : Cell(PQgetvalue(r.get(), row, c)));
    }
    return s;
  }
  std::unique_ptr<PGconn, void (*)(PGconn*)> conn_{nullptr, PQfinish};
};

// As the shell asks: a READ ONLY transaction with its limits and no search_path; server-wide answers as raw bytes.
Sheet ask_sheet(const Client& c, const AnyProbe& probe, const Request& request = {}) {
  std::string sql = request.sql.empty() ? std::string(probe.sql(c.version())) : request.sql;
  if (const auto at = sql.find("{extension_schema}"); at != std::string::npos)
    sql.replace(
        at, 18,
        *c.ask("select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace "
               "where extname = $1",
               {std::string(probe.about().requires_extension)})
             .rows.at(0)
             .at(0));
  PQsetClientEncoding(c.get(), probe.about().scope == Scope::server ? "SQL_ASCII" : "UTF8");
  c.run(
      "begin read only; set local search_path = ''; set local lock_timeout = '100ms'; set local statement_timeout = "
      "'5s'");
  try {
    Sheet s = c.ask(sql, request.parameters);
    c.run("commit");
    return s;
  } catch (...) {
    c.run("rollback");
    throw;
  }
}

template <class Row>
std::vector<Row> ask(const Client& c, const Probe<Row>& probe, const Request& request = {}) {
  const auto rows = probe.decode(ask_sheet(c, probe, request), c.version());
  return static_cast<const RowsOf<Row>&>(*rows).rows;
}

template <class Row, class T>
const Row& find(const std::vector<Row>& rows, T Row::*member, const T& value) {
  for (const Row& r : rows)
    if (r.*member == value) return r;
  throw std::runtime_error("no such row");
}

Request names(std::vector<std::string> schemas, std::vector<std::string> relations) {
  return {.parameters = {*encode_cell(schemas), *encode_cell(relations)}};
}

template <class F>
bool within(double seconds, F condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

// Roles and a database as a careless team leaves them. Made once; each test adds what it needs.
class Probes : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    ASSERT_NE(std::getenv("PGVIGIL_TEST_DSN"), nullptr) << "PGVIGIL_TEST_DSN names no server (superuser)";
    {
      const Client c;
      for (const char* role : {"pgvigil", "pgvigil_monitor", "app"}) {
        c.run(std::string("do $$begin if not exists (select from pg_roles where rolname = '") + role +
              "') then create role " + role + " login; end if; end$$");
      }
      c.run("grant pg_monitor to pgvigil, pgvigil_monitor");
      if (c.version() >= 140000) c.run("grant pg_read_all_data to pgvigil");
      c.run(std::string("drop database if exists \"") + database + "\"");
      c.run(std::string("create database \"") + database + "\" owner app");
      c.run("alter role app connection limit 20");
      c.run(std::string("alter role app set statement_timeout = '10s'; alter role app in database \"") + database +
            "\" set statement_timeout = '1min'");
    }
    const Client c("", database);
    c.run("create schema ext; create extension pg_stat_statements schema ext; grant usage on schema ext to public");
    c.run("select ext.pg_stat_statements_reset()");
    c.run(R"(
      set role app;
      create schema "Shop";
      create table "Shop".unindexed as select g as dump_id, 'p' || g as path, repeat('x', 60) as pad from generate_series(1, 60000) g;
      create table "Shop".indexed (id int primary key, email text, note text, unique (email));
      insert into "Shop".indexed select g, 'e' || g, null from generate_series(1, 60000) g;
      create index on "Shop".indexed (lower(note)) where id > 5;
      create index indexed_both on "Shop".indexed (note, id) include (email);
      create table "Shop".fresh with (autovacuum_enabled = off) as select g as id from generate_series(1, 50000) g;
      create table "Shop"."or""d d'er
s" ("a ""b" int, c text);
      insert into "Shop"."or""d d'er
s" select g, 'c' from generate_series(1, 40000) g;
      create table "Shop".docs (id int, body text);
      alter table "Shop".docs alter body set storage external;
      insert into "Shop".docs select g, repeat('b', 20000) from generate_series(1, 200) g;
      create table "Shop".parted (id int, at int) partition by range (at);
      create table "Shop".part_1 partition of "Shop".parted for values from (0) to (10) partition by range (id);
      create table "Shop".part_1_1 partition of "Shop".part_1 for values from (0) to (1000000);
      insert into "Shop".parted select g, g % 10 from generate_series(1, 50000) g;
      create index on "Shop".parted (id);
      create table "Shop".tiny (id int);
      create table "Shop".twice as select g % 900 as id, 'x'::text as kind from generate_series(1, 1000) g;
      create materialized view "Shop".view as select * from "Shop".indexed;
    )");
    c.run("reset role");
    c.run("vacuum analyze");
    c.run("alter system set autovacuum = off");
    EXPECT_THROW(c.run(R"(create unique index concurrently broken on "Shop".twice (id))"), std::runtime_error);
    if (c.version() < 140000)
      c.run(R"(grant usage on schema "Shop" to pgvigil; grant select on all tables in schema "Shop" to pgvigil)");
    c.run(
        R"(create table "Shop".late with (autovacuum_enabled = off) as select g as id, repeat('y', 100) as pad from generate_series(1, 50000) g)");
    if (c.version() < 140000) c.run(R"(grant select on "Shop".late to pgvigil)");
    c.run(R"(select count(*) from "Shop".unindexed where dump_id = 5)");
  }
  static void TearDownTestSuite() {
    const Client c;
    c.run("alter system reset autovacuum");
    c.run(std::string("drop database \"") + database + "\" with (force)");
  }
  // As the shell gives them to other probes.
  Request given_tables() const {
    std::string oids;
    for (const Table& t : ask(us, tables)) oids += (oids.empty() ? "" : ",") + std::to_string(t.oid);
    return {.parameters = {"{" + oids + "}"}};
  }

  Client us{GetParam(), database, "pgvigil"};
  bool reads_data() const { return std::string(GetParam()) == "pgvigil"; }
};

INSTANTIATE_TEST_SUITE_P(Roles, Probes, testing::Values("pgvigil", "pgvigil_monitor"),
                         [](const auto& p) { return std::string(p.param); });

// Types are what the fields need: anything else fails to decode, also on the servers we do not develop on.
TEST_P(Probes, EveryStatementDecodes) {
  for (const AnyProbe* probe : all_probes()) {
    const ProbeAbout& about = probe->about();
    if (about.sql.empty()) continue;
    SCOPED_TRACE(about.id);
    Request request;
    if (about.plan == plan_relation_requests) request = names({"Shop"}, {"indexed"});
    if (probe == &called_functions)
      request.parameters = {"{\"\"}", "{find}", "{Shop}", "{indexed}", "{Shop}", "{indexed}"};
    if (probe == &relation_places) request.parameters = {"{indexed,nowhere}"};
    if (probe == &foreign_servers) request = names({"Shop"}, {"indexed"});
    if (probe == &table_sizes) request.parameters = {"0"};
    if (probe == &statement_texts) request.parameters = {"{1,-2}"};
    if (probe == &index_definitions) request.parameters = {"{0}"};
    if (probe == &schema_changes) request.parameters = {"0", "{1}"};
    if (probe == &oldest_tables) request.parameters = {"both"};
    if (!about.given.empty()) request = given_tables();
    try {
      EXPECT_NE(probe->decode(ask_sheet(us, *probe, request), us.version()), nullptr);
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

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

TEST_P(Probes, ServerSaysWhatItIs) {
  const auto rows = ask(us, server);
  ASSERT_EQ(rows.size(), 1U);
  const Server& s = rows[0];
  EXPECT_EQ(s.version_num, us.version());
  EXPECT_TRUE(s.version.starts_with(std::to_string(us.version() / 10000) + ".")) << s.version;
  EXPECT_FALSE(s.in_recovery);
  EXPECT_EQ(s.database, database);
  EXPECT_EQ(s.role, GetParam());
  EXPECT_FALSE(s.superuser);
  EXPECT_TRUE(s.can_read_stats && s.can_read_settings && s.can_list_temp && s.has_statements);
  EXPECT_EQ(s.can_read_data, reads_data());
  EXPECT_EQ(s.backend_pid, us.pid());
  EXPECT_GT(s.start_time, 1.6e9);
  EXPECT_GE(s.now, s.start_time);
  EXPECT_GT(s.max_connections, 0);
  EXPECT_EQ(s.work_mem % 1024, 0);
  EXPECT_EQ(s.track_activity_query_size, 1024);
  EXPECT_EQ(s.temp_file_limit, -1);
  EXPECT_FALSE(s.data_directory.empty());
  EXPECT_GT(s.system_identifier.size(), 10U);
  EXPECT_EQ(s.disabled_settings, "");
  EXPECT_TRUE(Client("", database).ask(std::string(server.sql(us.version()))).rows[0].at(8) == "t");
}

TEST_P(Probes, ServerSaysWhenItChanged) {
  const Server s = ask(us, server).at(0);
  EXPECT_EQ(s.timeline, 1);
  ASSERT_TRUE(s.background_start.has_value());
  EXPECT_NEAR(*s.background_start, s.start_time, 30);
  EXPECT_GE(s.settings_loaded + 1, s.start_time);
}

// What was set and where, and that the digest moves with it; never what may be a secret.
TEST_P(Probes, SettingsThatSomebodySet) {
  const Client admin;
  const auto find_setting = [&](const std::string& scope, const std::string& name) {
    const auto rows = ask(us, server_settings);
    const auto it = std::find_if(rows.begin(), rows.end(),
                                 [&](const ServerSetting& s) { return s.scope == scope && s.name == name; });
    return it == rows.end() ? ServerSetting() : *it;
  };
  const auto before = ask(us, server).at(0).settings_digest;
  EXPECT_EQ(ask(us, server).at(0).settings_digest, before);
  admin.run("alter role app set work_mem = '3MB'; alter role app set shop.key = 'hunter2'");
  const auto changed = ask(us, server).at(0).settings_digest;
  EXPECT_NE(changed, before);
  EXPECT_EQ(find_setting("role", "work_mem").value, "3MB");
  EXPECT_EQ(find_setting("role", "work_mem").role, "app");
  const ServerSetting secret = find_setting("role", "shop.key");
  EXPECT_TRUE(secret.hidden);
  EXPECT_THAT(secret.value, testing::StartsWith("hidden "));
  admin.run("alter role app set shop.key = 'hunter3'");
  EXPECT_NE(find_setting("role", "shop.key").value, secret.value);
  admin.run("alter role app reset work_mem; alter role app reset shop.key");
  EXPECT_EQ(ask(us, server).at(0).settings_digest, before);

  admin.run("alter system set archive_command = 'copy --password=hunter2'");
  admin.run("alter system set max_connections = 77");
  admin.run("select pg_reload_conf(), pg_sleep(0.5)");
  const Client fresh(GetParam(), database, "pgvigil");
  const auto rows = ask(fresh, server_settings);
  const auto command = find(rows, &ServerSetting::name, std::string("archive_command"));
  EXPECT_TRUE(command.hidden);
  EXPECT_EQ(command.value.find("hunter2"), std::string::npos);
  EXPECT_EQ(command.file, "postgresql.auto.conf");
  const auto slots = find(rows, &ServerSetting::name, std::string("max_connections"));
  EXPECT_TRUE(slots.needs_restart && slots.pending_restart);
  EXPECT_EQ(slots.type, "integer");
  EXPECT_TRUE(
      std::none_of(rows.begin(), rows.end(), [](const ServerSetting& s) { return s.name == "application_name"; }));
  admin.run("alter system reset archive_command");
  admin.run("alter system reset max_connections");
  admin.run("select pg_reload_conf(), pg_sleep(0.2)");
}

TEST_P(Probes, SessionsWithTextWaitsAndBlockers) {
  const Client holder("app", database, "holder"), waiter("app", database, "waiter"),
      sleeper("app", database, "sleeper");
  holder.run(R"(begin; update "Shop".tiny set id = 1; lock table "Shop".tiny in access exclusive mode)");
  waiter.send(R"(select * from "Shop".tiny where 'caf)"
              "\xC3\xA9"
              R"(' = '')");
  sleeper.send("select pg_sleep(30) /* " + std::string(2000, 'z') + " */");
  std::vector<Session> all;
  ASSERT_TRUE(within(5, [&] {
    all = ask(us, activity);
    const auto w = std::find_if(all.begin(), all.end(), [&](const Session& s) { return s.pid == waiter.pid(); });
    return w != all.end() && w->wait_event_type == "Lock" && std::any_of(all.begin(), all.end(), [&](const Session& s) {
             return s.pid == sleeper.pid() && s.wait_event == "PgSleep";
           });
  }));
  const Session w = find(all, &Session::pid, std::int64_t{waiter.pid()});
  EXPECT_THAT(w.blocked_by, ElementsAre(holder.pid()));
  EXPECT_THAT(w.query, HasSubstr("'caf\xC3\xA9'"));
  EXPECT_EQ(w.state, "active");
  EXPECT_EQ(w.user, "app");
  EXPECT_EQ(w.database, database);
  EXPECT_EQ(w.backend_type, "client backend");
  EXPECT_FALSE(w.truncated);
  EXPECT_GE(w.query_age.value(), 0);
  EXPECT_GT(w.query_start, 1.6e9);
  const Session h = find(all, &Session::pid, std::int64_t{holder.pid()});
  EXPECT_EQ(h.state, "idle in transaction");
  EXPECT_THAT(h.blocked_by, IsEmpty());
  const Session s = find(all, &Session::pid, std::int64_t{sleeper.pid()});
  EXPECT_TRUE(s.truncated);
  EXPECT_EQ(s.wait_event, "PgSleep");
  EXPECT_THAT(all, Not(Contains(Field(&Session::pid, us.pid()))));  // nor our second connection
  const Client second(GetParam(), database, "pgvigil");
  second.send("select pg_sleep(5)");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_THAT(ask(us, activity), Not(Contains(Field(&Session::pid, second.pid()))));

  const auto groups = ask(us, connections);
  const auto& group = find(groups, &ConnectionGroup::application, std::string("holder"));
  EXPECT_EQ(group.count, 1);
  EXPECT_EQ(group.state, "idle in transaction");
  EXPECT_GE(group.max_transaction_age.value(), 0);
  EXPECT_EQ(find(groups, &ConnectionGroup::application, std::string("pgvigil")).user, GetParam());
  const auto limits = ask(us, connection_limits);
  EXPECT_EQ(find(limits, &ConnectionLimit::name, std::string("app")).used, 3);
  EXPECT_EQ(find(limits, &ConnectionLimit::name, std::string("app")).limit, 20);
  const Client boss;
  boss.run("select pg_terminate_backend(" + std::to_string(sleeper.pid()) + ")");
}

std::vector<LockWait> of_pid(const std::vector<LockWait>& all, int pid) {
  std::vector<LockWait> some;
  for (const LockWait& l : all)
    if (l.pid == pid) some.push_back(l);
  return some;
}

// The table, the row, the holder and the mode, also where the waiter waits for a transaction and not for the row.
TEST_P(Probes, LocksThatSomebodyWaitsFor) {
  EXPECT_THAT(ask(us, lock_waits), IsEmpty());
  const Client holder("app", database, "holder"), first("app", database, "first"), second("app", database, "second"),
      change("app", database, "change"), keeper("app", database, "keeper"), hopeful("app", database, "hopeful");
  holder.run(R"(begin; update "Shop".twice set kind = 'y' where id = 1)");
  first.send(R"(update "Shop".twice set kind = 'z' where id = 1)");
  const auto waiters = [&] {
    std::size_t n = 0;
    for (const LockWait& l : ask(us, lock_waits)) n += l.granted ? 0 : 1;
    return n;
  };
  ASSERT_TRUE(within(5, [&] { return waiters() == 1; }));
  second.send(R"(update "Shop".twice set kind = 'w' where id = 1)");
  ASSERT_TRUE(within(5, [&] { return waiters() == 2; }));
  change.send(R"(alter table "Shop".twice add column note text)");
  keeper.run("select pg_advisory_lock(42)");
  hopeful.send("select pg_advisory_lock(42)");
  ASSERT_TRUE(within(5, [&] { return waiters() == 4; }));
  const auto all = ask(us, lock_waits);

  const LockWait row = find(of_pid(all, first.pid()), &LockWait::locktype, std::string("tuple"));
  EXPECT_TRUE(row.granted);
  EXPECT_EQ(row.relation, "\"Shop\".twice");
  EXPECT_EQ(row.page, 0);
  EXPECT_GE(row.tuple.value(), 1);
  EXPECT_FALSE(find(of_pid(all, first.pid()), &LockWait::locktype, std::string("transactionid")).granted);
  const LockWait behind = find(of_pid(all, second.pid()), &LockWait::locktype, std::string("tuple"));
  EXPECT_FALSE(behind.granted);
  EXPECT_EQ(behind.tuple, row.tuple);
  EXPECT_EQ(behind.database, database);
  EXPECT_EQ(behind.waited.has_value(), us.version() >= 140000);
  const LockWait held = find(of_pid(all, holder.pid()), &LockWait::locktype, std::string("transactionid"));
  EXPECT_TRUE(held.granted);
  EXPECT_EQ(held.state, "idle in transaction");
  const LockWait wanted = find(of_pid(all, change.pid()), &LockWait::granted, false);
  EXPECT_EQ(wanted.mode, "AccessExclusiveLock");
  EXPECT_EQ(wanted.relation, "\"Shop\".twice");
  const LockWait kept = find(of_pid(all, keeper.pid()), &LockWait::locktype, std::string("advisory"));
  EXPECT_EQ(kept.state, "idle");
  EXPECT_EQ(kept.user, "app");
  EXPECT_GE(kept.state_age.value(), 0);
  EXPECT_THAT(ask(us, lock_waits), Not(Contains(Field(&LockWait::pid, us.pid()))));
  for (const Client* c : {&first, &second, &change, &hopeful})
    Client().run("select pg_terminate_backend(" + std::to_string(c->pid()) + ")");
}

TEST_P(Probes, TablesThatSessionsWorkOnWhateverTheirTextSays) {
  const Client owner("app", database), reader("app", database), idle("app", database), keeper("app", database);
  owner.run(R"(create or replace function "Shop".hidden() returns bigint language plpgsql as
               $$begin perform count(*) from "Shop".unindexed; perform pg_sleep(4); return 1; end$$)");
  reader.send(R"(select "Shop".hidden())");
  idle.run(R"(begin; select from "Shop".indexed limit 1)");  // holds a lock and does nothing: no work
  keeper.run(R"(begin; update "Shop".twice set kind = kind where id = 1)");
  std::vector<RelationLock> rows;
  ASSERT_TRUE(within(3, [&] {
    rows = ask(us, relation_locks);
    return std::any_of(rows.begin(), rows.end(), [](const RelationLock& l) { return l.relation == "unindexed"; });
  }));
  const RelationLock& l = find(rows, &RelationLock::name, std::string(R"("Shop".unindexed)"));
  EXPECT_THAT(l.pids, ElementsAre(reader.pid()));
  EXPECT_EQ(l.sessions, 1);
  EXPECT_EQ(l.writers, 0);
  EXPECT_EQ(l.database, database);
  Client("", database).run("select pg_terminate_backend(" + std::to_string(reader.pid()) + ")");
  EXPECT_THAT(l.resting, IsEmpty());
  const RelationLock& read = find(rows, &RelationLock::name, std::string(R"("Shop".indexed)"));
  EXPECT_EQ(read.sessions, 0);
  EXPECT_THAT(read.pids, IsEmpty());
  EXPECT_THAT(read.resting, ElementsAre(idle.pid()));
  EXPECT_THAT(read.resting_writers, IsEmpty());
  const RelationLock& kept = find(rows, &RelationLock::name, std::string(R"("Shop".twice)"));
  EXPECT_THAT(kept.resting_writers, ElementsAre(keeper.pid()));
  EXPECT_EQ(kept.prepared, 0);
  idle.run("rollback");
  keeper.run("rollback");
}

TEST_P(Probes, PreparedTransactionsAndWhoWaitsForThem) {
  const Client app("app", database), waiter("app", database);
  app.run(R"(begin; update "Shop".twice set kind = 'p' where id = 2; prepare transaction 'it''s ours')");
  waiter.send(R"(update "Shop".twice set kind = 'q' where id = 2)");
  std::vector<LockWait> locks;
  EXPECT_TRUE(within(5, [&] { return !(locks = ask(us, lock_waits)).empty(); }));
  const auto all = ask(us, prepared_transactions);
  const RelationLock kept = find(ask(us, relation_locks), &RelationLock::relation, std::string("twice"));
  Client("app", database).run("rollback prepared 'it''s ours'");
  EXPECT_EQ(kept.prepared, 1);
  EXPECT_THAT(kept.resting_writers, ElementsAre(waiter.pid()));  // it waits for the row, and holds the table
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].gid, "it's ours");
  EXPECT_EQ(all[0].owner, "app");
  EXPECT_EQ(all[0].database, database);
  EXPECT_GE(all[0].age, 0);
  const LockWait held = find(locks, &LockWait::pid, std::int64_t{0});
  EXPECT_TRUE(held.granted);
  EXPECT_EQ(held.transaction, all[0].transaction);
}

// A snapshot that is held open keeps dead rows that vacuum would remove; the table's own settings count.
TEST_P(Probes, DeadRowsAndWhoHoldsThem) {
  const Client app("app", database), holder("app", database, "notebook");
  app.run(R"(create table "Shop".dying with (autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.1)
             as select g as id from generate_series(1, 5000) g; analyze "Shop".dying)");
  holder.run(R"(begin isolation level repeatable read; select 1 from "Shop".tiny)");
  app.run(R"(update "Shop".dying set id = id + 1)");
  app.run(R"(vacuum "Shop".dying)");
  std::vector<DeadTuples> tables;
  const auto there = [&] {
    app.run("select 1");  // a session hands its counters on when it has something to do
    tables = ask(us, dead_tuples, given_tables());
    return std::any_of(tables.begin(), tables.end(), [](const DeadTuples& t) {
      return t.relation == "dying" && t.dead >= 5000 && t.changed >= 5000;
    });
  };
  EXPECT_TRUE(within(5, there));
  const DeadTuples t = find(tables, &DeadTuples::relation, std::string("dying"));
  EXPECT_EQ(t.name, "\"Shop\".dying");
  EXPECT_EQ(t.owner, "app");
  EXPECT_EQ(t.database, database);
  EXPECT_FALSE(t.autovacuum);
  EXPECT_NEAR(t.threshold, 550, 1);
  EXPECT_EQ(t.changed, 5000);
  EXPECT_TRUE(t.vacuumed.has_value());
  const auto holders = ask(us, xmin_holders);
  const XminHolder h = find(holders, &XminHolder::pid, std::int64_t{holder.pid()});
  EXPECT_EQ(h.kind, "session");
  EXPECT_EQ(h.application, "notebook");
  EXPECT_EQ(h.state, "idle in transaction");
  EXPECT_EQ(h.holds, "snapshot");
  EXPECT_GE(h.xids, 1);
  EXPECT_GE(h.seconds.value(), 0);
  EXPECT_THAT(holders, Not(Contains(Field(&XminHolder::pid, us.pid()))));
  app.run(R"(drop table "Shop".dying)");
}

// Bytes that are no text in any encoding reach us as they are and cost nothing but themselves.
TEST_P(Probes, BadBytesInAQuery) {
  {
    const Client c;
    c.run("drop database if exists bytes");
    c.run("create database bytes encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0");
  }
  {
    const Client bad("", "bytes", "bad");
    bad.send("select pg_sleep(30) /* \xE9\xFF */");
    std::vector<Session> all;
    ASSERT_TRUE(within(5, [&] {
      all = ask(us, activity);
      return std::any_of(all.begin(), all.end(), [&](const Session& s) { return s.pid == bad.pid(); });
    }));
    EXPECT_THAT(find(all, &Session::pid, std::int64_t{bad.pid()}).query, HasSubstr("/* \xEF\xBF\xBD\xEF\xBF\xBD */"));
    const Client boss;
    boss.run("select pg_terminate_backend(" + std::to_string(bad.pid()) + ")");
  }
  // It stands in pg_stat_statements too: texts cannot be read until it is gone, figures can.
  EXPECT_NO_THROW(ask(us, statements));
  const Client boss("", database);
  boss.run("select ext.pg_stat_statements_reset()");
  boss.run("drop database bytes with (force)");
}

TEST_P(Probes, SessionsHiddenFromUs) {
  const Client unprivileged("app", database, "nobody");
  const Client other("", database, "hidden");
  other.send("select pg_sleep(30)");
  std::vector<Session> all;
  ASSERT_TRUE(within(5, [&] {
    all = ask(unprivileged, activity);
    return std::any_of(all.begin(), all.end(), [&](const Session& s) { return s.pid == other.pid(); });
  }));
  EXPECT_EQ(find(all, &Session::pid, std::int64_t{other.pid()}).state, "");
  EXPECT_FALSE(ask(unprivileged, server)[0].can_list_temp);
  EXPECT_THROW(ask(unprivileged, temp_files), std::runtime_error);
  Client().run("select pg_terminate_backend(" + std::to_string(other.pid()) + ")");
}

TEST_P(Probes, DatabaseCounters) {
  const auto rows = ask(us, databases);
  const Database& d = find(rows, &Database::name, std::string(database));
  EXPECT_GE(d.connections, 1);
  EXPECT_GT(d.oid, 0);
  EXPECT_TRUE(within(10, [&] {
    const auto again = ask(us, databases);
    const Database& now = find(again, &Database::name, std::string(database));
    return now.commits > 0 && now.rows_inserted > 100000;
  }));
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
  EXPECT_EQ(find(all, &Table::relation, std::string("parted")).kind, "p");
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

// Bodies come as they are; the agent takes them apart before a row is made of them.
TEST_P(Probes, FunctionsThatAreCalled) {
  const Client app("app", database);
  app.run(R"(
    create or replace function "Shop".inner_one(n int) returns bigint language sql as 'select count(*) from "Shop".late where id = n';
    create or replace function "Shop".outer_one(n int, m int default 1) returns bigint language plpgsql set search_path = "Shop" as
      $f$ begin return inner_one(n); end $f$;
    create or replace function "Shop".fired() returns trigger language plpgsql as $f$ begin return new; end $f$;
    drop trigger if exists t on "Shop".tiny;
    create trigger t after insert or delete on "Shop".tiny for each row execute function "Shop".fired())");
  const auto all =
      ask(us, called_functions, {.parameters = {"{\"\",\"\"}", "{outer_one,count}", "{Shop}", "{tiny}", "{}", "{}"}});
  ASSERT_EQ(all.size(), 3U);
  const auto& outer = find(all, &InnerStatement::function, std::string("\"Shop\".outer_one"));
  EXPECT_EQ(outer.called, "outer_one");
  EXPECT_EQ(outer.called_schema, "Shop");
  EXPECT_EQ(outer.least_arguments, 1);
  EXPECT_EQ(outer.most_arguments, 2);
  EXPECT_EQ(outer.search_path, "\"Shop\"");
  EXPECT_EQ(find(all, &InnerStatement::function, std::string("\"Shop\".inner_one")).called, "outer_one");
  const auto& fired = find(all, &InnerStatement::trigger, std::string("t"));
  EXPECT_EQ(fired.on_table, "tiny");
  EXPECT_THAT(fired.events, ElementsAre("insert", "delete"));
  app.run(R"(drop trigger t on "Shop".tiny; drop function "Shop".fired, "Shop".outer_one, "Shop".inner_one)");
  // The body of a function made of SQL is printed only while that cannot wait.
  if (us.version() < 140000) return;
  app.run(
      R"(create function "Shop".atomic(n int) returns bigint language sql begin atomic select count(*) from "Shop".tiny; end)");
  const Request request{.parameters = {"{Shop}", "{atomic}", "{}", "{}", "{}", "{}"}};
  const auto body = [&] {
    const Sheet sheet = ask_sheet(us, called_functions, request);
    const auto at = std::find(sheet.columns.begin(), sheet.columns.end(), "body") - sheet.columns.begin();
    return sheet.rows.at(0).at(static_cast<std::size_t>(at)).value_or("");
  };
  EXPECT_THAT(body(), HasSubstr("tiny"));
  {
    const Client holder("", database, "holder");
    holder.run(R"(begin; lock table "Shop".tiny in access exclusive mode)");
    EXPECT_EQ(body(), "");
  }
  app.run(R"(drop function "Shop".atomic)");
}

// What deletes set going: the look-ups of foreign keys that no index serves, along a chain of cascades.
TEST_P(Probes, ForeignKeysThatDeletesFire) {
  const Client app("app", database);
  app.run(R"(
    create table "Shop"."ord ers" (id bigint primary key, region int, unique (id, region));
    create table "Shop".lines (id int primary key, "order" bigint, region int,
      constraint "of order" foreign key ("order", region) references "Shop"."ord ers" (id, region) on delete cascade);
    create table "Shop".served (id int primary key, o bigint references "Shop"."ord ers");
    create index on "Shop".served (o);
    create table "Shop".notes (line int references "Shop".lines on delete set null);
    create table "Shop".marks (note int references "Shop".served))");
  const auto all = ask(us, called_functions, {.parameters = {"{}", "{}", "{}", "{}", "{\"\",\"\"}", "{ord ers,tiny}"}});
  ASSERT_EQ(all.size(), 2U);  // marks: rows of served are not deleted
  const auto& lines = find(all, &InnerStatement::referencing, std::string("\"Shop\".lines"));
  EXPECT_EQ(lines.trigger, "of order");
  EXPECT_EQ(lines.on_table, "ord ers");
  EXPECT_THAT(lines.events, ElementsAre("delete"));
  EXPECT_EQ(find(all, &InnerStatement::referencing, std::string("\"Shop\".notes")).on_table, "ord ers");
  const Sheet sheet = ask_sheet(us, called_functions, {.parameters = {"{}", "{}", "{}", "{}", "{Shop}", "{ord ers}"}});
  const auto at = std::find(sheet.columns.begin(), sheet.columns.end(), "body") - sheet.columns.begin();
  EXPECT_THAT(sheet.rows.at(0).at(static_cast<std::size_t>(at)).value_or(""),
              HasSubstr("WHERE \"order\" = $1 AND region = $2"));
  app.run(R"(drop table "Shop".marks, "Shop".notes, "Shop".served, "Shop".lines, "Shop"."ord ers")");
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
      request.parameters = {"{\"\"}", "{atomic}", "{Shop}", "{indexed}", "{Shop}", "{indexed}"};
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

TEST_P(Probes, StatementsAndTheirTexts) {
  const Client app("app", database, "app");
  for (int i = 0; i < 3; ++i)
    app.run(R"(select count(*) as probe_me from "Shop".indexed, pg_sleep(0.05) where note = 'secret')");
  app.run("select 'long' /* " + std::string(70000, 'q') + " */ as probe_long");
  const auto texts_of = [&](const std::vector<Statement>& all) {
    std::vector<std::string> ids;
    // One answer holds 90 texts: of our own role and this database, which are few.
    for (const Statement& s : all)
      if (s.user == "app" && s.database == database) ids.push_back(s.query_id);
    std::string list;
    for (const auto& id : ids) list += (list.empty() ? "" : ",") + id;
    return ask(us, statement_texts, {.parameters = {"{" + list + "}"}});
  };
  const auto all = ask(us, statements);
  const auto queries = texts_of(all);
  const auto text = std::find_if(queries.begin(), queries.end(),
                                 [](const auto& t) { return t.text.find("probe_me") != std::string::npos; });
  ASSERT_NE(text, queries.end());
  EXPECT_THAT(text->text, AllOf(HasSubstr("$1"), Not(HasSubstr("secret"))));
  EXPECT_EQ(text->user, "app");
  const Statement& s = find(all, &Statement::query_id, text->query_id);
  EXPECT_GE(s.calls, 3);
  EXPECT_GT(s.total_seconds, 0);
  EXPECT_EQ(s.database, database);
  for (const StatementText& t : queries) EXPECT_LE(t.text.size(), 4U * 65536);
}

// On 13 sessions have no id: a whole text is found by how it begins.
TEST_P(Probes, StatementTextsByTheirBeginning) {
  const Client app("app", database);
  app.run(R"(select count(*) from "Shop".tiny where id in (1, 2, 3) and id <> 4)");
  const auto requests = [] {
    Scenario past;
    Session cut{.pid = 1, .database = database, .user = "app", .backend_type = "client backend", .state = "active"};
    cut.query_id = "f0123456789abcdef";
    cut.query = R"(select count(*) from "Shop".tiny where id in (?, ?, ?, ?, ?)";
    cut.truncated = true;
    for (int ago = 3; ago >= 0; --ago) past.saw(ago, activity, {cut});
    static const CheckSettings defaults;
    return statement_texts.about().plan(Input(past.history, past.context, defaults, past.at));
  }();
  ASSERT_EQ(requests.size(), 1U);
  const auto found = ask(us, statement_texts, requests[0]);
  EXPECT_THAT(found, Contains(Field(&StatementText::text,
                                    HasSubstr(us.version() >= 180000 ? "id in ($1 /*" : "id in ($1, $2, $3)"))));
  EXPECT_THAT(found, Each(Field(&StatementText::database, database)));
}

TEST_P(Probes, TimeoutsByLayer) {
  const auto all = ask(us, timeouts);
  const auto seconds = [&](std::string_view layer, std::string_view setting = "statement_timeout") {
    for (const Timeout& t : all)
      if (t.layer == layer && t.setting == setting && (t.role == "app" || layer == "server" || layer == "database"))
        return t.seconds;
    return -1.0;
  };
  EXPECT_EQ(seconds("server"), 0);  // not the limit that our transaction sets
  EXPECT_EQ(seconds("role"), 10);
  EXPECT_EQ(seconds("role in database"), 60);
  EXPECT_EQ(seconds("server", "idle_session_timeout"), us.version() >= 140000 ? 0 : -1);
  EXPECT_EQ(seconds("server", "transaction_timeout"), us.version() >= 170000 ? 0 : -1);
  EXPECT_EQ(seconds("server", "deadlock_timeout"), 1);

  // A limit of our own role hides the server's: then nothing is claimed. One for all roles is the server's.
  const Client boss;
  const std::string role = GetParam();
  boss.run("alter role " + role +
           " set lock_timeout = '2s'; alter role all set idle_in_transaction_session_timeout = '5min'");
  const auto again = ask(Client(role, database, "pgvigil"), timeouts);
  boss.run("alter role " + role + " reset lock_timeout; alter role all reset idle_in_transaction_session_timeout");
  EXPECT_THAT(again, Not(Contains(AllOf(Field(&Timeout::setting, "lock_timeout"), Field(&Timeout::layer, "server")))));
  EXPECT_THAT(again, Contains(AllOf(Field(&Timeout::setting, "lock_timeout"), Field(&Timeout::layer, "role"),
                                    Field(&Timeout::role, role), Field(&Timeout::seconds, 2))));
  EXPECT_THAT(again, Contains(AllOf(Field(&Timeout::setting, "idle_in_transaction_session_timeout"),
                                    Field(&Timeout::layer, "server"), Field(&Timeout::source, "all roles"),
                                    Field(&Timeout::seconds, 300))));
}

TEST_P(Probes, TemporaryFilesByProcess) {
  const Client spiller("", database, "spiller");
  spiller.run(
      "set work_mem = '64kB'; set max_parallel_workers_per_gather = 0; begin; declare c cursor for select g, "
      "repeat('x', 100) as t from generate_series(1, 200000) g order by t, g desc; fetch 1 from c");
  const auto all = ask(us, temp_files);
  const TempFiles& t = find(all, &TempFiles::pid, std::int64_t{spiller.pid()});
  EXPECT_GT(t.bytes, 1'000'000);
  EXPECT_GT(t.files, 0);
  EXPECT_EQ(t.tablespace, "pg_default");
}

TEST_P(Probes, LongCommandsInProgress) {
  const Client copier("app", database, "copier");
  copier.run("create temp table copied as select g from generate_series(1, 1000) g");
  copier.send("copy (select g, pg_sleep(0.02) from copied) to stdout");
  std::vector<LongCommand> all;
  const bool seen = within(us.version() < 140000 ? 1 : 5, [&] {
    return all = ask(us, long_commands), std::any_of(all.begin(), all.end(), [&](const LongCommand& c) {
             return c.pid == copier.pid() && c.age > 0;
           });
  });
  Client().run("select pg_terminate_backend(" + std::to_string(copier.pid()) + ")");
  if (us.version() < 140000) {  // which does not tell of copies
    EXPECT_FALSE(seen);
    return;
  }
  ASSERT_TRUE(seen);
  const LongCommand& c = find(all, &LongCommand::pid, std::int64_t{copier.pid()});
  EXPECT_EQ(c.command, "COPY TO");
  EXPECT_EQ(c.database, database);
  EXPECT_EQ(c.user, "app");
  EXPECT_FALSE(c.automatic);
  EXPECT_EQ(c.total, 0) << "of a query nobody knows how long it is";
}

TEST_P(Probes, IndexBuildInProgress) {
  const Client holder("app", database, "holder"), builder("app", database, "builder");
  holder.run(R"(begin; insert into "Shop".indexed values (-1, 'x', null))");  // the build waits for this transaction
  builder.send(R"(create index concurrently waiting on "Shop".indexed (email, id))");
  std::vector<IndexBuild> all;
  ASSERT_TRUE(within(5, [&] {
    return all = ask(us, index_builds), !all.empty() && all[0].lockers_total > 0 && all[0].index == "\"Shop\".waiting";
  }));
  EXPECT_EQ(all[0].pid, builder.pid());
  EXPECT_EQ(all[0].table, "\"Shop\".indexed");
  EXPECT_EQ(all[0].database, database);
  EXPECT_EQ(all[0].index, "\"Shop\".waiting");
  EXPECT_EQ(all[0].command, "CREATE INDEX CONCURRENTLY");
  EXPECT_THAT(all[0].phase, HasSubstr("waiting"));
  EXPECT_EQ(all[0].current_locker_pid, holder.pid());
  const Client elsewhere(GetParam(), "postgres", "pgvigil");  // names live in the other database
  EXPECT_THAT(ask(elsewhere, index_builds)[0].table, testing::MatchesRegex("[0-9]+"));
  Client().run("select pg_terminate_backend(" + std::to_string(builder.pid()) + ")");
  holder.run("rollback");
  within(5, [&] { return ask(us, index_builds).empty(); });
  const Client owner("app", database);
  owner.run(R"(drop index if exists "Shop".waiting)");
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

TEST_P(Probes, WalAndCheckpointsMove) {
  const Client c("", database);
  const Wal before = ask(us, wal).at(0);
  EXPECT_FALSE(before.in_recovery);
  EXPECT_EQ(before.archive_mode, "off");
  EXPECT_EQ(before.max_wal_size, 4_GiB);  // as tests/lib/pg.py sets it
  EXPECT_EQ(before.segment_size, 16_MiB);
  EXPECT_EQ(before.checkpoint_timeout, 300);
  EXPECT_EQ(before.max_slot_wal_keep_size, -1);
  const Checkpoints then = ask(us, checkpoints).at(0);
  c.run(R"(create table "Shop".written as select g, repeat('w', 100) from generate_series(1, 20000) g)");
  c.run(R"(drop table "Shop".written; checkpoint)");
  EXPECT_GE(ask(us, wal).at(0).position, before.position + 2'000'000);
  EXPECT_TRUE(within(5, [&] { return ask(us, checkpoints).at(0).requested > then.requested; }));
  EXPECT_TRUE(ask(us, checkpoints).at(0).counted_for.has_value());
  // Nothing was ever archived, and nobody receives: no ages, rather than an age of nothing.
  const Archiver a = ask(us, archiver).at(0);
  EXPECT_FALSE(a.archived_ago || a.failed_ago);
  EXPECT_EQ(ask(us, archive_backlog).at(0).ready, 0);
  EXPECT_FALSE(ask(us, archive_backlog).at(0).oldest.has_value());
  EXPECT_THAT(ask(us, standbys), IsEmpty());
}

TEST_P(Probes, SlotsAndWhatTheyKeep) {
  const Client c("", database);
  c.run("select pg_create_physical_replication_slot('unread', true), pg_create_physical_replication_slot('unused')");
  c.run(R"(create table "Shop".written as select g, repeat('w', 100) from generate_series(1, 20000) g)");
  const auto all = ask(us, slots);
  const Slot& unread = find(all, &Slot::name, std::string("unread"));
  EXPECT_FALSE(unread.active);
  EXPECT_EQ(unread.type, "physical");
  EXPECT_EQ(unread.wal_status, "reserved");
  EXPECT_GE(unread.retained.value_or(0), 2'000'000);
  if (us.version() >= 170000) {
    EXPECT_LT(unread.inactive_for.value_or(-1), 60);
    EXPECT_GE(unread.inactive_for.value_or(-1), 0);
  }
  EXPECT_FALSE(find(all, &Slot::name, std::string("unused")).retained.has_value());
  c.run(R"(drop table "Shop".written)");
  c.run("select pg_drop_replication_slot('unread'), pg_drop_replication_slot('unused')");
}

TEST_P(Probes, SessionsAreCountedFrom14On) {
  const Database before = find(ask(us, databases), &Database::name, std::string(database));
  EXPECT_EQ(before.sessions.has_value(), us.version() >= 140000);
  if (!before.sessions) return;
  for (int i = 0; i < 3; ++i) Client("app", database).run("select 1");
  EXPECT_TRUE(within(10, [&] {
    return *find(ask(us, databases), &Database::name, std::string(database)).sessions >= *before.sessions + 3;
  }));
  Client victim("app", database);
  Client("", database).run("select pg_terminate_backend(" + std::to_string(victim.pid()) + ")");
  EXPECT_TRUE(within(10, [&] {
    return *find(ask(us, databases), &Database::name, std::string(database)).sessions_killed > *before.sessions_killed;
  }));
}

}  // namespace
}  // namespace pgvigil
