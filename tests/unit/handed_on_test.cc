// Locks that go from hand to hand, and those that somebody keeps.
#include "checks/handed_on.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/core/evaluate.h"
#include "agent/core/incidents.h"
#include "checks/blocking_examples.h"
#include "checks/plans/sql_commands.h"
#include "checks/probes/lock_waits.h"
#include "checks/probes/tables.h"
#include "checks/relation_names.h"

namespace pgvigil {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::vector<Finding> of(std::string_view check, const Scenario& s) {
  return evaluate(*find_check(check), Input(s.history, s.context, {}, s.at)).findings;
}

// `sessions` hold a row each, for the part of each second that is given, and two wait for each of them. In `again` they
// commit and begin anew between two samples.
Scenario holders(int sessions, bool again) {
  Scenario s;
  for (int ago = 6; ago >= 0; --ago) {
    std::vector<Session> rows;
    for (int i = 0; i < 3 * sessions; ++i) {
      Session r{.pid = 100 + i, .database = "shop", .user = "app", .application = "web"};
      r.backend_type = "client backend";
      r.query_id = i < sessions ? "1" : "2";
      r.query = i < sessions ? "SELECT total FROM carts WHERE id = $1 FOR UPDATE"
                             : "UPDATE carts SET total = $1 WHERE id = $2";
      r.state = i < sessions ? "idle in transaction" : "active";
      r.query_start = again || i >= sessions ? 1e9 - ago : 1e9 - 60;
      r.query_age = r.transaction_age = r.state_age = again || i >= sessions ? 0.5 : 60 - ago;
      if (i >= sessions)
        r.wait_event_type = "Lock", r.wait_event = "transactionid", r.blocked_by = {100 + i % sessions};
      rows.push_back(r);
    }
    s.saw(ago, activity, rows);
  }
  return s;
}

// One worker takes the row again and again: it is not the session that counts, but each of its transactions.
TEST(HandedOn, CountsTransactionsNotSessions) {
  Scenario one = holders(1, true);
  EXPECT_THAT(of("hot_row", one), IsEmpty());  // two wait, which is below the level
  one = holders(2, true);
  ASSERT_THAT(of("hot_row", one), SizeIs(1));
  EXPECT_EQ(of("hot_row", one).front().severity, Severity::critical);
}

// Rows of one table that many sessions keep: nobody hands anything on.
TEST(HandedOn, ThoseWhoKeepTheirRowsAreNoHotRow) { EXPECT_THAT(of("hot_row", holders(4, false)), IsEmpty()); }

TEST(HandedOn, NobodyIsEndedForAConvoy) {
  const Scenario s = blocking_examples::passed_on("relation", "LOCK TABLE numbers IN EXCLUSIVE MODE", 3);
  const auto found = of("lock_queue", s);
  ASSERT_THAT(found, SizeIs(1));  // the one who holds it now is none of its own
  EXPECT_EQ(found.front().object, (Object{"table", "numbers", "shop"}));
  for (const Remedy& m : found.front().remedies)
    for (const Step& step : m.steps) EXPECT_THAT(step.sql, Not(HasSubstr("backend(")));
  EXPECT_THAT(of("ddl_waiting", s), IsEmpty());
}

// What the holder does while it holds the row ties the queue to its cause; what others do does not.
TEST(HandedOn, IsExplainedByWhatTheHolderRuns) {
  const auto found =
      of("hot_row", blocking_examples::passed_on("tuple", "UPDATE hits SET n = n + $1 WHERE id = $2", 0.4));
  ASSERT_THAT(found, SizeIs(1));
  Finding scan{.check = "seq_scan_hot_query", .object = {"table", "public.visits", "shop"}, .sentence = "a scan"};
  scan.queries = {"9"};
  EXPECT_EQ(tie(scan, found.front()), Tie::shown);
  scan.queries = {"11"};
  EXPECT_EQ(tie(scan, found.front()), Tie::refuted);
}

TEST(Siege, LastsWhileNobodyStandsThereAtThisMoment) {
  const auto found = of("lock_queue", blocking_examples::about_to_try_again());
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found.front().sentence, HasSubstr("8 sessions wait for a lock that pid 10"));
  EXPECT_THAT(found.front().sentence, HasSubstr("until they give up and try again"));
}

TEST(LockingCommand, IsToldWithItsOtherForm) {
  Scenario s = blocking_examples::queue({.state = "active", .root_query = "CREATE INDEX a ON accounts (balance)"});
  const auto found = of("lock_queue", s);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found.front().sentence,
              HasSubstr("CREATE INDEX without CONCURRENTLY on public.accounts, which stops every writer"));
  std::vector<std::string> sql;
  for (const Remedy& m : found.front().remedies)
    for (const Step& step : m.steps) sql.push_back(step.sql);
  EXPECT_THAT(sql, Contains("CREATE INDEX CONCURRENTLY a ON accounts (balance);"));
  EXPECT_THAT(sql, Contains(HasSubstr("pg_cancel_backend")));
}

TEST(CommandRelations, AreThoseACommandNames) {
  const auto names = [](std::string_view text) {
    std::string all;
    for (const auto& r : sql::command_relations(text)) all += r.schema + "." + r.relation + " ";
    return all;
  };
  EXPECT_EQ(names("LOCK TABLE numbers, audit.log IN EXCLUSIVE MODE"), ".numbers audit.log ");
  EXPECT_EQ(names("TRUNCATE best_sellers"), ".best_sellers ");
  EXPECT_EQ(names("ALTER TABLE shop.parcels ADD COLUMN weight int"), "shop.parcels ");
  EXPECT_EQ(names("CREATE INDEX ON tickets (seat)"), ".tickets ");
  EXPECT_EQ(names("VACUUM (FULL) pages"), ".pages ");
  EXPECT_EQ(names("SELECT * FROM pages"), "");
  EXPECT_EQ(names("LOCK TABLE"), "");
}

TEST(RelationNames, ComeFromTheSweepOfTheirDatabase) {
  Table t;
  t.database = "shop", t.name = "public.counters", t.oid = 16389;
  Scenario s;
  s.saw(0, tables, {t});
  const Input in(s.history, s.context, {}, s.at);
  LockWait l{.locktype = "tuple", .database = "shop", .relation = "16389"};
  EXPECT_EQ(name_of(in, l), "public.counters");
  l.database = "crm";
  EXPECT_EQ(name_of(in, l), "");
  EXPECT_EQ(without_name(l), "relation 16389 of crm");
  l.relation = "public.\"16389\"";
  EXPECT_EQ(name_of(in, l), "public.\"16389\"");
}

}  // namespace
}  // namespace pgvigil
