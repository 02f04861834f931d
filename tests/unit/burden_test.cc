// Why a statement is slow where no index would help.
#include "checks/plans/burden.h"

#include <gmock/gmock.h>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/plans.h"

namespace pgvigil {

extern const Check load_above_cores;

namespace {

using testing::HasSubstr;

std::string what(const char* plan, std::string_view text = "SELECT 1") {
  const auto found = burden(plan, text);
  return found ? found->what : "";
}

constexpr const char* pairs = R"j([{"Plan":{"Node Type":"Aggregate","Plans":[
  {"Node Type":"Nested Loop","Join Type":"Inner","Join Filter":"(l.price > h.total)","Plans":[
    {"Node Type":"Seq Scan","Schema":"public","Relation Name":"lines","Alias":"l","Plan Rows":60000},
    {"Node Type":"Materialize","Plan Rows":60,"Plans":[
      {"Node Type":"Index Scan","Schema":"public","Relation Name":"heads","Alias":"h","Index Name":"i",
       "Index Cond":"(h.customer = ?)","Plan Rows":60}]}]}]}}])j";

TEST(Burden, IsToldByThePlan) {
  EXPECT_THAT(what(pairs), HasSubstr("compares each of 60,000 rows with each of 60 rows"));
  std::string joined = pairs;
  joined.replace(joined.find("l.price > h.total"), 17, "l.head = h.id");
  EXPECT_EQ(what(joined.c_str()), "");

  EXPECT_THAT(what(R"j([{"Plan":{"Node Type":"Aggregate","Plans":[
    {"Node Type":"Seq Scan","Schema":"public","Relation Name":"messages","Plan Rows":900000}]}}])j"),
              HasSubstr("reads all of public.messages"));
  EXPECT_THAT(what(R"j([{"Plan":{"Node Type":"Result"}}])j", "SELECT risk_of($1)"), HasSubstr("risk_of"));
  EXPECT_EQ(what(R"j([{"Plan":{"Node Type":"Result"}}])j", "SELECT now()"), "");
  EXPECT_THAT(what(R"j([{"Plan":{"Node Type":"Aggregate","Plans":[{"Node Type":"Recursive Union","Plans":[
    {"Node Type":"Index Scan","Schema":"public","Relation Name":"parts","Index Name":"i","Plan Rows":1}]}]}}])j"),
              HasSubstr("it recurses"));
  EXPECT_EQ(what("no plan"), "");
}

// Whoever is alerted reads which statement it is, and why.
TEST(Burden, NamesTheStatementThatKeepsTheCoresBusy) {
  Scenario s;
  s.context.vcpus = 2, s.context.one_shot = true;
  const auto running = [&](const char* wait) {
    std::vector<Session> all(8);
    for (std::size_t i = 0; i < all.size(); ++i) {
      Session& one = all[i];
      one.pid = 100 + static_cast<std::int64_t>(i);
      one.database = "shop", one.backend_type = "client backend", one.state = "active";
      one.query_id = "7", one.query = "SELECT sum(l.price) FROM heads h, lines l WHERE l.price > h.total";
      one.wait_event_type = wait, one.query_age = 5;
    }
    return all;
  };
  Plan p;
  p.query_id = "7", p.database = "shop", p.json = pairs, p.query = "SELECT";
  s.saw(0, plans, {p}).saw(1, activity, running("")).saw(0, activity, running(""));
  const CheckSettings settings;
  const auto found = load_above_cores.evaluate(Input(s.history, s.context, settings, s.at));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].severity, Severity::warning);
  EXPECT_THAT(found[0].sentence, HasSubstr("8 of them one: SELECT sum(l.price)"));
  EXPECT_EQ(found[0].evidence[0].what, "why it is slow");
  EXPECT_THAT(found[0].fix, HasSubstr("joins them by equality"));

  Scenario queue;  // that is somebody else's doing
  queue.context = s.context;
  queue.saw(1, activity, running("Lock")).saw(0, activity, running("Lock"));
  const auto waiting = load_above_cores.evaluate(Input(queue.history, queue.context, settings, queue.at));
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].severity, Severity::info);
}

}  // namespace
}  // namespace pgvigil
