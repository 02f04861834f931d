#include "checks/plans/advice.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace pgvigil {
namespace {

using Kind = IndexAdvice::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t MB = 1 << 20;

RelationColumn column(std::string name, std::string type, double width = 4, double distinct = -1) {
  RelationColumn c;
  c.column = std::move(name);
  c.type = std::move(type);
  c.type_category = "N";
  c.average_width = width;
  c.distinct = distinct;
  return c;
}
const std::vector<RelationColumn> docs{column("dump_id", "integer", 4, 2'000), column("path", "text", 110, -0.2),
                                       column("created", "timestamp with time zone", 8), column("tags", "jsonb", 60),
                                       column("data", "bytea", 2'000)};

Index index(std::string name, std::vector<std::string> columns) {
  Index i;
  i.table = "public.docs";
  i.name = std::move(name);
  i.method = "btree";
  i.columns = std::move(columns);
  return i;
}

IndexAdvice advised(std::string_view text, const std::vector<Index>& existing = {}, std::string_view filter = {}) {
  const auto uses = sql::relations(text);
  return advise(uses.at(0), {{}, existing, docs}, {.filter = filter});
}

TEST(Advice, EqualityThenRangeThenSort) {
  EXPECT_THAT(advised("SELECT data FROM docs WHERE dump_id = 7 AND path = 'x' LIMIT 1").columns,
              ElementsAre("dump_id", "path"));
  EXPECT_THAT(advised("SELECT * FROM docs WHERE created > $1 AND dump_id = $2").columns,
              ElementsAre("dump_id", "created"));
  EXPECT_THAT(advised("SELECT * FROM docs WHERE dump_id = $2 ORDER BY created DESC LIMIT 5").columns,
              ElementsAre("dump_id", "created"));
  EXPECT_THAT(advised("SELECT * FROM docs WHERE dump_id = $2 ORDER BY created").columns, ElementsAre("dump_id"));
  EXPECT_THAT(advised("SELECT * FROM docs ORDER BY created LIMIT 5").columns, ElementsAre("created"));
  EXPECT_THAT(advised("SELECT * FROM docs WHERE created > $1 ORDER BY path LIMIT 5").columns, ElementsAre("created"));
  EXPECT_THAT(advised("SELECT * FROM docs WHERE path IN ('a', 'b')").columns, ElementsAre("path"));
  EXPECT_THAT(advised("DELETE FROM docs WHERE dump_id = ANY($1)").columns, ElementsAre("dump_id"));
  EXPECT_THAT(advised("SELECT * FROM docs d JOIN x ON x.id = d.dump_id").columns, ElementsAre("dump_id"));
}

// Statistics keep no value of such a column: neither a common one nor an order.
TEST(Advice, WhatNoBtreeCanHold) {
  auto columns = docs;
  columns[1].can_toast = true;
  columns[1].distinct = -1;
  const auto one = [&](std::string_view text) {
    return advise(sql::relations(text).at(0), {{}, {}, columns}).definition();
  };
  EXPECT_EQ(one("SELECT * FROM docs WHERE path = $1"), "USING hash (path)");
  EXPECT_EQ(one("SELECT * FROM docs WHERE path = $1 AND created > $2"), "USING hash (path)");
  EXPECT_EQ(one("SELECT * FROM docs WHERE dump_id = $1 ORDER BY path LIMIT 3"), "(dump_id)");
  columns[1].correlation = 0.1;
  EXPECT_EQ(one("SELECT * FROM docs WHERE path = $1"), "(path)");
}

TEST(Advice, ABoxOfTwoRanges) {
  EXPECT_THAT(advised("SELECT * FROM docs WHERE created BETWEEN $1 AND $2 AND path > 'a' AND path < 'b'").columns,
              ElementsAre("created", "path"));
  EXPECT_THAT(advised("SELECT * FROM docs WHERE created > $1 AND path < $2").columns, ElementsAre("created"));
}

TEST(Advice, AFlagComesLast) {
  auto columns = docs;
  columns.push_back(column("hidden", "boolean", 1, 2));
  const auto one = [&](std::string_view text) {
    return advise(sql::relations(text).at(0), {{}, {}, columns}).definition();
  };
  EXPECT_EQ(one("SELECT * FROM docs WHERE NOT hidden AND dump_id = $1 AND path = $2"), "(dump_id, path, hidden)");
  EXPECT_EQ(one("SELECT * FROM docs WHERE hidden"), "(hidden)");
}

TEST(Advice, WhatHasToBeWrittenOtherwise) {
  for (const char* text : {"SELECT * FROM docs WHERE path IS NOT DISTINCT FROM $1",
                           "SELECT * FROM docs WHERE jsonb_path_exists(tags, '$.a')",
                           "SELECT * FROM docs d JOIN o ON o.id = d.dump_id WHERE d.path = $1 OR o.mail = $2"})
    EXPECT_EQ(advised(text, {index("docs_path", {"path"}), index("docs_dump", {"dump_id"})}).obstacle,
              Obstacle::rewrite)
        << text;
  const auto called = advised("SELECT * FROM docs WHERE dump_id = mine()", {index("docs_dump", {"dump_id"})});
  EXPECT_EQ(called.obstacle, Obstacle::function);
  EXPECT_THAT(called.why_not, HasSubstr("mine()"));
  EXPECT_EQ(advised("SELECT * FROM docs WHERE created > now() - $1::interval", {index("c", {"created"})}).obstacle,
            Obstacle::statistics);
}

TEST(Advice, WhatNoPlainIndexServes) {
  for (const auto& [text, why] : std::vector<std::pair<const char*, const char*>>{
           {"SELECT * FROM docs WHERE lower($1 || path) = 'x'", "lower(path)"},
           {"SELECT * FROM docs WHERE to_char(created, 'YYYY') = 'x'", "IMMUTABLE"},
           {"SELECT * FROM docs WHERE created::date = 'x'", "cast"},
           {"SELECT * FROM docs WHERE path LIKE '%x'", "pg_trgm"},
           {"SELECT * FROM docs WHERE dump_id = 1 OR data = 'x'", "OR"},
           {"SELECT * FROM docs WHERE tags = '{}'", "no column"},
           {"SELECT * FROM docs", "no column"}}) {
    const auto a = advised(text);
    EXPECT_EQ(a.kind, Kind::none) << text;
    EXPECT_THAT(a.why_not, HasSubstr(why)) << text;
  }
}

IndexAdvice with_trigrams(std::string_view text) {
  KnownTable known{{}, {}, docs};
  known.extensions["pg_trgm"] = "public";
  return advise(sql::relations(text).at(0), known);
}

TEST(Advice, ExpressionsPatternsAndContainers) {
  EXPECT_EQ(advised("SELECT * FROM docs WHERE lower(path) = $1").definition(), "(lower(path))");
  EXPECT_EQ(advised("SELECT * FROM docs WHERE tags ->> 'k' = 'v'").definition(), "((tags ->> 'k'))");
  EXPECT_EQ(advised("SELECT * FROM docs WHERE dump_id = $1 AND lower(path) = $2").definition(),
            "(dump_id, lower(path))");
  EXPECT_EQ(advised("SELECT * FROM docs WHERE path LIKE 'x%'").definition(), "(path text_pattern_ops)");
  EXPECT_EQ(with_trigrams("SELECT * FROM docs WHERE path ILIKE '%x%'").definition(), "USING gin (path gin_trgm_ops)");
  EXPECT_EQ(advised("SELECT * FROM docs WHERE tags @> '{}'").definition(), "USING gin (tags jsonb_path_ops)");
  EXPECT_EQ(advised("SELECT * FROM docs WHERE tags ? 'k'").definition(), "USING gin (tags)");
  EXPECT_EQ(advised("SELECT * FROM docs WHERE path = $1 COLLATE \"C\"").definition(), "(path COLLATE \"C\")");
  EXPECT_EQ(advised("SELECT * FROM docs ORDER BY dump_id, created DESC LIMIT 5").definition(),
            "(dump_id, created DESC)");
  EXPECT_EQ(advised("SELECT * FROM docs ORDER BY created DESC NULLS LAST LIMIT 5").definition(),
            "(created DESC NULLS LAST)");
}

TEST(Advice, TypesOfExtensionsAndArrays) {
  KnownTable known{{}, {}, docs};
  known.extensions["pg_trgm"] = "public";
  known.columns.push_back(column("place", "app.ltree", 30));
  known.columns.back().type_category = "U";
  known.columns.push_back(column("marks", "integer[]", 30));
  known.columns.back().type_category = "A";
  const auto of = [&](const std::string& condition) {
    return advise(sql::relations("SELECT * FROM docs WHERE " + condition).at(0), known);
  };
  for (const char* condition : {"place <@ 'a.b'", "place ~ 'a.*'", "place @> $1", "place @ $1"})
    EXPECT_EQ(of(condition).definition(), "USING gist (place)") << condition;
  EXPECT_EQ(of("marks = $1").definition(), "(marks)");
  EXPECT_EQ(of("marks && $1").definition(), "USING gin (marks)");
  for (const char* condition : {"$1 <% path", "path %> $1", "path % 'x'"})
    EXPECT_EQ(of(condition).definition(), "USING gin (path gin_trgm_ops)") << condition;
  EXPECT_THAT(of("word_similarity($1, path) > 0.6").why_not, HasSubstr("path %> $n"));
  EXPECT_EQ(of("similarity(path, $1) > 0.6").obstacle, Obstacle::rewrite);
  // No index holds what the server itself keeps of a row.
  for (const char* condition : {"xmin = $1", "xmin::text::bigint > $1", "tableoid = $1"})
    EXPECT_EQ(of(condition).kind, Kind::none) << condition;
}

TEST(Advice, OfSeveralRangesTheOneThatKeepsFewLeads) {
  KnownTable known{{}, {}, docs};
  known.columns.push_back(column("starts_at", "timestamp with time zone", 8));
  known.columns.back().past = 0.97;
  known.columns.push_back(column("ends_at", "timestamp with time zone", 8));
  known.columns.back().past = 0.99;
  const auto of = [&](std::string_view text) { return advise(sql::relations(text).at(0), known).columns; };
  EXPECT_THAT(of("SELECT * FROM docs WHERE starts_at <= now() AND ends_at > now()"), ElementsAre("ends_at"));
  EXPECT_THAT(of("SELECT * FROM docs WHERE starts_at <= $1 AND $1 < ends_at"), ElementsAre("ends_at"));
  EXPECT_THAT(of("SELECT * FROM docs WHERE starts_at <= CURRENT_TIMESTAMP AND path < 'b'"), ElementsAre("path"));
  EXPECT_THAT(of("SELECT * FROM docs WHERE starts_at <= '2020-01-01' AND ends_at > '2020-01-01'"),
              ElementsAre("starts_at"))
      << "of another time nothing is known";
  EXPECT_THAT(of("SELECT * FROM docs WHERE path > $1 AND created BETWEEN $2 AND $3"), ElementsAre("created"));
}

TEST(Advice, FewRowsThatAreNotOfAValue) {
  KnownTable known{{}, {index("docs_created", {"created"})}, docs};
  known.table.rows = 200'000;
  known.columns[1].commonest = 0.999;
  known.columns[0].distinct = 40;
  const auto of = [&](std::string_view text, double kept = 0.001) {
    return advise(sql::relations(text).at(0), known, {.kept = kept}).definition();
  };
  EXPECT_EQ(of("SELECT * FROM docs WHERE path <> 'done'"), "(path) WHERE path <> 'done'");
  EXPECT_EQ(of("SELECT * FROM docs WHERE NOT (path = 'done')"), "(path) WHERE path <> 'done'");
  EXPECT_EQ(of("SELECT * FROM docs WHERE path NOT IN ('a', 'b') ORDER BY created LIMIT 5"),
            "(created) WHERE path NOT IN ('a', 'b')")
      << "whatever index of all rows there is";
  EXPECT_EQ(of("SELECT * FROM docs WHERE path <> 'a' AND path <> 'b'"), "(path) WHERE path <> 'a' AND path <> 'b'");
  EXPECT_EQ(of("SELECT * FROM docs WHERE dump_id = $1 AND path <> 'done'", 0.00002), "(dump_id) WHERE path <> 'done'");
  EXPECT_EQ(of("SELECT * FROM docs WHERE dump_id = $1 AND path <> 'failed'", 0.025), "(dump_id)")
      << "the equality is what keeps few";
  for (const char* text : {"SELECT * FROM docs WHERE path <> $1", "SELECT * FROM docs WHERE lower(path) <> 'done'",
                           "SELECT * FROM docs WHERE path <> 'done' OR dump_id > 3"})
    EXPECT_EQ(advise(sql::relations(text).at(0), known, {.kept = 0.001}).kind, Kind::none) << text;
  EXPECT_EQ(advise(sql::relations("SELECT * FROM docs WHERE path <> 'done'").at(0), known, {.kept = 0.9}).kind,
            Kind::none);
}

TEST(Advice, AnIndexInAnotherOrderDoesNotHaveTheFirstRows) {
  const char* text = "SELECT * FROM docs ORDER BY created DESC NULLS LAST LIMIT 5";
  Index one = index("public.i", {"created"});
  EXPECT_EQ(advised(text, {one}).kind, Kind::exists) << "saved before the order was asked for";
  for (const auto& [order, kind] :
       {std::pair("", Kind::create), std::pair("desc", Kind::create), std::pair("desc nulls last", Kind::exists),
        std::pair("nulls first", Kind::exists)}) {
    one.orders = {order};
    EXPECT_EQ(advised(text, {one}).kind, kind) << order;
  }
  one.columns = {"dump_id", "created"}, one.orders = {"", ""};
  EXPECT_EQ(advised("SELECT * FROM docs ORDER BY dump_id, created DESC LIMIT 5", {one}).kind, Kind::create);
  EXPECT_EQ(advised("SELECT * FROM docs ORDER BY dump_id DESC, created DESC LIMIT 5", {one}).kind, Kind::exists);
}

TEST(Advice, PrefixesThatNoPlainIndexServes) {
  KnownTable known{{}, {index("public.i", {"mail"})}, docs};
  known.columns.push_back(column("mail", "citext", 30));
  const auto of = [&](std::string_view text) { return advise(sql::relations(text).at(0), known); };
  EXPECT_EQ(of("SELECT * FROM docs WHERE mail LIKE 'x%'").obstacle, Obstacle::rewrite);
  EXPECT_THAT(of("SELECT * FROM docs WHERE mail LIKE $1").why_not, HasSubstr("lower(mail::text)"));
  EXPECT_EQ(of("SELECT * FROM docs WHERE starts_with(path, $1)").definition(), "(path text_pattern_ops)");
  EXPECT_EQ(of("SELECT * FROM docs WHERE path ^@ 'x'").definition(), "(path text_pattern_ops)");
  known.serves_starts_with = false;
  EXPECT_EQ(of("SELECT * FROM docs WHERE path ^@ 'x'").obstacle, Obstacle::rewrite);
}

TEST(Advice, AnIndexForEachArmOfAnOr) {
  const auto a = advised("SELECT * FROM docs WHERE dump_id = $1 OR path = $2");
  EXPECT_EQ(a.kind, Kind::create);
  EXPECT_EQ(a.definition(), "(dump_id)");
  ASSERT_EQ(a.beside.size(), 1U);
  EXPECT_EQ(a.beside[0].definition(), "(path)");
  const auto one = advised("SELECT * FROM docs WHERE dump_id = $1 OR path = $2", {index("public.i", {"dump_id"})});
  EXPECT_EQ(one.definition(), "(path)") << "the other arm is served";
  EXPECT_TRUE(one.beside.empty());
  EXPECT_EQ(advised("SELECT * FROM docs WHERE path = $1 OR dump_id IN (SELECT d FROM o WHERE o.k = $2)").obstacle,
            Obstacle::rewrite);
}

TEST(Advice, ObstaclesInOneWord) {
  const std::vector<Index> on_path{index("public.i", {"path"})}, on_id{index("public.j", {"dump_id"})};
  EXPECT_EQ(advised("SELECT * FROM docs WHERE lower(path) = $1", on_path).obstacle, Obstacle::function);
  EXPECT_EQ(advised("SELECT * FROM docs WHERE dump_id::text = $1", on_id).obstacle, Obstacle::cast);
  EXPECT_EQ(advised("SELECT * FROM docs WHERE path = $1 COLLATE \"C\"", on_path).obstacle, Obstacle::collation);
  EXPECT_EQ(advised("SELECT * FROM docs WHERE dump_id = $1", on_id, "((docs.dump_id)::numeric = $1)").obstacle,
            Obstacle::type_mismatch);
  EXPECT_EQ(advised("SELECT * FROM docs WHERE dump_id = $1", on_id).obstacle, Obstacle::statistics);
  KnownTable known{{}, on_id, docs};
  EXPECT_EQ(advise(sql::relations("SELECT * FROM docs WHERE dump_id = $1").at(0), known,
                   {.settings = {{"enable_indexscan", "off"}, {"enable_bitmapscan", "off"}}})
                .obstacle,
            Obstacle::setting);
  EXPECT_EQ(advised("SELECT * FROM docs WHERE dump_id = $1 AND path = $2", on_id).replaces, "public.j");
}

TEST(Advice, ExistingIndexes) {
  const char* text = "SELECT data FROM docs WHERE dump_id = 7 AND path = 'x'";
  EXPECT_EQ(advised(text, {index("public.i", {"path", "dump_id", "created"})}).kind, Kind::exists);
  EXPECT_EQ(advised(text, {index("public.i", {"dump_id"})}).kind, Kind::create) << "only one of two";
  EXPECT_EQ(advised(text, {index("public.i", {"dump_id", "created", "path"})}).kind, Kind::create);
  EXPECT_EQ(advised(text, {index("public.i", {"", "dump_id", "path"})}).kind, Kind::create) << "an expression leads";
  Index partial = index("public.i", {"dump_id", "path"});
  partial.has_predicate = true;
  EXPECT_EQ(advised(text, {partial}).kind, Kind::create);
  Index hash = index("public.i", {"dump_id", "path"});
  hash.method = "hash";
  EXPECT_EQ(advised(text, {hash}).kind, Kind::create);
  Index invalid = index("public.i", {"dump_id", "path"});
  invalid.is_valid = false;
  EXPECT_EQ(advised(text, {invalid}).kind, Kind::invalid_exists);
  EXPECT_EQ(advised(text, {invalid}).index, "public.i");
  EXPECT_EQ(advised(text, {invalid, index("public.j", {"dump_id", "path"})}).kind, Kind::exists);
  EXPECT_THAT(advised(text, {index("public.i", {"dump_id", "path"})}, "((docs.dump_id)::numeric = ?)").why_not,
              HasSubstr("dump_id is cast"));
}

Table table() {
  Table t;
  t.database = "codeintel";
  t.schema = "public";
  t.relation = "docs";
  t.name = "public.docs";
  t.owner = "owner";
  t.heap_bytes = 424 * MB;
  t.rows = 600'000;
  return t;
}
Server incident_server() {
  Server s;
  s.version_num = 150'020;
  s.maintenance_work_mem = 16 * MB;
  s.max_parallel_maintenance_workers = 2;
  s.temp_file_limit = 64 * MB;
  return s;
}
const std::vector<std::string> key{"dump_id", "path"};

TEST(Forecast, FollowsTheFormulas) {
  // 8 + 4 + 110 = 122 -> 128 bytes a tuple
  const auto f = forecast(table(), key, docs, incident_server());
  EXPECT_TRUE(f.known);
  EXPECT_NEAR(f.temp_bytes, 600'000 * 132.0 * 8192 / 8176, 1);
  EXPECT_GE(f.memory_to_stay, 600'000 * 160.0);
  EXPECT_LE(f.memory_to_stay, 600'000 * 160.0 * 1.1 + 16.0 * MB);
  EXPECT_NEAR(f.index_bytes, 600'000 * 132 / (8152 * 0.9) * 8192 * (1 + 132 / 7337.0), 1e5);
  Server roomy = incident_server();
  roomy.maintenance_work_mem = 1024 * MB;
  EXPECT_GT(forecast(table(), key, docs, roomy).temp_bytes, 0) << "workers always write";
  roomy.max_parallel_maintenance_workers = 0;
  EXPECT_EQ(forecast(table(), key, docs, roomy).temp_bytes, 0);
  Table unknown = table();
  unknown.rows.reset();
  EXPECT_FALSE(forecast(unknown, key, docs, roomy).known);
}

TEST(Forecast, DeduplicationMakesItSmaller) {
  const std::vector<std::string> one{"dump_id"};
  const auto f = forecast(table(), one, docs, incident_server());
  EXPECT_LT(f.index_bytes, 600'000 * 10.0);
  auto numeric = docs;
  numeric[0].type = "numeric";
  EXPECT_GT(forecast(table(), one, numeric, incident_server()).index_bytes, 600'000 * 15.0);
}

struct Case {
  Table t = table();
  Server s = incident_server();
  CureRequest request() const {
    CureRequest r;
    r.table = &t;
    r.server = &s;
    r.columns = docs;
    r.advice.kind = Kind::create;
    r.advice.columns = key;
    r.load = 3.4;
    return r;
  }
};

TEST(Cure, MakesRoomWithoutASuperuser) {
  const Case c;
  const auto remedies = cure(c.request());
  ASSERT_EQ(remedies.size(), 1U);
  ASSERT_EQ(remedies[0].steps.size(), 1U);
  const Step& s = remedies[0].steps[0];
  EXPECT_EQ(s.run_as, "owner");
  EXPECT_EQ(s.database, "codeintel");
  EXPECT_EQ(s.sql,
            "SET statement_timeout = 0;\nSET lock_timeout = 0;\nSET maintenance_work_mem = '112MB';\n"
            "SET max_parallel_maintenance_workers = 0;\n"
            "CREATE INDEX CONCURRENTLY docs_dump_id_path_idx ON public.docs (dump_id, path);");
  EXPECT_EQ(s.undo, "DROP INDEX CONCURRENTLY public.docs_dump_id_path_idx;");
  EXPECT_THAT(s.caution, HasSubstr("53400"));
  EXPECT_THAT(s.caution, HasSubstr("23505"));
  EXPECT_THAT(s.caution, HasSubstr("INVALID"));
  EXPECT_EQ(s.load_relieved, 3.4);
  EXPECT_TRUE(s.straight_path);
}

TEST(Cure, PlainWhereThereIsRoom) {
  Case c;
  c.s.temp_file_limit = -1;
  EXPECT_THAT(cure(c.request())[0].steps[0].sql, Not(HasSubstr("maintenance_work_mem")));
  c.s.temp_file_limit = 64 * MB;
  c.t.rows = 100'000'000;
  const Step s = cure(c.request())[0].steps[0];
  EXPECT_EQ(s.run_as, "superuser");
  EXPECT_THAT(s.sql, HasSubstr("SET temp_file_limit = '"));
}

// A server that struggles may not tell its settings in time: the cure is the same, and what is not known is said.
TEST(Cure, IsThereWithoutTheServersSettings) {
  const Case c;
  CureRequest r = c.request();
  r.server = nullptr;
  const auto remedies = cure(r);
  ASSERT_EQ(remedies.size(), 1U);
  EXPECT_THAT(remedies[0].steps[0].sql, HasSubstr("CREATE INDEX CONCURRENTLY docs_dump_id_path_idx ON"));
  EXPECT_THAT(remedies[0].steps[0].caution, HasSubstr("whether temp_file_limit allows about"));
  EXPECT_THAT(cure(c.request())[0].steps[0].caution, Not(HasSubstr("could not be read")));
}

TEST(Cure, DropsAnInvalidLeftoverFirst) {
  const Case c;
  CureRequest r = c.request();
  Index left = index("public.docs_dump_id_path_idx", key);
  left.is_valid = false;
  const std::vector<Index> existing{left, index("public.docs_dump_id_idx", {"dump_id"})};
  r.existing = existing;
  r.advice.kind = Kind::invalid_exists;
  r.advice.index = left.name;
  const auto steps = cure(r)[0].steps;
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_THAT(steps[0].sql, HasSubstr("DROP INDEX CONCURRENTLY public.docs_dump_id_path_idx;"));
  EXPECT_THAT(steps[1].sql, HasSubstr("CONCURRENTLY docs_dump_id_path_idx ON"));
}

TEST(Cure, AWordAnywhereNeedsAnExtensionFirst) {
  const Case c;
  CureRequest r = c.request();
  r.advice = advised("SELECT * FROM docs WHERE path LIKE '%x%'");
  EXPECT_EQ(r.advice.kind, Kind::none);
  const auto steps = cure(r).at(0).steps;
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_EQ(steps[0].sql, "CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;");
  EXPECT_EQ(steps[0].run_as, "superuser");
  EXPECT_THAT(steps[1].sql,
              HasSubstr("CREATE INDEX CONCURRENTLY docs_path_idx ON public.docs USING gin (path gin_trgm_ops);"));
  const auto ordered =
      advised("SELECT * FROM docs WHERE path LIKE '%x%' ORDER BY path LIMIT 9", {index("p", {"path"})});
  EXPECT_EQ(ordered.trigrams, "path gin_trgm_ops");
  EXPECT_THAT(ordered.why_not, HasSubstr("begins with a wildcard"));
  for (const char* other : {"SELECT * FROM docs WHERE path LIKE 'x%'", "SELECT * FROM docs WHERE tags = '{}'",
                            "SELECT * FROM docs WHERE dump_id = $1 AND path LIKE '%x%'"})
    EXPECT_EQ(advised(other).trigrams, "") << other;
}

TEST(Cure, Duplicates) {
  const Case c;
  CureRequest r = c.request();
  Duplicates d;
  d.duplicate_keys = 25;
  d.slices = d.slices_done = 64;
  r.duplicates = &d;
  EXPECT_THAT(cure(r)[0].steps[0].caution, HasSubstr("25 keys occur more than once"));
  EXPECT_EQ(cure(r)[0].steps.size(), 1U);
  d.duplicate_keys = 0;
  ASSERT_EQ(cure(r)[0].steps.size(), 2U);
  EXPECT_FALSE(cure(r)[0].steps[1].straight_path);
  EXPECT_THAT(cure(r)[0].steps[1].sql, HasSubstr("CREATE UNIQUE INDEX CONCURRENTLY"));
  d.slices_done = 3;
  EXPECT_EQ(cure(r)[0].steps.size(), 1U);
}

TEST(Cure, FirstAidIsApartAndBounded) {
  const Case c;
  CureRequest r = c.request();
  for (int i = 0; i < 200; ++i) r.pids.push_back(1'000 + i);
  r.advice.kind = Kind::none;
  const auto remedies = cure(r);
  ASSERT_EQ(remedies.size(), 1U);
  EXPECT_EQ(remedies[0].kind, Remedy::Kind::first_aid);
  EXPECT_LT(remedies[0].steps[0].sql.size(), 600U);
  EXPECT_THAT(remedies[0].steps[0].sql, HasSubstr("pg_cancel_backend"));
  EXPECT_THAT(remedies[0].steps[0].sql, HasSubstr("state = 'active'"));
  EXPECT_THAT(remedies[0].steps[0].sql, HasSubstr("strpos(pg_catalog.lower(query)"));
  EXPECT_TRUE(cure(CureRequest{}).empty());
}

TEST(IndexName, AsPostgresWouldChoose) {
  const std::vector<std::string> taken{"docs_dump_id_path_idx"};
  EXPECT_EQ(index_name("docs", key, {}), "docs_dump_id_path_idx");
  EXPECT_EQ(index_name("docs", key, taken), "docs_dump_id_path_idx1");
  EXPECT_EQ(index_name("My \"T\"", std::vector<std::string>{"\"A\"\"b\""}, {}), "My \"T\"_A\"b_idx");
  const std::string long_name =
      index_name(std::string(60, 'a') + "\xC3\xA9", std::vector<std::string>{std::string(60, 'b')}, {});
  EXPECT_LE(long_name.size(), 63U);
  EXPECT_TRUE(long_name.ends_with("_idx"));
}

}  // namespace
}  // namespace pgvigil
