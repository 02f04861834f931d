// Statements in functions' bodies, what a statement calls, and texts that are cut.
#include "checks/plans/embedded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks/plans/calls.h"
#include "checks/plans/cut_text.h"
#include "checks/plans/sql.h"

namespace pgvigil::sql {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> texts(const Routine& r) {
  std::vector<std::string> all;
  for (const Embedded& e : embedded(r)) all.push_back(e.text);
  return all;
}

TEST(EmbeddedStatements, OfPlpgsqlWithVariablesAsParameters) {
  const Routine find{.language = "plpgsql",
                     .body = R"(
DECLARE n int := 0; r record; k parts.code%TYPE; latest CURSOR (lot_no bigint) FOR SELECT * FROM lots WHERE lot = lot_no;
BEGIN
  SELECT count(*) INTO n FROM parts WHERE code = p_code AND price > p_price;
  IF EXISTS (SELECT 1 FROM stock s WHERE s.part = n) THEN RAISE NOTICE 'none'; END IF;
  FOR r IN SELECT id, "select" FROM parts WHERE code = k LOOP
    PERFORM audit(r.id);
    UPDATE parts SET seen = now() WHERE id = r . id AND code <> p_code;
  END LOOP;
  n := (SELECT max(id) FROM parts WHERE code = $1);
  n := n + 1;
  EXECUTE 'DELETE FROM old_parts WHERE code = $1' USING p_code;
  EXECUTE format('SELECT 1 FROM %I', k);
  RETURN QUERY SELECT p.* FROM parts p WHERE p.code = p_code AND p.state = 'new' ORDER BY p.id LIMIT 1;
END )",
                     .argument_names = {"p_code", "p_price"},
                     .argument_types = {"character varying(20)", "numeric"}};
  EXPECT_THAT(
      texts(find),
      ElementsAre("SELECT * FROM lots WHERE lot = $1::bigint",
                  AllOf(HasSubstr("count(*)"), HasSubstr("code = $1::character varying AND price > $2::numeric")),
                  "SELECT EXISTS (SELECT 1 FROM stock s WHERE s.part = $1::int)",
                  "UPDATE parts SET seen = now() WHERE id = $1 AND code <> $2::character varying",
                  "SELECT id, \"select\" FROM parts WHERE code = $1",
                  HasSubstr("(SELECT max(id) FROM parts WHERE code = $1::character varying)"),
                  "DELETE FROM old_parts WHERE code = $1",
                  "SELECT p.* FROM parts p WHERE p.code = $1::character varying AND p.state = 'new' "
                  "ORDER BY p.id LIMIT 1"));
  // As pg_stat_statements has it with track = all.
  EXPECT_EQ(embedded(find)[4].fingerprint, normalise("SELECT id, \"select\" FROM parts WHERE code = $5").fingerprint);
  EXPECT_EQ(embedded(find)[0].fingerprint, normalise("SELECT * FROM lots WHERE lot = $9").fingerprint);
}

TEST(EmbeddedStatements, OfACommandThatTheBodyPutsTogether) {
  const auto of = [](const std::string& body) {
    return texts({.language = "plpgsql",
                  .body = "DECLARE q text := 'SELECT id FROM lots'; r record; tab text; n int; BEGIN " + body + " END",
                  .argument_names = {"wanted"},
                  .argument_types = {"text"}});
  };
  EXPECT_THAT(of("EXECUTE format('DELETE FROM parts WHERE code = $1 AND state = %L AND lot = %s', wanted, n) USING n;"),
              ElementsAre("DELETE FROM parts WHERE code = $1 AND state = $2 AND lot = $3"));
  EXPECT_THAT(of("EXECUTE format('SELECT %1$I FROM %2$I.%3$I WHERE %1$I = %4$L', 'code', 'Depot', 'parts', wanted);"),
              ElementsAre("SELECT code FROM \"Depot\".parts WHERE code = $1"));
  EXPECT_THAT(of("EXECUTE 'SELECT id FROM parts WHERE code = ''' || wanted || ''' AND n > ' || n;"),
              ElementsAre("SELECT id FROM parts WHERE code = $1 AND n > $2"));
  EXPECT_THAT(
      of("FOR r IN EXECUTE 'SELECT id FROM parts WHERE code = ' || quote_literal(wanted) LOOP n := 1; END LOOP;"),
      ElementsAre("SELECT id FROM parts WHERE code = $1"));
  EXPECT_THAT(of("q := q || ' WHERE true'; IF n > 1 THEN q := q || format(' AND code = %L', wanted); END IF; "
                 "EXECUTE q;"),
              ElementsAre("SELECT id FROM lots WHERE true AND code = $1"));
  // Nothing is read out of what a run alone knows: a relation, a piece of a name, a text from elsewhere.
  EXPECT_THAT(of("EXECUTE format('SELECT id FROM %I WHERE code = $1', tab) USING wanted;"), IsEmpty());
  EXPECT_THAT(of("EXECUTE 'SELECT id FROM parts_' || n || ' WHERE code = 1';"), IsEmpty());
  EXPECT_THAT(of("EXECUTE 'SELECT id FROM ' || tab;"), IsEmpty());
  EXPECT_THAT(of("q := wanted; EXECUTE q;"), IsEmpty());
  EXPECT_THAT(of("SELECT x.query INTO q FROM queries x; EXECUTE q;"), ElementsAre(HasSubstr("queries")));
  EXPECT_THAT(of("EXECUTE format('%L %', wanted);"), IsEmpty());
}

TEST(EmbeddedStatements, OfATriggerAndOfARow) {
  EXPECT_THAT(texts({.language = "plpgsql",
                     .body = "BEGIN IF NEW.total > (SELECT credit FROM customers WHERE mail = NEW.mail) THEN RAISE "
                             "'no'; END IF; RETURN NEW; END",
                     .trigger = true}),
              ElementsAre("SELECT $1 > (SELECT credit FROM customers WHERE mail = $2)"));
  EXPECT_THAT(texts({.language = "plpgsql",
                     .body = "BEGIN PERFORM 1 FROM parts WHERE code = p.code; RETURN; END",
                     .argument_names = {"p"},
                     .argument_types = {"public.parts"}}),
              ElementsAre("SELECT 1 FROM parts WHERE code = $1"));
}

TEST(EmbeddedStatements, OfOneThatReturnsATable) {
  EXPECT_THAT(texts({.language = "plpgsql",
                     .body = "DECLARE r record; BEGIN FOR r IN SELECT id FROM parts WHERE code = wanted LOOP "
                             "part := r.id; RETURN NEXT ; END LOOP; return next; END",
                     .argument_names = {"wanted", "part"},
                     .argument_types = {"text", "bigint"}}),
              ElementsAre("SELECT id FROM parts WHERE code = $1::text"));
}

TEST(EmbeddedStatements, OfSql) {
  EXPECT_THAT(
      texts({.language = "sql",
             .body = " SELECT set_config('a', 'b', true);\nSELECT * FROM parts WHERE code = $1 AND lot = p_lot; ",
             .argument_names = {"p_code", "p_lot"},
             .argument_types = {"text", "integer"}}),
      ElementsAre(HasSubstr("SELECT * FROM parts WHERE code = $1::text AND lot = $2::integer")));
  EXPECT_THAT(texts({.name = "find",
                     .language = "sql",
                     .body = "BEGIN ATOMIC\n SELECT id\n    FROM parts\n   WHERE (parts.code = find.p_code);\nEND",
                     .argument_names = {"p_code"},
                     .argument_types = {"text"}}),
              ElementsAre(HasSubstr("(parts.code = $1::text)")));
}

TEST(EmbeddedStatements, NothingOfWhatCannotBeRead) {
  for (const char* body : {"", "BEGIN", "this is no body", "BEGIN SELECT FROM WHERE; END", "BEGIN NULL; END", "$$", "'",
                           "BEGIN x := ; END", "DECLARE x int; BEGIN FOR x IN LOOP END LOOP; END"})
    for (const char* language : {"sql", "plpgsql"})
      EXPECT_THAT(embedded({.language = language, .body = body}), IsEmpty()) << language << ": " << body;
  EXPECT_THAT(embedded({.language = "plpgsql", .body = std::string(100'000, 'x')}), IsEmpty());
}

TEST(Calls, FunctionsAndWrites) {
  const Calls c = calls("SELECT shop.find($1, 2), lower(x), pg_catalog.now() FROM f() WHERE g(a) = (SELECT h(b))");
  std::vector<std::string> names;
  for (const Called& f : c.functions) names.push_back(f.schema + "." + f.function + "/" + std::to_string(f.arguments));
  EXPECT_THAT(names, testing::UnorderedElementsAre("shop.find/2", ".f/0", ".g/1", ".h/1"));
  EXPECT_THAT(c.writes, IsEmpty());
  const Calls call = calls("CALL shop.tidy($1)");
  ASSERT_EQ(call.functions.size(), 1U);
  EXPECT_EQ(call.functions[0].function, "tidy");
  const Calls w = calls(
      "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO s.b SELECT * FROM gone ON CONFLICT (id) DO UPDATE SET x = "
      "1");
  std::vector<std::string> writes;
  for (const Written& t : w.writes) writes.push_back(t.schema + "." + t.relation + " " + t.event);
  EXPECT_THAT(writes, testing::UnorderedElementsAre(".a delete", "s.b insert", "s.b update"));
  for (const char* sets : {"UPDATE b SET x = 1, (y, z) = (2, 3)",
                           "MERGE INTO b USING c ON b.i = c.i WHEN MATCHED THEN UPDATE SET x = 1, y = 2, z = 3",
                           "INSERT INTO b VALUES (1) ON CONFLICT (i) DO UPDATE SET x = 1, y = 2, z = 3"}) {
    const Calls update = calls(sets);
    ASSERT_FALSE(update.writes.empty()) << sets;
    EXPECT_THAT(update.writes[0].columns, ElementsAre("x", "y", "z")) << sets;
  }
}

TEST(CutText, FindsItsWhole) {
  const std::string whole = normalise("SELECT a, b FROM docs  WHERE id IN (1, 2, 3) AND kind = 'x' ORDER BY b").text;
  const auto cut = [](const char* text) { return normalise(text).text; };
  EXPECT_TRUE(begins(cut("SELECT a, b FROM docs WHERE id IN (11, 12, 13, 14, 15, 16, 17, 18, 19, 2"), whole));
  EXPECT_TRUE(begins(cut("SELECT a, b FROM docs WHERE id IN (11) AND kind = 'long text and so o"), whole));
  EXPECT_TRUE(begins(cut("SELECT a, b FROM docs WHERE id IN (11) AND ki"), whole));
  EXPECT_FALSE(begins(cut("SELECT a, b FROM docs WHERE id IN (11) OR kind = 'x"), whole));
  EXPECT_FALSE(begins(cut("SELECT a, c FROM docs WHERE id IN (11, 1"), whole));
  EXPECT_FALSE(begins("", whole));
}

TEST(CutText, CutAtDifferentPlacesItIsOneQuery) {
  const auto print = [](const char* text) { return normalise(text).fingerprint; };
  const auto one = print("SELECT a FROM docs WHERE id IN (1, 2, 3, 4, 5");
  EXPECT_EQ(print("SELECT a FROM docs WHERE id IN (100, 200, 30"), one);
  EXPECT_EQ(print("SELECT a FROM docs WHERE id IN (100, 200,"), one);
  EXPECT_NE(print("SELECT b FROM docs WHERE id IN (1, 2, 3, 4, 5"), one);
}

TEST(CutText, LikeTakesOnlyPlainText) {
  const std::string pattern =
      like_pattern(normalise("SELECT a, b FROM docs WHERE mail = 'x%y\\z' AND x IN (1, 2, ").text);
  EXPECT_THAT(pattern, AllOf(HasSubstr("docs"), Not(HasSubstr("\\")), Not(HasSubstr("?")), Not(HasSubstr("x%y"))));
  EXPECT_TRUE(pattern.starts_with('%') && pattern.ends_with('%')) << pattern;
  EXPECT_EQ(like_pattern("SELECT 1"), "");
}

TEST(CutText, ItsBeginningNamesTheTables) {
  const auto named = [](const char* text) {
    std::vector<std::string> all;
    for (const RelationUse& r : relations(mended(normalise(text).text))) all.push_back(r.relation);
    return all;
  };
  EXPECT_THAT(named("SELECT data FROM docs d JOIN kinds k ON k.id = d.kind WHERE d.id IN (1, 2, 3, 4"),
              ElementsAre("docs", "kinds"));
  EXPECT_THAT(named("SELECT 1 WHERE EXISTS (SELECT a FROM docs WHERE x = 'it''s a long te"), ElementsAre("docs"));
  EXPECT_THAT(named("UPDATE docs SET a = 1, b = 'some lo"), ElementsAre("docs"));
  EXPECT_THAT(named("SELECT a, b, c, d, e"), IsEmpty());
}

}  // namespace
}  // namespace pgvigil::sql
