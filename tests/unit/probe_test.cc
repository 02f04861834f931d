// Cells, arrays and sheets: what a server may send must become rows or one clear error.
#include "checks/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/plan_tables.h"
#include "checks/probes/plans.h"
#include "checks/probes/server.h"
#include "checks/probes/statement_texts.h"
#include "checks/probes/statements.h"
#include "checks/probes/table_sizes.h"
#include "checks/probes/tables.h"
#include "checks/probes/temp_files.h"

namespace pgvigil {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <class T>
T decoded(const Cell& cell) {
  T out{};
  decode_cell(cell, out);
  return out;
}

using Texts = std::vector<std::string>;
using Numbers = std::vector<std::int64_t>;

TEST(Cell, Numbers) {
  EXPECT_EQ(decoded<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(decoded<double>("1e-300"), 1e-300);
  EXPECT_TRUE(std::isnan(decoded<double>("NaN")));
  EXPECT_EQ(decoded<double>("-Infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(decoded<std::optional<double>>(std::nullopt), std::nullopt);
  EXPECT_EQ(decoded<std::optional<std::int64_t>>("7"), 7);
  EXPECT_TRUE(decoded<bool>("t"));
  for (const char* bad : {"", "x", "1 ", " 1", "1.5", "9223372036854775808", "0x1"})
    EXPECT_THROW(decoded<std::int64_t>(bad), DecodeError) << bad;
  for (const char* bad : {"", "1,5", "1e", "--1"}) EXPECT_THROW(decoded<double>(bad), DecodeError) << bad;
  EXPECT_THROW(decoded<bool>("true"), DecodeError);
  EXPECT_THROW(decoded<std::int64_t>(std::nullopt), DecodeError);
  EXPECT_THROW(decoded<std::optional<double>>("x"), DecodeError);
}

TEST(Cell, InvalidUtf8IsReplaced) {
  constexpr const char* mark = "\xEF\xBF\xBD";
  EXPECT_EQ(decoded<std::string>("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98"),
            "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98");
  EXPECT_EQ(decoded<std::string>("\xE9\xFF"), std::string(mark) + mark);
  EXPECT_EQ(decoded<std::string>("a\xC3"), "a" + std::string(mark));                            // cut
  EXPECT_EQ(decoded<std::string>("\xC0\xAF"), std::string(mark) + mark);                        // overlong
  EXPECT_EQ(decoded<std::string>("\xED\xA0\x80"), std::string(mark) + mark + mark);             // surrogate
  EXPECT_EQ(decoded<std::string>("\xF4\x90\x80\x80"), std::string(mark) + mark + mark + mark);  // beyond U+10FFFF
  EXPECT_EQ(decoded<std::string>(std::nullopt), "");
}

TEST(Cell, Arrays) {
  EXPECT_THAT(decoded<Numbers>("{}"), IsEmpty());
  EXPECT_THAT(decoded<Numbers>(std::nullopt), IsEmpty());
  EXPECT_THAT(decoded<Numbers>("{1,-2}"), ElementsAre(1, -2));
  EXPECT_THAT(decoded<Texts>(R"({a,"b \"c\"","d\\e","",NULL,"NULL"})"),
              ElementsAre("a", "b \"c\"", "d\\e", "", "", "NULL"));
  EXPECT_THAT(decoded<Texts>("{\"x,y\",\"{z}\",\"\xFF\"}"), ElementsAre("x,y", "{z}", "\xEF\xBF\xBD"));
  for (const char* bad :
       {"", "{", "}", "a", "{a", "{\"a}", "{\"a\"b}", "{a,}", "{,a}", "{\"a\\\"}", "{{a},{b}}", "{a,{b}}"})
    EXPECT_THROW(decoded<Texts>(bad), DecodeError) << bad;
  EXPECT_THROW(decoded<Numbers>("{1,x}"), DecodeError);
  EXPECT_THROW(decoded<Numbers>("{1,NULL}"), DecodeError);
}

TEST(Cell, RoundTrip) {
  const Texts hostile{"", "NULL", "a\"b", "c\\", "{x,y}", "line\nfeed", " blank ", "\xE2\x82\xAC"};
  EXPECT_EQ(decoded<Texts>(encode_cell(hostile)), hostile);
  EXPECT_EQ(decoded<Numbers>(encode_cell(Numbers{1, -5})), (Numbers{1, -5}));
  EXPECT_EQ(decoded<Texts>(encode_cell(Texts{})), Texts{});
  for (const double v : {0.1, 1e300, -1e-300, 1763796633.123456, 5e-324}) EXPECT_EQ(decoded<double>(encode_cell(v)), v);
  EXPECT_TRUE(std::isnan(decoded<double>(encode_cell(std::nan("")))));
  EXPECT_EQ(encode_cell(std::optional<double>()), std::nullopt);
  EXPECT_EQ(decoded<bool>(encode_cell(true)), true);
}

TEST(Probe, SheetsRoundTrip) {
  Session s{.pid = 5,
            .leader_pid = 4,
            .database = "a\"b",
            .query = "select\n'\xE2\x82\xAC'",
            .query_age = 1.5,
            .blocked_by = {7, 8}};
  const RowsPtr rows = activity.rows({s, Session{}});
  const Sheet sheet = activity.encode(*rows);
  const auto back = activity.decode(sheet, 180000);
  EXPECT_EQ(activity.encode(*back).rows, sheet.rows);
  const auto& all = static_cast<const RowsOf<Session>&>(*back);
  EXPECT_EQ(all.rows[0].leader_pid, 4);
  EXPECT_THAT(all.rows[0].blocked_by, ElementsAre(7, 8));
  EXPECT_FALSE(all.rows[1].query_age.has_value());
  EXPECT_EQ(all.find("5"), &all.rows[0]);
  EXPECT_EQ(all.find("6"), nullptr);
  EXPECT_EQ(all.number(0, activity.column("query_age")), 1.5);
  EXPECT_EQ(all.number(0, activity.column("query")), std::nullopt);
  EXPECT_EQ(all.number(1, activity.column("truncated")), 0);
}

TEST(Probe, AnswersThatCannotBeRead) {
  Sheet sheet = activity.encode(*activity.rows({Session{}}));
  sheet.rows[0][activity.column("pid")] = std::nullopt;
  try {
    activity.decode(sheet, 150000);
    FAIL() << "NULL for a number was taken";
  } catch (const DecodeError& e) {
    EXPECT_THAT(e.what(), HasSubstr("probe activity, column pid: unexpected NULL"));
  }
  sheet.columns[activity.column("query")] = "something";
  EXPECT_THROW(activity.decode(sheet, 150000), DecodeError);
  Sheet ragged = activity.encode(*activity.rows({Session{}}));
  ragged.rows[0].pop_back();
  EXPECT_THROW(activity.decode(ragged, 150000), DecodeError);
  EXPECT_THROW(activity.column("nothing"), std::out_of_range);
}

struct Aged {
  std::int64_t old_one = 0, new_one = -1;
};

TEST(Probe, ColumnsAndSqlByVersion) {
  const Probe<Aged> probe{{.id = "aged", .title = "", .sql = {{160000, "sixteen"}, {130000, "thirteen"}}},
                          {{"old_one", &Aged::old_one}, {"new_one", &Aged::new_one, 160000}}};
  EXPECT_EQ(probe.sql(120000), "");
  EXPECT_EQ(probe.sql(130000), "thirteen");
  EXPECT_EQ(probe.sql(159999), "thirteen");
  EXPECT_EQ(probe.sql(180004), "sixteen");
  const Sheet sheet{{"old_one"}, {{"5"}}};
  const auto rows = probe.decode(sheet, 150000);
  EXPECT_EQ(static_cast<const RowsOf<Aged>&>(*rows).rows[0].new_one, -1);
  EXPECT_THROW(probe.decode(sheet, 160000), DecodeError);
}

// What every probe must keep: the table of probes is data, and mistakes in it are silent otherwise.
TEST(Probe, EveryProbeIsWhole) {
  std::set<std::string_view> ids, metrics;
  for (const AnyProbe* p : all_probes()) {
    const ProbeAbout& about = p->about();
    SCOPED_TRACE(about.id);
    EXPECT_TRUE(ids.insert(about.id).second);
    EXPECT_EQ(find_probe(about.id), p);
    EXPECT_FALSE(about.title.empty());
    const bool asked_by_request = about.plan != nullptr;
    EXPECT_EQ(about.wave > 1, asked_by_request);
    const bool has_sql = about.scope == Scope::server || about.scope == Scope::database;
    if (has_sql && about.id != "duplicates" && about.id != "migrations") {  // their plans write the SQL
      EXPECT_FALSE(p->sql(130000).empty());
      const bool one_row = about.id == "server" || about.id == "table_sizes" || about.id == "schema_state";
      EXPECT_TRUE(one_row || p->sql(180000).find("limit ") != std::string::npos) << "unbounded";
    }
    for (const Metric& m : about.metrics) {
      EXPECT_TRUE(metrics.insert(m.name).second) << m.name;
      EXPECT_FALSE(m.help.empty());
      EXPECT_NO_THROW(m.value.empty() ? 0 : p->column(m.value)) << m.name;
      for (const MetricLabel& l : m.labels) {
        EXPECT_NO_THROW(p->column(l.column)) << m.name;
        EXPECT_NE(l.column, "query");  // never a text in a label
        EXPECT_NE(l.column, "text");
      }
      if (m.name.starts_with("pgvigil_")) {
        EXPECT_EQ(m.kind == MetricKind::counter, m.name.ends_with("_total")) << m.name;
      }
    }
  }
  EXPECT_GE(ids.size(), 19U);
}

// Plans of the second wave: what is asked, from what was seen.
std::vector<Request> planned(const AnyProbe& probe, const Scenario& past) {
  static const CheckSettings defaults;
  return probe.about().plan(Input(past.history, past.context, defaults, past.at));
}

Session running(std::int64_t pid, std::string id, std::string query) {
  return {.pid = pid,
          .database = "shop",
          .user = "app",
          .backend_type = "client backend",
          .state = "active",
          .query_id = std::move(id),
          .query = std::move(query),
          .query_age = 3,
          .query_start = 100};
}

TEST(Plan, HotQueriesAreExplained) {
  Scenario past;
  Session cut = running(2, "2", "select * from long");
  cut.truncated = true;
  for (int ago = 5; ago >= 0; --ago)
    past.saw(ago, activity, {running(1, "1", "select * from docs where id = $1"), cut, running(3, "3", "vacuum docs")});
  past.context.hot_queries = {{"checkout", "shop", "select 1 from carts where id = 7"}};
  auto all = planned(plans, past);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].query_id, "1");
  EXPECT_EQ(all[0].database, "shop");
  EXPECT_EQ(all[0].user, "app");
  EXPECT_EQ(all[0].text, "select * from docs where id = $1");
  EXPECT_EQ(all[1].query_id, "config:checkout");
  // A fresh answer is kept; one of the sweep before is renewed while the query runs hot.
  past.saw(8, plans,
           {{.query_id = "1", .database = "shop", .json = "[]"},
            {.query_id = "config:checkout", .database = "shop", .error = "no"}});
  EXPECT_THAT(planned(plans, past), IsEmpty());
  past.at = after(past.at, 45);
  for (int ago = 5; ago >= 0; --ago) past.saw(ago, activity, {running(1, "1", "select * from docs where id = $1")});
  all = planned(plans, past);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].query_id, "1");
}

TEST(Plan, FinishedQueriesNeedTheirText) {
  Scenario past;
  past.saw(20, statements, {{.query_id = "8", .database = "shop", .user = "app", .calls = 1, .total_seconds = 1}});
  past.saw(10, statements,
           {{.query_id = "8", .database = "shop", .user = "app", .calls = 9, .total_seconds = 9},
            {.query_id = "9", .database = "shop", .user = "app", .total_seconds = 50}});
  EXPECT_THAT(planned(plans, past), IsEmpty());
  const auto texts = planned(statement_texts, past);
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_THAT(texts[0].parameters, ElementsAre("{8}"));
  past.saw(10, statement_texts, {{.query_id = "8", .database = "shop", .user = "app", .text = "select $1"}});
  EXPECT_THAT(planned(statement_texts, past), IsEmpty());
  const auto all = planned(plans, past);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].text, "select $1");
}

TEST(Plan, RelationsOfPlansAndTablesWithoutIndex) {
  Scenario past;
  past.saw(5, plans,
           {{.query_id = "1",
             .database = "shop",
             .json = R"([{"Plan": {"Node Type": "Seq Scan", "Relation Name": "do\"cs", "Schema": "public"}}])"}});
  past.saw(1, tables,
           {{.database = "logs", .schema = "public", .relation = "lines", .name = "public.lines", .seq_rows_read = 5},
            {.database = "logs", .schema = "public", .relation = "unread", .name = "public.unread"}});
  const auto all = planned(plan_tables, past);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].database, "logs");
  EXPECT_THAT(decoded<Texts>(all[0].parameters[1]), ElementsAre("lines"));
  EXPECT_THAT(decoded<Texts>(all[1].parameters[1]), ElementsAre("do\"cs"));
}

TEST(Plan, AtMostTwentySizes) {
  Scenario past;
  std::vector<Table> all;
  for (int i = 0; i < 50; ++i)
    all.push_back({.database = "shop",
                   .name = "public.t" + std::to_string(i),
                   .oid = 1000 + i,
                   .size_known = i == 0,
                   .live_rows = i});
  past.saw(0, tables, all);
  const auto requests = planned(table_sizes, past);
  ASSERT_EQ(requests.size(), 20U);
  EXPECT_THAT(requests[0].parameters, ElementsAre("1049"));  // the fullest first
}

TEST(Plan, TempFilesAreNotAskedInVain) {
  Scenario past;
  const CheckSettings defaults;
  const auto askable = [&] { return temp_files.about().askable(Input(past.history, past.context, defaults, past.at)); };
  EXPECT_TRUE(askable());
  past.saw(0, server, {{.can_list_temp = false}});
  EXPECT_FALSE(askable());
  past.saw(0, server, {{.can_list_temp = true}});
  EXPECT_TRUE(askable());
}

}  // namespace
}  // namespace pgvigil
