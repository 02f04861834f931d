// The agent's loop on a server that answers one of its questions slowly: the samples keep their second.
#include "agent/commands/watch.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "checks/probes/activity.h"
#include "checks/probes/databases.h"
#include "tests/contract/pg_fixture.h"

namespace pgvigil {
namespace {

using test::Admin;

// pg_stat_database, which the cycle probe `databases` reads, takes `seconds` longer here. The view is wrapped, since a
// builtin function that is replaced goes on as it was: the server finds it by its number.
constexpr const char* kSlowView = R"(
create function public.slow() returns bigint volatile language plpgsql as
$$ begin perform pg_catalog.pg_sleep(%s); return 0; end $$;
set allow_system_table_mods = on;
do $$
declare columns text;
begin
  select pg_catalog.string_agg(case when attname = 'deadlocks' then 'deadlocks + (select public.slow()) as deadlocks'
                                    else pg_catalog.quote_ident(attname) end, ', ' order by attnum) into columns
  from pg_catalog.pg_attribute where attrelid = 'pg_catalog.pg_stat_database'::regclass and attnum > 0;
  execute 'create or replace view pg_catalog.pg_stat_database as select ' || columns || ' from ('
          || pg_catalog.rtrim(pg_catalog.pg_get_viewdef('pg_catalog.pg_stat_database'::regclass), ';') || ') d';
end $$;
)";

class WatchTest : public testing::Test {
 protected:
  void SetUp() override {
    admin.run("drop database if exists vigil_slow", true);
    admin.run("create database vigil_slow");
  }
  void TearDown() override { admin.run("drop database vigil_slow with (force)"); }

  // Watches for so long; what the loop had seen when it published last.
  void watch(const std::string& slow, double seconds) {
    std::string sql = kSlowView;
    sql.replace(sql.find("%s"), 2, slow);
    Admin("dbname=vigil_slow").run(sql);
    Settings settings;
    settings.schedule = {.sample = 1, .cycle = 3, .sweep = 60, .slow = 600};
    TargetSettings target{.name = "slow", .conninfo = test::environment("PGVIGIL_TEST_DSN") + " dbname=vigil_slow"};
    target.databases = {"vigil_slow"};
    target.allow_superuser = true;
    boost::asio::io_context loop;
    const auto watched = std::make_shared<Watch>(loop.get_executor(), target, settings, test::conninfo(target.conninfo),
                                                 [&](const Report& r, const History& h, const Context&) {
                                                   report = r;
                                                   history = h;
                                                 });
    watched->start();
    loop.run_for(std::chrono::milliseconds(static_cast<int>(seconds * 1000)));
    watched->stop();
    loop.run_for(std::chrono::seconds(3));
    EXPECT_TRUE(watched->closed());
  }
  // Between samples, without the first cycle's: it does not know yet what is slow.
  std::vector<double> gaps() const {
    std::vector<double> all;
    const auto& samples = history.series(activity);
    for (std::size_t i = 2; i < samples.size(); ++i) all.push_back(seconds_between(samples[i - 1].at, samples[i].at));
    return all;
  }
  // A cycle that waits for the slow answer moves its sample by that much, and the next one is too near. Cycles are
  // every third second; a busy machine may move one, not all of them.
  void expect_steady(double late) const {
    const auto all = gaps();
    ASSERT_GE(all.size(), 8U);
    const auto far = std::count_if(all.begin(), all.end(), [&](double g) { return g > 1 + late / 2; });
    std::string listed;
    for (double g : all) listed += std::to_string(g) + " ";
    EXPECT_LE(far, 1) << listed;
  }

  Admin admin;
  Report report;
  History history;
};

TEST_F(WatchTest, ALateAnswerIsAwaitedBetweenTheSamples) {
  watch("0.35", 13);
  expect_steady(0.35);
  int answered = 0;
  for (const Answer& a : history.series(databases)) {
    EXPECT_TRUE(a.failures.empty()) << a.failures[0].message;
    answered += a.rows != nullptr && a.seconds > 0.3;
  }
  EXPECT_GE(answered, 3);  // once in the flight, then in gaps
}

TEST_F(WatchTest, AnAnswerThatNeverComesIsToldAndCostsNoSampleItsSecond) {
  watch("30", 13);
  expect_steady(0.4);  // the probe's own limit
  int failed = 0;
  for (const Answer& a : history.series(databases)) {
    EXPECT_EQ(a.rows, nullptr);
    failed += !a.failures.empty() && a.failures[0].sqlstate == "57014";
  }
  EXPECT_GE(failed, 3);
  const auto told = std::find_if(report.blind_spots.begin(), report.blind_spots.end(), [](const BlindSpot& b) {
    return b.what.starts_with(databases.about().title) && b.why.find("statement timeout") != std::string::npos;
  });
  EXPECT_NE(told, report.blind_spots.end());
}

}  // namespace
}  // namespace pgvigil
