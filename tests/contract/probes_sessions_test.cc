// Probes of sessions on a real server: what they run, hold and wait for, and the commands that run for long.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "checks/probes/activity.h"
#include "checks/probes/connection_limits.h"
#include "checks/probes/connections.h"
#include "checks/probes/dead_tuples.h"
#include "checks/probes/index_builds.h"
#include "checks/probes/lock_waits.h"
#include "checks/probes/long_commands.h"
#include "checks/probes/prepared_transactions.h"
#include "checks/probes/relation_locks.h"
#include "checks/probes/server.h"
#include "checks/probes/statements.h"
#include "checks/probes/temp_files.h"
#include "checks/probes/xmin_holders.h"
#include "tests/contract/probes_fixture.h"

namespace pgvigil {
namespace {

using test::ask;
using test::Client;
using test::database;
using test::find;
using test::names;
using test::Probes;
using test::within;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

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

}  // namespace
}  // namespace pgvigil
