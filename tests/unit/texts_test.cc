#include "agent/core/texts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace pgvigil {
namespace {

using testing::HasSubstr;
using testing::Not;

Session session(std::string query, std::int64_t pid = 1, double start = 100) {
  Session s;
  s.pid = pid;
  s.query = std::move(query);
  s.query_start = start;
  s.user = "app";
  s.database = "shop";
  return s;
}

Session taken(QueryBook& book, Session s) {
  std::vector<Session> one{std::move(s)};
  book.take(one);
  return one[0];
}

TEST(QueryBook, StripsLiteralsAndKeepsOneExample) {
  QueryBook book;
  const Session a = taken(book, session("SELECT * FROM t WHERE a = 'one'"));
  EXPECT_EQ(a.query, "SELECT * FROM t WHERE a = $1");
  EXPECT_EQ(a.query_id.size(), 17U);
  EXPECT_EQ(a.query_id[0], 'f');
  EXPECT_EQ(taken(book, session("SELECT * FROM t WHERE a = 'two'")).query_id, a.query_id);
  ASSERT_TRUE(book.raw(a.query_id));
  EXPECT_EQ(book.raw(a.query_id)->text, "SELECT * FROM t WHERE a = 'one'");
  EXPECT_EQ(book.raw(a.query_id)->user, "app");
  EXPECT_EQ(book.raw(a.query_id)->database, "shop");
  EXPECT_FALSE(book.raw("f0"));
  EXPECT_EQ(book.size(), 1U);
}

TEST(QueryBook, TheServersIdGoesFirst) {
  QueryBook book;
  Session s = session("SELECT 1");
  s.query_id = "-77";
  EXPECT_EQ(taken(book, s).query_id, "-77");
  EXPECT_TRUE(book.raw("-77"));
}

TEST(QueryBook, NoLiteralSurvives) {
  QueryBook book;
  for (const char* text :
       {"ALTER ROLE bob PASSWORD 'hunter2'", "ALTER ROLE bob PASWORD 'hunter2'", "SELECT 'hunter2",
        "COPY t FROM PROGRAM 'hunter2'", "SELECT $$hunter2$$", "SELECT $q$hunter2",
        "INSERT INTO t VALUES (E'\\'hunter2')", "SELECT 1 /* hunter2 */", "DO $$hunter2$$",
        "CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p", "SELECT 1; SELECT 'hunter2'"}) {
    EXPECT_THAT(taken(book, session(text)).query, Not(HasSubstr("hunter2"))) << text;
  }
}

TEST(QueryBook, TruncatedAndUnparsableTextsAreNotExamples) {
  QueryBook book;
  Session cut = session("SELECT a FROM t WHERE b = 5");
  cut.truncated = true;
  const Session s = taken(book, cut);
  EXPECT_FALSE(book.raw(s.query_id));
  EXPECT_EQ(s.query, "SELECT a FROM t WHERE b = $1");
  EXPECT_FALSE(book.raw(taken(book, session("SELECT a FROM t WHERE b = 'x")).query_id));
  EXPECT_EQ(taken(book, session("")).query_id, "");
  EXPECT_EQ(taken(book, session("<insufficient privilege>")).query_id, "");
  taken(book, session("ALTER ROLE bob PASSWORD 'x'"));
  taken(book, session("SELECT 1; SELECT 2"));
  EXPECT_EQ(book.size(), 0U);
}

TEST(QueryBook, TheSameTextIsParsedOnce) {
  QueryBook book;
  for (int i = 0; i < 100; ++i) taken(book, session("SELECT * FROM t WHERE a = 5", i % 7, i));
  EXPECT_EQ(book.parsed(), 1U);
  EXPECT_EQ(taken(book, session("SELECT * FROM u", 1, 100)).query, "SELECT * FROM u")
      << "the same execution moved on to another text";
}

TEST(QueryBook, IsBounded) {
  QueryBook book({.queries = 3, .text_bytes = 100, .executions = 5});
  const std::string first = taken(book, session("SELECT a0 FROM t")).query_id;
  for (int i = 1; i < 50; ++i) {
    taken(book, session(fmt::format("SELECT a{} FROM t", i)));
    EXPECT_TRUE(book.raw(first)) << "what is used stays";
  }
  EXPECT_EQ(book.size(), 3U);
  EXPECT_FALSE(book.raw(taken(book, session("SELECT '" + std::string(200, 'x') + "'")).query_id));
}

}  // namespace
}  // namespace pgvigil
