// The two connections of a target: one flight for the server, a walk through the databases, and what goes wrong with
// both.
#include "agent/pg/target.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "agent/pg/now.h"
#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/migrations.h"
#include "tests/contract/pg_fixture.h"

namespace pgvigil {
namespace {

using test::about;
using test::Admin;
using test::sqlstate;
using test::word;
using test::word_columns;
using test::WordProbe;

constexpr const char* kPid = "select pg_catalog.pg_backend_pid()::text as value";

class TargetTest : public testing::Test {
 protected:
  void SetUp() override {
    admin.run("drop database if exists vigil_one", true);
    admin.run("drop database if exists vigil_ascii", true);
    admin.run("create database vigil_one");
    admin.run("create database vigil_ascii encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0");
    options.name = "scratch";
    options.conninfo = test::conninfo(test::environment("PGVIGIL_TEST_DSN"));
    options.databases = {options.conninfo.dbname(), "vigil_one", "vigil_ascii"};
  }
  void TearDown() override {
    if (target) test::run(loop, target->close());
    target.reset();
    admin.run("drop database vigil_one");
    admin.run("drop database vigil_ascii");
  }
  Target& make() {
    target = std::make_unique<Target>(loop.get_executor(), options);
    return *target;
  }
  Observation ask(std::vector<const AnyProbe*> probes) { return test::run(loop, target->ask(std::move(probes))); }
  Observation sweep(std::vector<const AnyProbe*> probes) { return test::run(loop, target->sweep(std::move(probes))); }
  int own_backends() {
    return std::stoi(admin.run("select count(*) from pg_stat_activity where application_name = 'pgvigil'"));
  }

  // A process told to end leaves pg_stat_activity a few milliseconds later, more on a busy machine.
  int backends_left() {
    for (int i = 0; i < 40 && own_backends() > 0; ++i) std::this_thread::sleep_for(Milliseconds(50));
    return own_backends();
  }

  Admin admin;
  boost::asio::io_context loop;
  TargetOptions options;
  std::unique_ptr<Target> target;
  const WordProbe pid{about("pid", kPid), word_columns()};
  const WordProbe fine{about("fine", "select 'fine' as value"), word_columns()};
  const WordProbe database{about("database", "select current_database()::text as value", Scope::database),
                           word_columns()};
};

TEST_F(TargetTest, OneBadProbeCostsOnlyItself) {
  make();
  const WordProbe broken(about("broken", "select 1/0 as value"), word_columns());
  const WordProbe other(about("other", "select 1 as another"), word_columns());
  ProbeAbout sleeps = about("sleeps", "select pg_sleep(3)::text as value");
  sleeps.timeout = Milliseconds(150);
  const WordProbe slow(std::move(sleeps), word_columns());
  const WordProbe writes(about("writes", "create table should_not_be()"), word_columns());
  const WordProbe missing(
      [] {
        ProbeAbout a = about("missing", "select 1 as value");
        a.requires_extension = "no_such_extension";
        return a;
      }(),
      word_columns());
  const auto o = ask({&broken, &slow, &other, &writes, &missing, &fine});
  EXPECT_EQ(sqlstate(o, "broken"), "22012");
  EXPECT_EQ(sqlstate(o, "sleeps"), "57014");
  EXPECT_EQ(sqlstate(o, "other"), "PGV02");
  EXPECT_EQ(sqlstate(o, "writes"), "25006");
  EXPECT_EQ(sqlstate(o, "missing"), "PGV03");
  EXPECT_NE(test::answer(o, "missing").failures[0].mend.find("CREATE EXTENSION"), std::string::npos);
  EXPECT_EQ(word(o, "fine"), "fine");
}

TEST_F(TargetTest, BadBytesBecomeReplacementCharacters) {
  Admin ascii("dbname=vigil_ascii");
  ascii.run("create table t (v text); insert into t select convert_from('\\x61e9ff62', 'SQL_ASCII')");
  const WordProbe bytes(about("bytes", "select v as value from public.t", Scope::database), word_columns());
  options.databases = {"vigil_ascii"};
  make();
  const auto o = sweep({&bytes});
  EXPECT_EQ(word(o, "bytes"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
}

// A statement with bad bytes runs in the SQL_ASCII database: the whole server's sample must still arrive.
TEST_F(TargetTest, ASessionWithBadBytesIsSampled) {
  make();
  std::thread client([] {
    Admin ascii("dbname=vigil_ascii client_encoding=SQL_ASCII");
    ascii.run("select pg_sleep(1.5), 'caf\xe9\xff secret' as bad");
  });
  std::this_thread::sleep_for(Milliseconds(500));
  const auto o = ask({&activity});
  client.join();
  const Answer& a = test::answer(o, "activity");
  ASSERT_NE(a.rows, nullptr) << a.failures.at(0).message;
  bool seen = false;
  for (const Session& s : static_cast<const RowsOf<Session>&>(*a.rows).rows) {
    if (s.database != "vigil_ascii") continue;
    seen = true;
    EXPECT_EQ(s.query.find("secret"), std::string::npos) << s.query;
    EXPECT_NE(s.query.find("pg_sleep"), std::string::npos) << s.query;
    EXPECT_FALSE(s.query_id.empty());
  }
  EXPECT_TRUE(seen);
}

TEST_F(TargetTest, AStoppedBackendCostsTheDeadlineAndNoMore) {
  make();
  const int old = std::stoi(word(ask({&pid}), "pid"));
  {
    const test::Stopped stopped(old);
    const auto begun = std::chrono::steady_clock::now();
    const auto o = ask({&fine, &pid});
    EXPECT_NEAR(test::seconds_since(begun), 0.8, 0.3);
    EXPECT_EQ(sqlstate(o, "fine"), "PGV01");
    EXPECT_EQ(sqlstate(o, "pid"), "PGV03");               // behind it: not to blame
    EXPECT_NE(std::stoi(word(ask({&pid}), "pid")), old);  // the next call has a fresh connection
    const auto around = sweep({&database});               // and the stopped one counts as one of our two
    EXPECT_EQ(test::answer(around, "database").rows->size(), 1U);
    EXPECT_EQ(sqlstate(around, "database"), "PGV03");
    EXPECT_LE(own_backends(), 2);
  }
  for (int i = 0; i < 50 && own_backends() > 1; ++i) std::this_thread::sleep_for(Milliseconds(50));
  EXPECT_EQ(test::answer(sweep({&database}), "database").rows->size(), 3U);
}

TEST_F(TargetTest, OnlyTheProbeThatTookTheTimeIsToBlame) {
  options.flight_deadline = Milliseconds(300);
  make();
  ProbeAbout sleeps = about("sleeps", "select pg_sleep(1)::text as value");
  sleeps.timeout = Milliseconds(1500);
  const WordProbe slow(std::move(sleeps), word_columns());
  const auto o = ask({&fine, &slow, &pid, &database});
  EXPECT_EQ(word(o, "fine"), "fine");
  EXPECT_EQ(sqlstate(o, "sleeps"), "PGV01");
  for (const char* behind : {"pid", "database"}) {
    EXPECT_EQ(sqlstate(o, behind), "PGV03");
    EXPECT_NE(test::answer(o, behind).failures[0].message.find("not reached"), std::string::npos);
  }
  EXPECT_EQ(backends_left(), 0);
}

TEST_F(TargetTest, ClosedIsClosedInTheMiddleOfASweep) {
  make();
  ProbeAbout slow = about("slow", "select pg_sleep(4)::text as value", Scope::database);
  slow.timeout = Milliseconds(8000);
  const WordProbe sleeps(std::move(slow), word_columns());
  Observation swept;
  bool over = false;
  boost::asio::co_spawn(loop, target->sweep({&sleeps}), [&](std::exception_ptr, Observation o) {
    swept = std::move(o);
    over = true;
  });
  double closing = 0;
  boost::asio::co_spawn(
      loop,
      [&]() -> boost::asio::awaitable<void> {
        boost::asio::steady_timer timer(loop, std::chrono::milliseconds(500));
        co_await timer.async_wait(boost::asio::use_awaitable);
        EXPECT_EQ(own_backends(), 2);
        const auto begun = std::chrono::steady_clock::now();
        co_await target->close();
        closing = test::seconds_since(begun);
      },
      [](std::exception_ptr) {});
  const auto begun = std::chrono::steady_clock::now();
  loop.restart();
  loop.run();
  EXPECT_LT(test::seconds_since(begun), 3.0);
  EXPECT_GT(closing, 0.4);
  EXPECT_LT(closing, 2.0);
  EXPECT_TRUE(over);
  EXPECT_EQ(test::answer(swept, "slow").failures.size(), 3U);
  EXPECT_EQ(backends_left(), 0);
  EXPECT_TRUE(test::run(loop, target->connect()));  // for good
  EXPECT_FALSE(test::answer(ask({&fine}), "fine").rows);
  EXPECT_FALSE(test::answer(sweep({&database}), "database").rows);
  EXPECT_EQ(own_backends(), 0);
}

TEST_F(TargetTest, MovesItsHomeWithoutLosingItsPlace) {
  make();
  const WordProbe where(about("where", "select current_database()::text as value"), word_columns());
  EXPECT_EQ(word(ask({&where}), "where"), options.conninfo.dbname());
  std::atomic<bool> done = false, looked = false;
  int most = 0, least = 2;
  std::thread watch([&] {
    Admin other;
    for (; !done; looked = true) {
      const int n = std::stoi(other.run("select count(*) from pg_stat_activity where application_name = 'pgvigil'"));
      most = std::max(most, n);
      least = std::min(least, n);
    }
  });
  while (!looked) std::this_thread::yield();
  const bool moved = test::run(loop, target->rehome("vigil_one"));
  const bool again = test::run(loop, target->rehome("vigil_one"));
  const bool swept = test::answer(sweep({&database}), "database").failures.empty();
  done = true;
  watch.join();
  EXPECT_TRUE(moved && again && swept);
  EXPECT_GE(least, 1);
  EXPECT_LE(most, 2);
  EXPECT_EQ(target->home(), "vigil_one");
  EXPECT_EQ(word(ask({&where}), "where"), "vigil_one");
  EXPECT_FALSE(test::run(loop, target->rehome("no_such_database")));
  EXPECT_FALSE(test::run(loop, target->rehome("template1")));  // not among those to be watched
  EXPECT_EQ(word(ask({&where}), "where"), "vigil_one");
  // A lost connection comes back to its home; where that is gone, to where it began.
  admin.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgvigil'");
  std::this_thread::sleep_for(Milliseconds(200));
  EXPECT_EQ(word(ask({&where}), "where"), "vigil_one");
  admin.run("alter database vigil_one allow_connections false");
  admin.run("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'vigil_one'");
  std::this_thread::sleep_for(Milliseconds(200));
  admin.run("alter database vigil_one rename to vigil_gone");
  admin.run("alter database vigil_gone allow_connections true");
  const auto o = ask({&where});
  admin.run("alter database vigil_gone rename to vigil_one");
  EXPECT_EQ(word(o, "where"), options.conninfo.dbname());
  admin.run("alter database vigil_one allow_connections true");
  EXPECT_TRUE(test::run(loop, target->rehome("vigil_one")));
  admin.run("alter database vigil_one allow_connections false");
  admin.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgvigil'");
  std::this_thread::sleep_for(Milliseconds(200));
  EXPECT_EQ(word(ask({&where}), "where"), options.conninfo.dbname());
  EXPECT_EQ(target->home(), options.conninfo.dbname());
}

TEST_F(TargetTest, StaysAtHomeWhenShortOfSlots) {
  options.slots_floor = 100'000;
  make();
  const std::string before = word(ask({&pid}), "pid");
  EXPECT_FALSE(test::run(loop, target->rehome("vigil_one")));
  EXPECT_EQ(word(ask({&pid}), "pid"), before);
  EXPECT_EQ(target->home(), options.conninfo.dbname());
}

TEST_F(TargetTest, AKilledBackendIsReplacedAtOnce) {
  make();
  const std::string old = word(ask({&pid}), "pid");
  admin.run("select pg_terminate_backend(" + old + ")");
  std::this_thread::sleep_for(Milliseconds(200));
  const std::string fresh = word(ask({&pid}), "pid");
  EXPECT_NE(fresh, old);
  EXPECT_EQ(own_backends(), 1);
}

TEST_F(TargetTest, ADeadServerIsAnErrorWithBackoff) {
  options.conninfo = test::conninfo("host=127.0.0.1 port=1 user=u dbname=d password=c4nary-s3cret");
  make();
  const auto error = test::run(loop, target->connect());
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ConnectError::Kind::refused);
  EXPECT_GT(target->next_attempt_delay(), Milliseconds(400));
  const auto o = ask({&fine});
  EXPECT_EQ(sqlstate(o, "fine"), "08001");
  EXPECT_EQ(test::answer(o, "fine").failures[0].message.find("c4nary"), std::string::npos);
  EXPECT_EQ(sqlstate(sweep({&database}), "database"), "08001");
}

TEST_F(TargetTest, SweepsAllDatabasesWithAtMostTwoConnections) {
  make();
  const WordProbe server_wide(about("server_wide", "select current_database()::text as value"), word_columns());
  std::atomic<bool> done = false;
  int most = 0;
  std::thread watch([&] {
    Admin other;
    while (!done)
      most = std::max(most,
                      std::stoi(other.run("select count(*) from pg_stat_activity where application_name = 'pgvigil'")));
  });
  Observation o;
  for (int i = 0; i < 5; ++i) o = sweep({&database, &server_wide});
  done = true;
  watch.join();
  EXPECT_EQ(most, 2);
  EXPECT_TRUE(test::answer(o, "database").failures.empty());
  std::vector<std::string> names{word(o, "database", 0), word(o, "database", 1), word(o, "database", 2)};
  std::sort(names.begin(), names.end());
  auto expected = options.databases;
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(names, expected);
  EXPECT_EQ(test::answer(o, "server_wide").rows->size(), 1U);
  EXPECT_EQ(target->cost().connections, 2);
  EXPECT_GT(target->cost().statements, 50);
  EXPECT_GT(target->cost().db_seconds, 0);
}

TEST_F(TargetTest, AServerWideProbeGoesWhereItsExtensionIs) {
  Admin("dbname=vigil_one").run("create schema \"odd name\"; create extension pg_stat_statements schema \"odd name\"");
  ProbeAbout a =
      about("statements_seen", "select current_database()::text as value from pg_stat_statements(false) limit 1");
  a.requires_extension = "pg_stat_statements";
  const WordProbe seen(std::move(a), word_columns());
  ProbeAbout b = about("nowhere", "select 1 as value");
  b.requires_extension = "no_such_extension";
  const WordProbe nowhere(std::move(b), word_columns());
  options.databases = {"vigil_ascii", "vigil_one"};
  make();
  const auto o = sweep({&seen, &nowhere, &database});
  EXPECT_EQ(word(o, "statements_seen"), "vigil_one");
  EXPECT_EQ(sqlstate(o, "nowhere"), "PGV03");
  EXPECT_EQ(test::answer(o, "database").rows->size(), 2U);
}

TEST_F(TargetTest, ShortOfSlotsItStaysAtHome) {
  options.slots_floor = 100'000;
  make();
  const auto o = sweep({&database});
  EXPECT_EQ(word(o, "database"), options.conninfo.dbname());
  EXPECT_EQ(test::answer(o, "database").rows->size(), 1U);
  ASSERT_EQ(test::answer(o, "database").failures.size(), 2U);
  for (const Failure& f : test::answer(o, "database").failures) {
    EXPECT_EQ(f.sqlstate, "PGV03");
    EXPECT_NE(f.message.find("not visited"), std::string::npos);
  }
  EXPECT_EQ(own_backends(), 1);
}

TEST_F(TargetTest, SamplesGoOnBesideASlowSweep) {
  make();
  ProbeAbout slow = about("slow", "select pg_sleep(0.6)::text as value", Scope::database);
  slow.timeout = Milliseconds(2000);
  const WordProbe sleeps(std::move(slow), word_columns());
  int samples = 0;
  bool swept = false;
  boost::asio::co_spawn(loop, target->sweep({&sleeps}), [&](std::exception_ptr, Observation) { swept = true; });
  boost::asio::co_spawn(
      loop,
      [&]() -> boost::asio::awaitable<void> {
        while (!swept) {
          const std::vector<const AnyProbe*> probes{&fine};
          const auto o = co_await target->ask(probes);
          if (test::answer(o, "fine").rows) ++samples;
        }
      },
      [](std::exception_ptr) {});
  loop.restart();
  loop.run();
  EXPECT_GT(samples, 20);
}

// Exact sizes are such requests: one locked table may cost its 100 ms, and only its own request.
TEST_F(TargetTest, ALockedTableCostsOnlyItsRequest) {
  admin.run("drop table if exists vigil_free, vigil_locked; create table vigil_free(); create table vigil_locked()");
  make();
  Admin locker;
  locker.run("begin; lock table vigil_locked in access exclusive mode");
  const WordProbe size(
      about("size", "select $1 || ' ' || pg_catalog.pg_relation_size($1::text::regclass)::text as value",
            Scope::database),
      word_columns());
  const std::string home = options.conninfo.dbname();
  std::vector<Request> requests{
      {home, {"public.vigil_locked"}}, {home, {"public.vigil_free"}}, {"vigil_one", {"pg_catalog.pg_class"}}};
  std::vector<std::pair<const AnyProbe*, std::vector<Request>>> all{{&size, requests}, {&fine, {}}};
  const auto begun = std::chrono::steady_clock::now();
  const auto o = test::run(loop, target->wave(all));
  EXPECT_LT(test::seconds_since(begun), 1.0);
  locker.run("rollback");
  admin.run("drop table vigil_free, vigil_locked");
  ASSERT_NE(test::answer(o, "size").rows, nullptr);
  EXPECT_EQ(test::answer(o, "size").rows->size(), 2U);
  EXPECT_EQ(word(o, "size", 0), "public.vigil_free 0");
  ASSERT_EQ(test::answer(o, "size").failures.size(), 1U);
  EXPECT_EQ(sqlstate(o, "size"), "55P03");
  ASSERT_NE(test::answer(o, "fine").rows, nullptr);  // nothing to ask is no failure
  EXPECT_EQ(test::answer(o, "fine").rows->size(), 0U);
}

// The operator's own SQL may be wrong, write, or take its time: that costs its own answer, and it is not repeated.
TEST_F(TargetTest, ADeclaredMigrationIsReadAndItsMistakesAreItsOwn) {
  Admin one("dbname=vigil_one");
  one.run("create sequence public.ticks; create table public.moved as select 1 from generate_series(1, 30)");
  make();
  Scenario past;
  past.context.migrations = {{"good", "vigil_one", "SELECT count(*) FROM moved -- so far", "120"},
                             {"writes", "vigil_one", "SELECT nextval('ticks')", "1"},
                             {"sleeps", "vigil_one", "SELECT count(*) FROM pg_sleep(3)", "1"},
                             {"missing", "vigil_one", "SELECT count(*) FROM no_such_table", "1"},
                             {"many", "vigil_one", "SELECT id FROM generate_series(1, 2) id", "1"},
                             {"nothing", "vigil_one", "SELECT NULL", "1"}};
  const CheckSettings defaults;
  const auto plan = [&] { return migrations.about().plan(Input(past.history, past.context, defaults, utc_now())); };
  const auto look = [&] {
    const std::vector<std::pair<const AnyProbe*, std::vector<Request>>> all{{&migrations, plan()}};
    past.history.add(test::run(loop, target->wave(all)));
    std::map<std::string, MigrationProgress> rows;
    for (const auto& r : static_cast<const RowsOf<MigrationProgress>&>(*past.history.latest(migrations)->rows).rows)
      rows.emplace(r.name, r);
    return rows;
  };
  auto rows = look();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows["good"].done, 30);
  EXPECT_EQ(rows["good"].total, 120);
  EXPECT_EQ(rows["good"].tables, std::vector<std::string>{"public.moved"});
  EXPECT_FALSE(rows["nothing"].done.has_value());
  std::vector<std::string> states;
  for (const Failure& f : past.history.latest(migrations)->failures) states.push_back(f.sqlstate);
  EXPECT_EQ(states, (std::vector<std::string>{"25006", "57014", "42P01", "21000"}));
  EXPECT_EQ(one.run("select is_called from public.ticks"), "f");

  rows = look();  // the server hears only what it can answer
  ASSERT_EQ(rows.size(), 6U);
  EXPECT_TRUE(past.history.latest(migrations)->failures.empty());
  EXPECT_EQ(rows["good"].done, 30);
  EXPECT_NE(rows["writes"].problem.find("read-only"), std::string::npos);
  EXPECT_NE(rows["sleeps"].problem.find("statement timeout"), std::string::npos);
  EXPECT_NE(rows["missing"].problem.find("no_such_table"), std::string::npos);
}

}  // namespace
}  // namespace pgvigil
