// What checks of blocking say about queues, beyond how bad their examples are.
#include "checks/blocking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/core/evaluate.h"
#include "checks/blocking_examples.h"

namespace pgvigil {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Finding first_of(std::string_view check, const Scenario& s) {
  const Result r = evaluate(*find_check(check), Input(s.history, s.context, {}, s.at));
  return r.findings.empty() ? Finding{} : r.findings.front();
}

std::vector<std::string> first_aid(const Finding& f) {
  std::vector<std::string> all;
  for (const Remedy& m : f.remedies)
    if (m.kind == Remedy::Kind::first_aid)
      for (const Step& s : m.steps) all.push_back(s.sql);
  return all;
}

// A change of a table waits for two sessions, and everybody else behind it: to end one of them helps nobody.
TEST(Blocking, NamesAndEndsEveryRoot) {
  const Scenario s = blocking_examples::queue({.change = true, .beside = true});
  const Finding idle = first_of("idle_in_transaction", s);
  EXPECT_THAT(idle.sentence, HasSubstr("pid 11 (worker, role exporter), idle in transaction for 7 s, holds them up"));
  EXPECT_THAT(idle.sessions, testing::IsSupersetOf({10, 11}));
  EXPECT_THAT(first_aid(idle), ElementsAre(HasSubstr("pid = 10"), HasSubstr("pid = 11")));
  EXPECT_EQ(idle.fix, "end pid 10 and pid 11");
  const Finding queue = first_of("lock_queue", s);
  EXPECT_THAT(queue.sentence, HasSubstr("and pid 11 (worker, role exporter), idle in transaction for 7 s hold"));
  EXPECT_THAT(first_aid(queue), Contains(HasSubstr("pid = 11")));
  const Finding change = first_of("ddl_waiting", s);
  EXPECT_THAT(change.sentence, HasSubstr("pid 11"));
  EXPECT_THAT(first_aid(change), Contains(HasSubstr("pid = 11")));
}

// Who began after the wait did holds nothing that it waits for.
TEST(Blocking, TakesNobodyForARootWhoCameLater) {
  Scenario s = blocking_examples::queue({.beside = true});
  auto rows = static_cast<const RowsOf<Session>&>(*s.history.series(activity).back().rows).rows;
  rows[1].transaction_age = 0.5;
  s.saw(0, activity, rows);
  EXPECT_THAT(first_aid(first_of("idle_in_transaction", s)), SizeIs(1));
}

}  // namespace
}  // namespace pgvigil
