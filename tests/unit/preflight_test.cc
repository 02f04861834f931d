// Would a step go through now? Every outcome of every thing that is looked at.
#include "checks/plans/preflight.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "checks/plans/pasted.h"
#include "checks/plans/role_settings.h"
#include "checks/probes/activity.h"
#include "checks/probes/disks.h"
#include "checks/probes/duplicates.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/indexes.h"
#include "checks/probes/lock_waits.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/prepared_transactions.h"
#include "checks/probes/relation_columns.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/server.h"
#include "checks/probes/server_settings.h"
#include "checks/probes/slots.h"
#include "checks/probes/tables.h"
#include "checks/probes/timeouts.h"
#include "checks/probes/xmin_holders.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Outcome = Preflight::Outcome;

const std::string unlimited = "SET statement_timeout = 0;\nSET lock_timeout = 0;\n";
const std::string build = unlimited + "CREATE INDEX CONCURRENTLY docs_path_idx ON public.docs (path);";

// A server at rest with one table of two million rows; a test says what is different.
struct Seen {
  std::vector<Server> server{Server{.version_num = 150000,
                                    .database = "shop",
                                    .role = "pgvigil",
                                    .can_read_stats = true,
                                    .temp_file_limit = -1,
                                    .maintenance_work_mem = 8_MiB,
                                    .max_parallel_maintenance_workers = 2}};
  std::vector<Table> tables{Table{.database = "shop",
                                  .schema = "public",
                                  .relation = "docs",
                                  .name = "public.docs",
                                  .oid = 16500,
                                  .owner = "owner",
                                  .kind = "r",
                                  .heap_bytes = 400_MiB,
                                  .rows = 2'000'000}};
  std::vector<RelationColumn> columns{RelationColumn{
      .database = "shop", .table = "public.docs", .column = "path", .type = "text", .average_width = 40}};
  std::vector<Index> indexes;
  std::vector<Session> sessions;
  std::vector<RelationLock> locks;
  std::vector<XminHolder> holders;
  std::vector<LockWait> waits;
  std::vector<IndexBuild> builds;
  std::vector<LongCommand> commands;
  std::vector<Timeout> timeouts;
  std::vector<ServerSetting> settings;
  std::vector<Disk> disks{Disk{.holds = "data directory", .total = 100_GiB, .available = 50_GiB}};
  std::vector<Duplicates> duplicates;
  std::vector<PreparedTransaction> prepared;
  std::vector<Slot> slots;
  std::vector<std::string> unseen = {};  // probes that brought nothing

  Scenario scenario() const {
    Scenario s;
    const auto saw = [&](const auto& probe, const auto& rows) {
      if (std::find(unseen.begin(), unseen.end(), probe.id()) == unseen.end()) s.saw(1, probe, rows);
    };
    saw(pgvigil::server, server);
    saw(pgvigil::tables, tables);
    saw(relation_columns, columns);
    saw(pgvigil::indexes, indexes);
    saw(activity, sessions);
    saw(relation_locks, locks);
    saw(xmin_holders, holders);
    saw(lock_waits, waits);
    saw(index_builds, builds);
    saw(long_commands, commands);
    saw(pgvigil::timeouts, timeouts);
    saw(server_settings, settings);
    saw(pgvigil::disks, disks);
    saw(pgvigil::duplicates, duplicates);
    saw(prepared_transactions, prepared);
    saw(pgvigil::slots, slots);
    return s;
  }
};

std::vector<Step> judged(const Seen& seen, std::vector<Step> steps) {
  const Scenario s = seen.scenario();
  const CheckSettings none;
  Remedy r;
  r.steps = std::move(steps);
  preflight(Input(s.history, s.context, none, s.at), {&r});
  return r.steps;
}

std::optional<Preflight> of(const Seen& seen, const std::string& sql, const std::string& run_as = "owner",
                            const std::string& database = "shop") {
  return judged(seen, {Step{.title = {}, .database = database, .run_as = run_as, .sql = sql}})[0].preflight;
}

Preflight::Item item(const std::optional<Preflight>& p, const std::string& what) {
  if (p)
    for (const Preflight::Item& i : p->items)
      if (i.what == what) return i;
  ADD_FAILURE() << "nothing said of " << what;
  return {};
}

Session open(std::int64_t pid, const std::string& state, double age) {
  return {.pid = pid,
          .database = "shop",
          .user = "app",
          .backend_type = "client backend",
          .state = state,
          .query_age = age,
          .transaction_age = age,
          .state_age = age};
}

RelationLock held(std::vector<std::int64_t> resting, std::vector<std::int64_t> resting_writers,
                  std::vector<std::int64_t> pids = {}, std::vector<std::int64_t> writers = {}) {
  RelationLock l{.database = "shop", .schema = "public", .relation = "docs", .name = "public.docs", .oid = 16500};
  l.resting = std::move(resting);
  l.resting_writers = std::move(resting_writers);
  l.sessions = static_cast<std::int64_t>(pids.size());
  l.pids = std::move(pids);
  l.writer_pids = std::move(writers);
  return l;
}

TEST(Preflight, GoesThroughWhereAllWasSeenAndNothingIsInItsWay) {
  const auto p = of({}, build);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->outcome, Outcome::pass);
  EXPECT_EQ(p->phrase, "goes through now");
  for (const Preflight::Item& i : p->items) {
    EXPECT_EQ(i.outcome, Outcome::pass) << i.what << ": " << i.figure;
    EXPECT_THAT(i.figure, Not(IsEmpty())) << i.what;
  }
}

TEST(Preflight, WhatWasNotSeenIsNoPass) {
  for (const auto& [probe, what] : {std::pair("activity", "open transactions"),
                                    {"index_builds", "work on the table"},
                                    {"lock_waits", "work on the table"},
                                    {"long_commands", "work on the table"},
                                    {"disks", "disk"},
                                    {"tables", "temporary files"},
                                    {"indexes", "name"},
                                    {"server", "writes"}}) {
    Seen seen;
    seen.unseen = {probe};
    const auto p = of(seen, build);
    EXPECT_EQ(item(p, what).outcome, Outcome::unknown) << probe;
    EXPECT_EQ(p->outcome, Outcome::unknown) << probe;
    EXPECT_THAT(p->phrase, HasSubstr("not looked at: ")) << probe;
    EXPECT_THAT(p->phrase, HasSubstr(what)) << probe;
  }
}

TEST(Preflight, NothingIsSaidOfStepsThatNothingStandsInTheWayOf) {
  EXPECT_FALSE(of({}, "SELECT * FROM pg_catalog.pg_stat_archiver;"));
  EXPECT_FALSE(of({}, "SET lock_timeout = '2s';"));
  EXPECT_FALSE(of({}, "ALTER SYSTEM SET max_wal_size = '4GB';\nSELECT pg_catalog.pg_reload_conf();", "superuser"));
  EXPECT_FALSE(of({}, ""));
}

TEST(Preflight, AStatementThatIsNotKnownIsUnknown) {
  EXPECT_EQ(of({}, "DROP TABLE docs;")->outcome, Outcome::unknown);
  EXPECT_EQ(of({}, "this is no SQL")->outcome, Outcome::unknown);
  EXPECT_EQ(of({}, "this is no SQL")->phrase, "not looked at: statement");
}

TEST(Preflight, TemporaryFilesAgainstTheLimitOfTheRoleThatBuilds) {
  Seen seen;
  seen.server[0].temp_file_limit = 64_MiB;
  auto p = of(seen, build);
  EXPECT_EQ(item(p, "temporary files").outcome, Outcome::fail);
  EXPECT_THAT(p->phrase,
              testing::MatchesRegex("would fail: needs about [0-9]+ MB of temporary files, temp_file_limit is 64 MB"));
  EXPECT_THAT(item(p, "temporary files").todo, HasSubstr("SET maintenance_work_mem = '"));

  // The step makes room for itself, either way.
  p = of(seen, "SET temp_file_limit = '400MB';\n" + build, "superuser");
  EXPECT_EQ(item(p, "temporary files").outcome, Outcome::pass);
  EXPECT_THAT(item(p, "temporary files").figure, HasSubstr("400 MB (the step sets it)"));
  p = of(seen, "SET maintenance_work_mem = '2000MB';\nSET max_parallel_maintenance_workers = 0;\n" + build);
  EXPECT_EQ(item(p, "temporary files").outcome, Outcome::pass);
  EXPECT_THAT(item(p, "temporary files").figure, StartsWith("sorts in memory (maintenance_work_mem 2"));

  // The role's own limit counts, not the server's.
  seen.settings = {{.scope = "role", .role = "owner", .name = "temp_file_limit", .value = "1GB"}};
  EXPECT_EQ(item(of(seen, build), "temporary files").outcome, Outcome::pass);
  seen.settings.push_back(
      {.scope = "role in database", .role = "owner", .database = "shop", .name = "temp_file_limit", .value = "1024"});
  EXPECT_EQ(item(of(seen, build), "temporary files").outcome, Outcome::fail);
  EXPECT_THAT(item(of(seen, build), "temporary files").figure, HasSubstr("temp_file_limit is 1 MB"));

  seen = {};
  seen.server[0].temp_file_limit = 64_MiB;
  seen.tables[0].rows.reset();
  EXPECT_EQ(item(of(seen, build), "temporary files").outcome, Outcome::unknown);  // a guess condemns nothing
  EXPECT_EQ(
      item(of(seen, unlimited + "CREATE INDEX CONCURRENTLY i ON docs USING gin (path);"), "temporary files").outcome,
      Outcome::unknown);
}

TEST(Preflight, DiskAgainstWhatIsFree) {
  Seen seen;
  seen.disks[0].available = 100_MiB;
  const auto p = of(seen, build);
  EXPECT_EQ(item(p, "disk").outcome, Outcome::fail);
  EXPECT_THAT(item(p, "disk").figure, HasSubstr("100 MB free"));
  // A column that changes its type writes the table anew.
  EXPECT_EQ(item(of(seen, "ALTER TABLE public.docs ALTER COLUMN id TYPE bigint;"), "disk").outcome, Outcome::fail);
  seen.disks[0].available = 1_GiB;
  EXPECT_EQ(item(of(seen, "ALTER TABLE public.docs ALTER COLUMN id TYPE bigint;"), "disk").outcome, Outcome::pass);
}

TEST(Preflight, OlderTransactionsThatConcurrentlyWaitsFor) {
  Seen seen;
  seen.sessions = {open(1234, "active", 300), open(77, "active", 20), open(78, "active", 1)};
  const auto p = of(seen, build);
  EXPECT_EQ(p->outcome, Outcome::wait);
  EXPECT_EQ(p->phrase, "waits for 2 transactions (oldest 5 min, pid 1234)");
  EXPECT_THAT(item(p, "open transactions").todo, HasSubstr("let them end"));
  // Vacuum and, from 14 on, another build keep no index waiting; other databases do not either.
  seen.commands = {{.pid = 77, .database = "shop", .command = "VACUUM", .table = "public.other"}};
  seen.builds = {{.pid = 1234, .database = "shop", .table = "public.other", .command = "CREATE INDEX CONCURRENTLY"}};
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);
  seen = {};
  seen.sessions = {open(1234, "active", 300)};
  seen.sessions[0].database = "other";
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);
}

TEST(Preflight, AnIdleTransactionIsWaitedForOnlyWhereItHoldsALockOrASnapshot) {
  Seen seen;
  seen.sessions = {open(1234, "idle in transaction", 300)};
  seen.locks = {held({1234}, {})};  // it has read the table
  auto p = of(seen, build);
  EXPECT_EQ(p->outcome, Outcome::pass);
  EXPECT_THAT(item(p, "open transactions").figure, HasSubstr("1 transaction older than 5 s holds neither"));

  seen.holders = {{.kind = "session", .pid = 1234, .database = "shop", .holds = "snapshot"}};
  p = of(seen, build);
  EXPECT_EQ(p->phrase, "waits for 1 transaction (5 min, pid 1234, idle)");
  EXPECT_THAT(item(p, "open transactions").todo, HasSubstr("does not end by itself"));
  EXPECT_THAT(item(p, "open transactions").todo, HasSubstr("pg_terminate_backend(1234)"));

  seen.holders[0].holds = "transaction id";
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);
  seen.locks = {held({1234}, {1234})};  // it has written it
  EXPECT_EQ(of(seen, build)->outcome, Outcome::wait);
  // A limit for idle transactions ends it.
  seen.timeouts = {{.setting = "idle_in_transaction_session_timeout", .layer = "role", .role = "app", .seconds = 600}};
  EXPECT_THAT(item(of(seen, build), "open transactions").todo, Not(HasSubstr("does not end by itself")));
}

TEST(Preflight, DropIndexWaitsForReadersToo) {
  Seen seen;
  seen.indexes = {{.database = "shop", .table = "public.docs", .name = "public.docs_old", .method = "btree"}};
  const std::string drop = unlimited + "DROP INDEX CONCURRENTLY public.docs_old;";
  EXPECT_EQ(of(seen, drop)->outcome, Outcome::pass);
  seen.sessions = {open(1234, "idle in transaction", 300)};
  seen.locks = {held({1234}, {})};
  EXPECT_EQ(of(seen, drop)->outcome, Outcome::wait);
  seen.indexes[0].is_constraint = true;
  EXPECT_THAT(of(seen, drop)->phrase, HasSubstr("belongs to a constraint"));
  seen.indexes.clear();
  EXPECT_EQ(item(of(seen, drop), "index").outcome, Outcome::unknown);
}

TEST(Preflight, LocksOfAnotherDatabaseAreNotSeen) {
  Seen seen;
  seen.tables[0].database = seen.columns[0].database = "other";
  EXPECT_EQ(item(of(seen, build, "owner", "other"), "open transactions").outcome, Outcome::pass);  // nobody is there
  seen.sessions = {open(1234, "idle in transaction", 300)};
  seen.sessions[0].database = "other";
  EXPECT_EQ(item(of(seen, build, "owner", "other"), "open transactions").outcome, Outcome::unknown);
  seen = {};
  seen.sessions = {open(1234, "", 0)};  // hidden from us
  EXPECT_EQ(item(of(seen, build), "open transactions").outcome, Outcome::unknown);
}

TEST(Preflight, PreparedTransactionsEndNeither) {
  Seen seen;
  seen.locks = {held({}, {})};
  seen.locks[0].prepared = 1;
  const auto p = of(seen, build);
  EXPECT_EQ(p->phrase, "waits for 1 prepared transaction");
  EXPECT_THAT(item(p, "open transactions").todo, HasSubstr("ROLLBACK PREPARED"));
}

TEST(Preflight, WorkOnTheTableNow) {
  Seen seen;
  seen.builds = {
      {.pid = 9, .database = "shop", .table = "public.docs", .command = "CREATE INDEX CONCURRENTLY", .age = 60}};
  EXPECT_EQ(of(seen, build)->phrase, "waits for CREATE INDEX CONCURRENTLY (pid 9, 60 s)");
  seen.builds[0].table = "16500";  // told by its oid
  EXPECT_EQ(of(seen, build)->outcome, Outcome::wait);
  seen.builds[0].table = "public.other";
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);

  seen = {};
  seen.commands = {{.pid = 9, .database = "shop", .command = "VACUUM", .table = "public.docs", .age = 60}};
  EXPECT_EQ(of(seen, build)->outcome, Outcome::wait);
  seen.commands[0].automatic = true;
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);  // it gives way
  seen.sessions = {{.pid = 9,
                    .database = "shop",
                    .backend_type = "autovacuum worker",
                    .state = "active",
                    .query = "autovacuum: VACUUM public.docs (to prevent wraparound)"}};
  EXPECT_EQ(of(seen, build)->outcome, Outcome::wait);

  seen = {};
  seen.waits = {{.pid = 9,
                 .locktype = "relation",
                 .mode = "AccessExclusiveLock",
                 .database = "shop",
                 .relation = "public.docs",
                 .waited = 12}};
  EXPECT_EQ(of(seen, build)->phrase, "waits for a session that waits for ACCESS EXCLUSIVE (pid 9, 12 s)");
  seen.waits[0].mode = "RowExclusiveLock";  // a writer is no obstacle for a build beside the writers
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);
  seen.server[0].can_read_stats = false;
  EXPECT_EQ(item(of(seen, build), "work on the table").outcome, Outcome::unknown);
}

TEST(Preflight, ANameThatIsTaken) {
  Seen seen;
  seen.indexes = {{.database = "shop",
                   .table = "public.docs",
                   .name = "public.docs_path_idx",
                   .oid = 17000,
                   .method = "btree",
                   .is_valid = false}};
  auto p = of(seen, build);
  EXPECT_EQ(p->phrase, "would fail: public.docs_path_idx exists already, INVALID");
  EXPECT_EQ(item(p, "name").todo, "drop it first: DROP INDEX CONCURRENTLY public.docs_path_idx;");
  // The step before drops it.
  const auto steps = judged(seen, {Step{.title = {},
                                        .database = "shop",
                                        .run_as = "owner",
                                        .sql = unlimited + "DROP INDEX CONCURRENTLY public.docs_path_idx;"},
                                   Step{.title = {}, .database = "shop", .run_as = "owner", .sql = build}});
  EXPECT_EQ(steps[0].preflight->outcome, Outcome::pass);
  EXPECT_EQ(steps[1].preflight->outcome, Outcome::pass);
  // It is no leftover while it is being built.
  seen.builds = {{.pid = 9,
                  .database = "shop",
                  .table = "public.docs",
                  .index = "public.docs_path_idx",
                  .command = "CREATE INDEX CONCURRENTLY"}};
  EXPECT_THAT(item(of(seen, build), "name").figure, HasSubstr("is being built right now (pid 9"));
  EXPECT_THAT(item(of(seen, unlimited + "DROP INDEX CONCURRENTLY public.docs_path_idx;"), "index").figure,
              HasSubstr("is being built right now"));
  seen.builds.clear();
  seen.indexes[0].is_valid = true;
  EXPECT_THAT(item(of(seen, build), "name").todo, HasSubstr("take another name"));
}

TEST(Preflight, AStandbyAndAReadOnlyRoleTakeNoWrites) {
  Seen seen;
  seen.server[0].in_recovery = true;
  EXPECT_EQ(of(seen, build)->phrase, "would fail: this server is a standby and takes no writes");
  EXPECT_EQ(item(of(seen, build), "writes").todo, "paste it on the primary");
  EXPECT_EQ(of(seen, "ALTER ROLE app SET lock_timeout = '2s';", "superuser")->outcome, Outcome::fail);
  // Sessions can be ended there.
  seen.sessions = {open(12, "active", 30)};
  const std::string end =
      "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = 12;";
  EXPECT_EQ(of(seen, end, "superuser")->outcome, Outcome::pass);

  seen = {};
  seen.settings = {{.scope = "role", .role = "owner", .name = "default_transaction_read_only", .value = "on"}};
  EXPECT_THAT(of(seen, build)->phrase, HasSubstr("default_transaction_read_only is on of role owner"));
  EXPECT_EQ(of(seen, "SET default_transaction_read_only = off;\n" + build)->outcome, Outcome::pass);
}

TEST(Preflight, TimeLimitsOfTheRoleUnlessTheStepSetsThem) {
  const std::string bare = "CREATE INDEX CONCURRENTLY docs_path_idx ON public.docs (path);";
  Seen seen;
  EXPECT_EQ(of(seen, bare)->outcome, Outcome::pass);
  seen.timeouts = {{.setting = "statement_timeout", .layer = "role", .role = "owner", .seconds = 3}};
  auto p = of(seen, bare);
  EXPECT_EQ(p->outcome, Outcome::fail);
  EXPECT_THAT(p->phrase, StartsWith("would fail: statement_timeout is 3 s of role owner, it takes about "));
  EXPECT_EQ(item(p, "time limits").todo, "first: SET statement_timeout = 0;");
  EXPECT_EQ(of(seen, build)->outcome, Outcome::pass);
  seen.timeouts[0].seconds = 3600;
  EXPECT_EQ(of(seen, bare)->outcome, Outcome::pass);
  // A limit for locks matters where there is one to wait for.
  seen.timeouts = {{.setting = "lock_timeout", .layer = "database", .database = "shop", .seconds = 2}};
  EXPECT_EQ(of(seen, bare)->outcome, Outcome::pass);
  seen.sessions = {open(1234, "active", 300)};
  p = of(seen, bare);
  EXPECT_EQ(p->phrase,
            "would fail: lock_timeout is 2 s in database shop, and it has to wait; waits for 1 transaction (5 min, pid "
            "1234)");
  EXPECT_EQ(of(seen, build)->outcome, Outcome::wait);
  seen.unseen = {"timeouts"};
  EXPECT_EQ(item(of(seen, bare), "time limits").outcome, Outcome::unknown);
  EXPECT_EQ(item(of(seen, build), "time limits").outcome, Outcome::pass);
  // How long a change takes is not known.
  seen = {};
  seen.timeouts = {{.setting = "statement_timeout", .layer = "server", .seconds = 30}};
  EXPECT_EQ(item(of(seen, "VACUUM (ANALYZE) public.docs;"), "time limits").outcome, Outcome::unknown);
}

TEST(Preflight, UniqueKeys) {
  const std::string unique = unlimited + "CREATE UNIQUE INDEX CONCURRENTLY docs_path_key ON public.docs (path);";
  Seen seen;
  EXPECT_EQ(item(of(seen, unique), "unique keys").outcome, Outcome::unknown);
  seen.duplicates = {{.database = "shop", .table = "public.docs", .columns = {"path"}, .slices_done = 4, .slices = 4}};
  EXPECT_EQ(item(of(seen, unique), "unique keys").outcome, Outcome::pass);
  seen.duplicates[0].slices_done = 3;
  EXPECT_EQ(item(of(seen, unique), "unique keys").outcome, Outcome::unknown);
  seen.duplicates[0].duplicate_keys = 40;
  EXPECT_EQ(of(seen, unique)->phrase, "would fail: 40 keys occur more than once");
}

TEST(Preflight, AChangeOfTheTableWaitsForWhoeverUsesIt) {
  const std::string change = "ALTER TABLE public.docs ALTER COLUMN id TYPE bigint;";
  Seen seen;
  EXPECT_EQ(of(seen, change)->outcome, Outcome::pass);
  seen.sessions = {open(1234, "idle in transaction", 300)};
  seen.locks = {held({1234}, {})};
  auto p = of(seen, change);
  EXPECT_EQ(p->outcome, Outcome::wait);
  EXPECT_THAT(item(p, "open transactions").todo, HasSubstr("all who come later queue behind it"));
  EXPECT_EQ(of(seen, "SET lock_timeout = '2s';\n" + change)->outcome, Outcome::fail);
  // Told once, also where somebody waits for the same lock already.
  seen.waits = {{.pid = 1234,
                 .granted = true,
                 .locktype = "relation",
                 .mode = "AccessShareLock",
                 .database = "shop",
                 .relation = "public.docs"}};
  EXPECT_EQ(item(of(seen, change), "work on the table").outcome, Outcome::pass);
  seen.waits[0].granted = false;
  EXPECT_EQ(item(of(seen, change), "work on the table").outcome, Outcome::wait);
  seen.waits.clear();
  // Options of autovacuum wait for nobody who reads or writes.
  EXPECT_EQ(of(seen, "ALTER TABLE public.docs RESET (autovacuum_enabled);")->outcome, Outcome::pass);
  EXPECT_EQ(of(seen, "VACUUM (ANALYZE) public.docs;")->outcome, Outcome::pass);
  EXPECT_EQ(of(seen, "ANALYZE public.docs;")->outcome, Outcome::pass);
  // Locks of sequences and of partitioned tables are not seen.
  EXPECT_EQ(item(of(seen, "ALTER SEQUENCE public.s AS bigint;"), "open transactions").outcome, Outcome::unknown);
  seen.tables[0].kind = "p";
  EXPECT_EQ(item(of(seen, change), "open transactions").outcome, Outcome::unknown);
}

TEST(Preflight, WhoMayRunIt) {
  EXPECT_EQ(item(of({}, build, "owner"), "role").outcome, Outcome::pass);
  EXPECT_EQ(item(of({}, build, "superuser"), "role").outcome, Outcome::pass);
  EXPECT_EQ(item(of({}, build, "app"), "role").outcome, Outcome::unknown);
}

TEST(Preflight, SessionsPreparedTransactionsAndSlotsThatAreGone) {
  const std::string end =
      "SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = ANY (ARRAY[12, 13]);";
  Seen seen;
  EXPECT_EQ(of(seen, end, "superuser")->outcome, Outcome::unknown);
  seen.sessions = {open(12, "active", 30)};
  EXPECT_EQ(item(of(seen, end, "superuser"), "session").figure, "1 of 2 are busy now");

  const std::string back = "ROLLBACK PREPARED 'it''s ours';";
  EXPECT_THAT(of(seen, back, "app")->phrase, StartsWith("would fail: there is none"));
  seen.prepared = {{.gid = "it's ours", .database = "shop", .owner = "app", .age = 60}};
  EXPECT_EQ(of(seen, back, "app")->outcome, Outcome::pass);
  EXPECT_EQ(item(of(seen, back, "app", "other"), "prepared transaction").todo, "connect there");

  const std::string drop = "SELECT pg_catalog.pg_drop_replication_slot('old');";
  EXPECT_EQ(of(seen, drop, "superuser")->outcome, Outcome::unknown);
  seen.slots = {{.name = "old"}};
  EXPECT_EQ(of(seen, drop, "superuser")->outcome, Outcome::pass);
  seen.slots[0].active = true;
  EXPECT_EQ(of(seen, drop, "superuser")->outcome, Outcome::fail);
}

TEST(Preflight, LocksConflictAsTheServerSays) {
  EXPECT_FALSE(conflict(LockMode::access_share, LockMode::exclusive));
  EXPECT_TRUE(conflict(LockMode::access_share, LockMode::access_exclusive));
  EXPECT_FALSE(conflict(LockMode::row_exclusive, LockMode::share_update_exclusive));
  EXPECT_TRUE(conflict(LockMode::share_update_exclusive, LockMode::share_update_exclusive));
  EXPECT_FALSE(conflict(LockMode::share, LockMode::share));
  for (int a = 0; a <= 8; ++a)
    for (int b = 0; b <= 8; ++b)
      EXPECT_EQ(conflict(static_cast<LockMode>(a), static_cast<LockMode>(b)),
                conflict(static_cast<LockMode>(b), static_cast<LockMode>(a)));
  EXPECT_EQ(lock_mode("ShareRowExclusiveLock"), LockMode::share_row_exclusive);
}

TEST(Preflight, SizesAsSettingsWriteThem) {
  EXPECT_EQ(size_setting("64MB"), 64_MiB);
  EXPECT_EQ(size_setting("1024"), 1_MiB);
  EXPECT_EQ(size_setting("-1"), -1);
  EXPECT_EQ(size_setting("1.5GB"), 1536_MiB);
  EXPECT_EQ(size_setting("much"), std::nullopt);
}

}  // namespace
}  // namespace pgvigil
