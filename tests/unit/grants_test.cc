#include "agent/core/grants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pg_query.h>

#include <stdexcept>

namespace pgvigil {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// PostgreSQL's own grammar reads the script; returns its complaint.
std::string parse_problem(const std::string& sql) {
  const PgQueryParseResult result = pg_query_parse(sql.c_str());
  const std::string problem = result.error == nullptr ? "" : result.error->message;
  pg_query_free_parse_result(result);
  return problem;
}

TEST(Grants, WhatEachVersionGets) {
  EXPECT_THAT(grants_script({.pg_major = 13}),
              AllOf(HasSubstr("GRANT SELECT ON ALL TABLES"), HasSubstr("ALTER DEFAULT PRIVILEGES"),
                    Not(HasSubstr("GRANT pg_read_all_data")), Not(HasSubstr("pg_use_reserved_connections"))));
  EXPECT_THAT(grants_script({.pg_major = 15}),
              AllOf(HasSubstr("GRANT pg_read_all_data TO \"pgvigil\";"), Not(HasSubstr("ALL TABLES")),
                    Not(HasSubstr("pg_use_reserved_connections"))));
  EXPECT_THAT(grants_script({.pg_major = 16}), HasSubstr("GRANT pg_use_reserved_connections TO \"pgvigil\";"));
  EXPECT_THAT(grants_script({}), AllOf(HasSubstr("140000"), HasSubstr("160000"), HasSubstr("ALL TABLES")));
}

TEST(Grants, TwoConnectionsAnAgentAndTwoToSpare) {
  EXPECT_THAT(grants_script({}), HasSubstr("CONNECTION LIMIT 4;"));
  EXPECT_THAT(grants_script({.agents = 3}), HasSubstr("CONNECTION LIMIT 8;"));
}

TEST(Grants, EveryScriptParsesWhateverTheRoleIsCalled) {
  for (const char* role :
       {"pgvigil", "Mixed Case", "a\"b", "it's", "back\\slash", "$pgvigil$", "$$; DROP TABLE x; --", "%I %s {0}", "名"})
    for (const std::optional<int> major :
         {std::optional<int>(), std::optional<int>(13), std::optional<int>(15), std::optional<int>(18)})
      EXPECT_EQ(parse_problem(grants_script({.role = role, .pg_major = major})), "") << role;
}

TEST(Grants, NamesThatCannotBe) {
  for (const std::string& role : {std::string(), std::string("a\nb"), std::string("pg_monitor"), std::string("public"),
                                  std::string(64, 'a'), std::string("a\0b", 3)}) {
    EXPECT_NE(role_problem(role), "") << role;
    EXPECT_THROW(grants_script({.role = role}), std::invalid_argument);
  }
  EXPECT_EQ(role_problem("pgvigil"), "");
}

TEST(Grants, Quotes) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\'"), "E'a\\\\'''");
}

}  // namespace
}  // namespace pgvigil
