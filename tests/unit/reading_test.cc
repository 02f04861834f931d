#include "checks/plans/reading.h"

#include <gmock/gmock.h>

namespace pgvigil {
namespace {

std::string reads(std::string_view text) { return sql::reading_part(text).value_or("-"); }

TEST(ReadingPart, OfWrites) {
  EXPECT_EQ(reads("UPDATE t SET x = $1 WHERE a = $2"), "SELECT 1 FROM t WHERE a = $2");
  EXPECT_EQ(reads("UPDATE s.t AS u SET x = f.y FROM f WHERE f.id = u.id"), "SELECT 1 FROM s.t u, f WHERE f.id = u.id");
  EXPECT_EQ(reads("DELETE FROM t WHERE a = $1 RETURNING id"), "SELECT id FROM t WHERE a = $1");
  EXPECT_EQ(reads("DELETE FROM t USING b WHERE b.id = t.b"), "SELECT 1 FROM t, b WHERE b.id = t.b");
  EXPECT_EQ(reads("INSERT INTO t (a) SELECT x FROM b WHERE y = $1"), "SELECT x FROM b WHERE y = $1");
  EXPECT_EQ(reads("INSERT INTO t VALUES ($1, $2) ON CONFLICT DO NOTHING"), "VALUES ($1, $2)");
  EXPECT_EQ(reads("INSERT INTO t DEFAULT VALUES"), "SELECT 1");
  EXPECT_EQ(reads("INSERT INTO t VALUES (1, DEFAULT)"), "SELECT 1");
  EXPECT_EQ(reads("MERGE INTO t USING s ON s.id = t.id WHEN MATCHED THEN DELETE"),
            "SELECT 1 FROM t, s WHERE s.id = t.id");
}

TEST(ReadingPart, SubSelectsAndCtesAreSeenThrough) {
  EXPECT_EQ(reads("UPDATE t SET x = (SELECT max(y) FROM b), z = 1"), "SELECT (SELECT max(y) FROM b) FROM t");
  EXPECT_EQ(reads("WITH gone AS (DELETE FROM t WHERE a < $1 RETURNING *) INSERT INTO old SELECT * FROM gone"),
            "WITH gone AS (SELECT * FROM t WHERE a < $1) SELECT * FROM gone");
  EXPECT_EQ(reads("WITH n AS (SELECT 1) UPDATE t SET x = 1 FROM n"), "WITH n AS (SELECT 1) SELECT 1 FROM t, n");
}

TEST(ReadingPart, OfLocks) {
  EXPECT_EQ(reads("SELECT * FROM q WHERE state = $1 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"),
            "SELECT * FROM q WHERE state = $1 ORDER BY id LIMIT 1");
  EXPECT_EQ(reads("SELECT * FROM (SELECT * FROM q FOR SHARE) x"), "SELECT * FROM (SELECT * FROM q) x");
  EXPECT_EQ(reads("UPDATE q SET s = $1 WHERE id = (SELECT id FROM q WHERE s = $2 FOR UPDATE SKIP LOCKED LIMIT 1)"),
            "SELECT 1 FROM q WHERE id = (SELECT id FROM q WHERE s = $2 LIMIT 1)");
  EXPECT_EQ(reads("WITH i AS (INSERT INTO q (s) VALUES ($1) RETURNING id) SELECT id FROM i"),
            "WITH i AS (SELECT id FROM q WHERE false) SELECT id FROM i");
}

TEST(ReadingPart, OfQueriesWithinStatements) {
  EXPECT_EQ(reads("DECLARE c CURSOR FOR SELECT * FROM t WHERE a = $1"), "SELECT * FROM t WHERE a = $1");
  EXPECT_EQ(reads("CREATE TABLE n AS SELECT * FROM t FOR UPDATE"), "SELECT * FROM t");
  EXPECT_EQ(reads("COPY (SELECT * FROM t WHERE a = 3) TO STDOUT"), "SELECT * FROM t WHERE a = 3");
  EXPECT_EQ(reads("COPY t TO STDOUT"), "-");
}

TEST(ReadingPart, NoneOfWhatOnlyReads) {
  for (const char* text : {"SELECT 1", "SELECT * FROM t", "TRUNCATE t", "", "nonsense", "SELECT 1; DELETE FROM t",
                           "COPY t FROM STDIN", "BEGIN"})
    EXPECT_EQ(reads(text), "-") << text;
}

}  // namespace
}  // namespace pgvigil
