// Every probe's SQL on a real server, as the roles that people give us: what comes back decodes, and is true. Here the
// server as a whole; sessions, tables and texts have files of their own.
#include <gmock/gmock.h>

#include <algorithm>

#include "checks/check.h"
#include "checks/probes/archive_backlog.h"
#include "checks/probes/archiver.h"
#include "checks/probes/called_functions.h"
#include "checks/probes/checkpoints.h"
#include "checks/probes/connections.h"
#include "checks/probes/databases.h"
#include "checks/probes/foreign_servers.h"
#include "checks/probes/index_definitions.h"
#include "checks/probes/oldest_tables.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/relation_places.h"
#include "checks/probes/schema_changes.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/slots.h"
#include "checks/probes/standbys.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/table_sizes.h"
#include "checks/probes/temp_files.h"
#include "checks/probes/timeouts.h"
#include "checks/probes/wal.h"
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
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

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
      request.parameters = {"{\"\"}",    "{find}", "{Shop}",    "{indexed}", "{Shop}",
                            "{indexed}", "{Shop}", "{indexed}", "{id}"};
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
