// The dialogue with the server is played by hand: tests/contract holds it against real ones.
#include "checks/plans/repair.h"

#include <gmock/gmock.h>

namespace pgvigil {
namespace {

using sql::Repair;
using testing::ElementsAre;

TEST(Repair, FormsThatTheGrammarRefuses) {
  Repair r("SELECT interval $1, date $2, EXTRACT($3 FROM t) FROM x");
  ASSERT_TRUE(r.after({"42601", "syntax error at or near \"$1\"", 17}));
  EXPECT_EQ(r.text(), "SELECT $1::interval, $2::date, extract ('epoch' FROM t) FROM x");
  EXPECT_FALSE(r.after({"42601", "syntax error", 3})) << "once is enough";
}

TEST(Repair, TypesOneByOne) {
  Repair r("SELECT $1 % $2, a FROM t WHERE b = $3");
  EXPECT_THAT(r.types(), ElementsAre(0, 0, 0));
  ASSERT_TRUE(r.after({"42725", "operator is not unique: unknown % unknown", 11}));
  EXPECT_THAT(r.types(), ElementsAre(23, 23, 0));
  ASSERT_TRUE(r.after({"42883", "operator does not exist: integer % integer", 11}));
  EXPECT_THAT(r.types(), ElementsAre(25, 25, 0));
  EXPECT_EQ(r.what(), "types given to parameters");
}

TEST(Repair, TheParameterThatTheMessageNames) {
  Repair r("SELECT format($1, x, $2) FROM t");
  ASSERT_TRUE(r.after({"42P18", "could not determine data type of parameter $2", 0}));
  EXPECT_THAT(r.types(), ElementsAre(0, 25));
  EXPECT_FALSE(r.after({"42P18", "could not determine data type of parameter $2", 0}));
  EXPECT_FALSE(r.after({"42P18", "could not determine data type of parameter $9", 0}));
}

TEST(Repair, ArraysForFunctionsOfArrays) {
  Repair r("SELECT * FROM unnest($1) u");
  ASSERT_TRUE(r.after({"42725", "function unnest(unknown) is not unique", 15}));
  EXPECT_THAT(r.types(), ElementsAre(1007));
}

TEST(Repair, ResultsOfCaseButNotItsConditions) {
  Repair r("SELECT sum(CASE WHEN a = $1 THEN $2 ELSE $3 END) FROM t");
  ASSERT_TRUE(r.after({"42883", "function sum(text) does not exist", 8}));
  EXPECT_THAT(r.types(), ElementsAre(0, 23, 23));
}

TEST(Repair, ValuesThatStandAlone) {
  Repair r("SELECT c.name FROM c JOIN (VALUES ($1, $2)) v (id, w) USING (id) WHERE c.x = $3");
  ASSERT_TRUE(r.after({"42804", "JOIN/USING types integer and text cannot be matched", 0}));
  EXPECT_THAT(r.types(), ElementsAre(23, 23, 0));
}

TEST(Repair, CopiesOfOneLiteral) {
  Repair r(
      "SELECT date_trunc($1, t), count(*) FROM x WHERE a = $2 GROUP BY date_trunc($3, t) ORDER BY date_trunc($4, t)");
  ASSERT_TRUE(r.after({"42803", "column \"x.t\" must appear in the GROUP BY clause", 0}));
  EXPECT_EQ(
      r.text(),
      "SELECT date_trunc($1, t), count(*) FROM x WHERE a = $2 GROUP BY date_trunc($1, t) ORDER BY date_trunc($1, t)");
  EXPECT_THAT(r.types(), ElementsAre(0, 0, 25, 25));
}

TEST(Repair, PlacesAreCountedInCharacters) {
  Repair r("SELECT 'h\xC3\xB6her' || x, $1 - $2 FROM t");
  ASSERT_TRUE(r.after({"42725", "operator is not unique", 25}));
  EXPECT_THAT(r.types(), ElementsAre(23, 23));
}

TEST(Repair, GivesUp) {
  EXPECT_FALSE(Repair("SELECT 1").after({"42601", "syntax error", 1}));
  EXPECT_FALSE(Repair("SELECT $1").after({"42P01", "relation does not exist", 0}));
  Repair r("SELECT $1 - $2");
  int n = 0;
  while (r.after({"42725", "operator is not unique", 11}) && n < 100) ++n;
  EXPECT_EQ(n, 10);
}

}  // namespace
}  // namespace pgvigil
