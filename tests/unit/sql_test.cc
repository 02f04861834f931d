#include "checks/plans/sql.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::Not;

// schema.relation[column how detail, ...] of each relation, with flags.
std::string shown(std::string_view text, const sql::HasColumn& has = {}) {
  static constexpr const char* hows[] = {"=",    "range", "like",     "in",       "null", "join",
                                         "sort", "group", "contains", "function", "cast", "other"};
  std::string out;
  for (const auto& r : sql::relations(text, has)) {
    if (!out.empty()) out += "; ";
    out += (r.schema.empty() ? "" : r.schema + ".") + r.relation + "[";
    for (std::size_t i = 0; i < r.uses.size(); ++i) {
      const auto& u = r.uses[i];
      out += fmt::format("{}{} {}{}{}", i == 0 ? "" : ", ", u.column, hows[static_cast<int>(u.how)],
                         u.detail.empty() ? "" : ":", u.detail);
    }
    out += fmt::format("]{}{}", r.has_or ? " or" : "", r.limit ? " limit" : "");
  }
  return out;
}

TEST(Normalise, KeepsTheShapeAndNoLiteral) {
  const auto n = sql::normalise("SELECT data FROM lsif_data_documents WHERE dump_id = 7 AND path = 'x' LIMIT 1");
  EXPECT_EQ(n.text, "SELECT data FROM lsif_data_documents WHERE dump_id = $1 AND path = $2 LIMIT $3");
  EXPECT_TRUE(n.parsed);
  EXPECT_EQ(n.fingerprint.size(), 16U);
  EXPECT_EQ(
      n.fingerprint,
      sql::normalise("select data from lsif_data_documents where dump_id = 8 and path = 'yy' limit 1").fingerprint);
  EXPECT_NE(n.fingerprint, sql::normalise("select data from lsif_data_documents where dump_id = 8").fingerprint);
  EXPECT_EQ(sql::normalise("select a from t where b = $1").text, "select a from t where b = $1");
}

TEST(Normalise, NoLiteralSurvivesAnyStatement) {
  for (const char* text : {"ALTER ROLE bob PASSWORD 'hunter2'",
                           "CREATE ROLE x LOGIN PASSWORD 'hunter2' VALID UNTIL '2020-01-01 hunter2'",
                           "COPY t FROM '/tmp/hunter2' WITH (delimiter ',')",
                           "COPY t FROM PROGRAM 'curl hunter2'",
                           "SET foo = 'hunter2'",
                           "DO $$ begin perform 'hunter2'; end $$",
                           "DO $x$ hunter2 $x$",
                           "NOTIFY x, 'hunter2'",
                           "COMMENT ON TABLE t IS 'hunter2'",
                           "CREATE SUBSCRIPTION s CONNECTION 'host=x password=hunter2' PUBLICATION p",
                           "CALL p('hunter2')",
                           "LOAD 'hunter2'",
                           "ALTER SUBSCRIPTION s CONNECTION 'password=hunter2'",
                           "CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (password 'hunter2')",
                           "CREATE USER MAPPING FOR x SERVER s OPTIONS (user 'u', password 'hunter2')",
                           "ALTER USER MAPPING FOR x SERVER s OPTIONS (SET password 'hunter2')",
                           "PREPARE TRANSACTION 'hunter2'",
                           "DECLARE c CURSOR FOR SELECT 'hunter2'",
                           "PREPARE p AS SELECT 'hunter2'",
                           "EXECUTE p('hunter2')",
                           "CREATE TABLE t (a text DEFAULT 'hunter2' CHECK (a <> 'hunter2'))",
                           "CREATE TABLE p PARTITION OF t FOR VALUES IN ('hunter2')",
                           "CREATE INDEX i ON t (a) WHERE b = 'hunter2'",
                           "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'select hunter2'",
                           "SECURITY LABEL ON TABLE t IS 'hunter2'",
                           "SELECT /* hunter2 */ 1 -- hunter2",
                           "SELECT e'hunter2\\'hunter2'",
                           "SELECT U&'hunter2', N'hunter2'",
                           "SELECT interval 'hunter2'",
                           "SELECT a FROM t GROUP BY 'hunter2'::text || a",
                           "ALTER SYSTEM SET primary_conninfo = 'password=hunter2'",
                           "EXPLAIN SELECT 'hunter2'",
                           "ALTER ROLE bob PASWORD 'hunter2'",
                           "SELECT * FROM t WHERE a = 'hunter2",
                           "SELECT 'a''hunter2",
                           "SELECT $q$hunter2",
                           "SELECT $hunter",
                           "INSERT INTO t VALUES ('hunter2'), ('b''hunter2",
                           "SELECT E'x\\'hunter2",
                           "SELECT 'x\\'hunter2' FROM",
                           "SELECT /* hunter2",
                           "SELECT 1; ALTER ROLE bob PASSWORD 'hunter2'",
                           "VALUES ('hunter2'); SELECT 'hunter2'",
                           "CREATE VIEW v AS SELECT 'hunter2'",
                           "ALTER TABLE t ALTER b SET DEFAULT 'hunter2'",
                           "CREATE TYPE e AS ENUM ('hunter2')",
                           "ALTER TYPE e ADD VALUE 'hunter2'"}) {
    EXPECT_THAT(sql::normalise(text).text, Not(HasSubstr("hunter2"))) << text;
  }
  EXPECT_THAT(sql::normalise("ALTER ROLE bob CONNECTION LIMIT 987654").text, Not(HasSubstr("987654")));
  EXPECT_THAT(sql::normalise("SELECT * FROM t WHERE card = 4111111111111111 AND").text, Not(HasSubstr("4111")));
}

// Without them no index could be named, and no value is among them.
TEST(Normalise, WordsOfTheProgramStay) {
  const auto text = [](std::string_view t) { return sql::normalise(t).text; };
  EXPECT_EQ(
      text("SELECT id FROM a WHERE to_tsvector('english', title || ' ' || body) @@ plainto_tsquery('english', 'x') "
           "LIMIT 3"),
      "SELECT id FROM a WHERE to_tsvector('english', title || ' ' || body) @@ plainto_tsquery('english', $1) LIMIT $2");
  EXPECT_EQ(text("SELECT id FROM a WHERE date_trunc('day', at) = '2026-01-01' AND left(code, 3) = 'abc'"),
            "SELECT id FROM a WHERE date_trunc('day', at) = $1 AND left(code, 3) = $2");
  EXPECT_EQ(text("SELECT id FROM a WHERE coalesce(parent, 0) = 7 AND coalesce(note, '') = 'x' AND shard % 16 = 3"),
            "SELECT id FROM a WHERE coalesce(parent, $1) = $2 AND coalesce(note, '') = $3 AND shard % 16 = $4");
  // Where a pattern looks, not what for.
  EXPECT_EQ(text("SELECT id FROM a WHERE name LIKE '%hunter2%' OR name ILIKE '%hunter2' OR name LIKE 'hunter2%'"),
            "SELECT id FROM a WHERE name LIKE '%?%' OR name ILIKE '%?' OR name LIKE $1");
  EXPECT_EQ(text("SELECT id FROM a WHERE lower(name) LIKE lower('%it''s%') AND b = $1"),
            "SELECT id FROM a WHERE lower(name) LIKE lower('%?%') AND b = $1");
  EXPECT_EQ(text("SELECT id FROM a WHERE name LIKE '%' || $1 || '%' AND b = 'x'"),
            "SELECT id FROM a WHERE name LIKE '%' || $1 || '%' AND b = $2");
  EXPECT_EQ(text("select 'it''s', E'%', date_trunc('DAY', at), to_tsquery('english'), left('hunter2', 3) from a"),
            "select $1, $2, date_trunc($3, at), to_tsquery($4), left($5, $6) from a");
  EXPECT_EQ(text("SELECT id FROM a WHERE name LIKE E'%hunter2' AND left(name, 1234) = name || 'hunter2'"),
            "SELECT id FROM a WHERE name LIKE $1 AND left(name, $2) = name || $3");
  EXPECT_EQ(sql::normalise("SELECT id FROM a WHERE name LIKE '%x%'").fingerprint,
            sql::normalise("SELECT id FROM a WHERE name LIKE $1").fingerprint);
}

TEST(Normalise, SurvivesHostileText) {
  const auto nested = [](const char* open, int n) {
    std::string s = "SELECT ";
    for (int i = 0; i < n; ++i) s += open;
    s += '1';
    return s + (open[0] == '(' ? std::string(static_cast<std::size_t>(n), ')') : std::string());
  };
  for (const std::string& s :
       {nested("(", 20'000), nested("(", 3'000), nested("- ", 3'000), nested("1+", 30'000), nested("NOT ", 3'000),
        nested("(select ", 3'000), nested("1 UNION SELECT ", 4'000), std::string("SELECT \0 'hunter2'", 18),
        std::string("SELECT '\xff\xfehunter2'"), std::string(), std::string(200'000, '\''), std::string(70'000, 'x'),
        std::string("$"), std::string("E'"), std::string("\"")}) {
    const auto n = sql::normalise(s);
    EXPECT_LE(n.text.size(), 200'000U);
    EXPECT_EQ(n.fingerprint.size(), 16U);
    EXPECT_THAT(n.text, Not(HasSubstr("hunter2")));
    (void)sql::relations(s);
    (void)sql::relations("SELECT a FROM t WHERE b = " + s.substr(std::min<std::size_t>(s.size(), 7)));
    (void)sql::kind(s);
  }
  std::string words = "INSERT INTO t VALUES ('";
  for (int i = 0; i < 8'000; ++i) words += "a (b ";
  EXPECT_TRUE(sql::normalise(words + "')").parsed) << "what stands in a literal does not make a text deep";
  EXPECT_FALSE(sql::normalise("SELECT E'\\'', '" + nested("1+", 20'000)).parsed);
  EXPECT_FALSE(sql::normalise("SELECT 1" + std::string(70'000, ' ')).parsed);
}

TEST(BlankLiterals, ExpressionsOfExplain) {
  EXPECT_EQ(sql::blank_literals("(dump_id = 7)"), "(dump_id = ?)");
  EXPECT_EQ(sql::blank_literals("((path = 'x''y'::text) AND (t1.c2 = ANY ('{1,2}'::integer[])))"),
            "((path = ?::text) AND (t1.c2 = ANY (?::integer[])))");
  EXPECT_EQ(sql::blank_literals("(v > '-1.5e+7'::numeric) OR (w < 1.5e+7) OR (z = $3)"),
            "(v > ?::numeric) OR (w < ?) OR (z = $3)");
  // Which subplan it is, is no literal.
  EXPECT_EQ(sql::blank_literals("((NOT (hashed SubPlan 12)) AND (a = (InitPlan 1).col1) AND (b > 12))"),
            "((NOT (hashed SubPlan 12)) AND (a = (InitPlan 1).col1) AND (b > ?))");
}

TEST(Kind, SeesThroughWith) {
  using sql::Kind;
  EXPECT_EQ(sql::kind("select 1"), Kind::select);
  EXPECT_EQ(sql::kind("with x as (select 1) delete from t using x"), Kind::remove);
  EXPECT_EQ(sql::kind("with x as (delete from t returning *) select * from x"), Kind::remove);
  EXPECT_EQ(sql::kind("insert into t select 1"), Kind::insert);
  EXPECT_EQ(sql::kind("update t set a = 1"), Kind::update);
  EXPECT_EQ(sql::kind("merge into t using s on t.a = s.a when matched then delete"), Kind::merge);
  EXPECT_EQ(sql::kind("vacuum t"), Kind::utility);
  EXPECT_EQ(sql::kind("select 1; select 2"), Kind::several);
  EXPECT_EQ(sql::kind("select from where"), Kind::unparsable);
  EXPECT_EQ(sql::kind("select * into x from t"), Kind::utility);
}

TEST(QuoteIdentifier, AsPostgresDoes) {
  EXPECT_EQ(sql::quote_identifier("path"), "path");
  EXPECT_EQ(sql::quote_identifier("order"), "\"order\"");
  EXPECT_EQ(sql::quote_identifier("Path"), "\"Path\"");
  EXPECT_EQ(sql::quote_identifier("a\"b c"), "\"a\"\"b c\"");
  EXPECT_EQ(sql::quote_identifier("1a"), "\"1a\"");
  EXPECT_EQ(sql::quote_identifier(""), "\"\"");
}

TEST(Relations, Conditions) {
  EXPECT_EQ(shown("SELECT data FROM lsif_data_documents WHERE dump_id = 7 AND path = $2 LIMIT 1"),
            "lsif_data_documents[dump_id =, path =] limit");
  EXPECT_EQ(shown("select * from s.\"T a\" x where x.\"A\" in (1,2) and 5 < x.b and c between 1 and 2 and d is null"),
            "s.T a[\"A\" in, b range:above, c range:between, d null]");
  EXPECT_EQ(shown("select * from t where a = any($1) and b like 'x%' and c like '%x' and d ilike $1 and e like $2"),
            "t[a in, b like:prefix, c like:infix, d like:ilike, e like]");
  EXPECT_EQ(shown("select * from t where lower(email) = $1 and id::text = $2 and data->>'k' = $3"),
            "t[email function:lower, id cast:text, data function:->>]");
  EXPECT_EQ(shown("select * from t where a = 1 or b = 2"), "t[a other, b other] or");
  EXPECT_EQ(shown("select * from t where k = 3 and (a = 1 or a = 2)"), "t[k =, a in]");
  EXPECT_EQ(shown("select * from t where (a, b) = (1, 2) and (c, d) > (1, 2) and (e, f) in ((1,2))"),
            "t[a =, b =, c range:above, d other, e in, f in]");
  EXPECT_EQ(shown("select * from t where active and not gone and not (a = 5) and a <> 3 and b not in (1)"),
            "t[active =:boolean, gone =:boolean, a other, b other]");
  EXPECT_EQ(shown("select * from t where a = (select 1) and a = coalesce($1, 3) and c = now() - interval '1 day'"),
            "t[a =, c =]");
}

TEST(Relations, PatternsThatAreComputed) {
  EXPECT_EQ(shown("select * from t where a like '%50!%%' escape '!' and b like '%' || $1 and c like $1 || '%'"),
            "t[a like:infix, b like:infix, c like]");
  EXPECT_EQ(shown("select * from t where upper(a) like upper('%x%') and b like concat('x', $1)"),
            "t[a function:upper, b like:prefix]");
  EXPECT_EQ(shown("select * from t where starts_with(a, $1) and b ^@ 'x'"), "t[a like:starts, b like:starts]");
}

TEST(Relations, WhatItIsComparedWith) {
  using With = sql::ColumnUse::With;
  const auto with = [](std::string_view value) {
    return sql::relations("select * from t where a = " + std::string(value)).at(0).uses.at(0).with;
  };
  for (const char* value : {"'x'", "3", "-3", "'x'::text", "date '2020-01-01'", "ARRAY[1, 2]"})
    EXPECT_EQ(with(value), With::constant) << value;
  for (const char* value : {"$1", "$1::int"}) EXPECT_EQ(with(value), With::parameter) << value;
  for (const char* value : {"now()", "CURRENT_DATE", "localtimestamp", "now()::date"})
    EXPECT_EQ(with(value), With::now) << value;
  for (const char* value : {"now() - interval '1 day'", "f(3)", "(select 1)"})
    EXPECT_EQ(with(value), With::other) << value;
}

TEST(Relations, BothBoundsOfARange) {
  EXPECT_EQ(shown("select * from t where a > 1 and 9 >= a and b < 3"), "t[a range:between, b range:below]");
}

TEST(Relations, HavingOfAKeyIsAConditionOfTheRows) {
  EXPECT_EQ(shown("select k, sum(n) from t group by k having k = $1 and sum(n) > 5"), "t[k =, k group]");
}

TEST(Relations, ACaseIsComputed) {
  const auto uses =
      sql::relations("select * from t where case when way = 'in' then a else b end = $1 and c = any_function($2)");
  ASSERT_EQ(uses.size(), 1U);
  EXPECT_EQ(uses[0].uses[0].expression, "(CASE WHEN (way = 'in') THEN a ELSE b END)");
  EXPECT_EQ(uses[0].uses[1].called, "any_function");
}

TEST(Relations, JoinsAndQualifiers) {
  EXPECT_EQ(shown("select * from a join b on b.a_id = a.id where a.k = 1"), "a[id join, k =]; b[a_id join]");
  EXPECT_EQ(shown("select * from a x, b y where x.id = y.id and z = 3"), "a[id join]; b[id join]");
  EXPECT_EQ(shown("select * from a x, b y where x.id = y.id and z = 3",
                  [](auto, auto r, auto c) { return r == "b" && c == "z"; }),
            "a[id join]; b[id join, z =]");
  EXPECT_EQ(shown("select * from a join b using (id)"), "a[id join]; b[id join]");
  EXPECT_EQ(shown("select * from a where a.id in (select b.a_id from b where b.k = 5)"),
            "a[id join]; b[k =, a_id join]");
  // The conditions of a subquery are its own, whatever it is an arm of.
  EXPECT_EQ(shown("select * from a where a.k = 1 or a.id in (select b.a_id from b where b.k = 5)"),
            "a[k other, id other] or; b[k =, a_id join]");
  EXPECT_EQ(
      shown("select * from a where a.k = 1 or exists (select from b where b.a_id = a.id and (b.x = 1 or b.y = 2))"),
      "a[k other, id other] or; b[a_id join, x other, y other] or");
  EXPECT_EQ(shown("select * from a where exists (select 1 from b where b.a_id = a.id)"), "a[id join]; b[a_id join]");
}

TEST(Relations, SeenThroughSubqueriesAndWith) {
  EXPECT_EQ(shown("with w as (select id, path p from docs) select * from w where w.p = 'x'"), "docs[path =]");
  EXPECT_EQ(shown("select * from (select * from docs) d where d.path = 'x' and id = 3"), "docs[path =, id =]");
  EXPECT_EQ(shown("with recursive w as (select id from t where id = 1 union all select t.id from t join w on t.parent "
                  "= w.id) select * from w"),
            "t[id =]; t[parent join]");
  EXPECT_EQ(shown("select 1 from a union select 2 from b where c = 1"), "a[]; b[c =]");
}

TEST(Relations, OrderLimitAndMinMax) {
  EXPECT_EQ(shown("select * from t where a = 1 order by b desc, t.c limit 5"), "t[a =, b sort:desc, c sort] limit");
  EXPECT_EQ(shown("select a, b from t order by 2"), "t[b sort]");
  EXPECT_EQ(shown("select max(b) from t"), "t[b sort] limit");
  EXPECT_EQ(shown("select a, count(*) n from t group by a order by n"), "t[a group]");
}

TEST(Relations, Writes) {
  EXPECT_EQ(shown("update t set a = 3 where b = 4"), "t[b =]");
  EXPECT_EQ(shown("delete from t using u where t.id = u.id and u.k = 1"), "t[id join]; u[id join, k =]");
  EXPECT_EQ(shown("insert into t select * from u where k = 1"), "u[k =]");
  EXPECT_EQ(shown("insert into t values (1)"), "");
  EXPECT_EQ(shown("merge into t using s on t.a = s.b when matched then delete"), "t[a join]; s[b join]");
  EXPECT_EQ(shown("explain select * from t where a = 1"), "t[a =]");
  EXPECT_EQ(shown("select from where"), "");
}

}  // namespace
}  // namespace pgvigil
