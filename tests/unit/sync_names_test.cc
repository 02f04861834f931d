// synchronous_standby_names as the server reads it.
#include "checks/sync_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgvigil {
namespace {

using testing::ElementsAre;

TEST(SyncNames, PlainListWantsTheFirst) {
  const SyncNames n = parse_sync_names("berlin, \"Paris 2\" ,  rome");
  EXPECT_THAT(n.names, ElementsAre("berlin", "Paris 2", "rome"));
  EXPECT_EQ(n.needed, 1);
  EXPECT_FALSE(n.any);
}

TEST(SyncNames, FirstAndAny) {
  EXPECT_EQ(parse_sync_names("2 (a, b, c)").needed, 2);
  EXPECT_EQ(parse_sync_names("FIRST 3(a,b,c)").needed, 3);
  const SyncNames n = parse_sync_names("any 2 ( a , \"b\"\"c\", * )");
  EXPECT_TRUE(n.any);
  EXPECT_EQ(n.needed, 2);
  EXPECT_THAT(n.names, ElementsAre("a", "b\"c", "*"));
  EXPECT_THAT(parse_sync_names("\"any\"").names, ElementsAre("any"));
}

TEST(SyncNames, NothingAndNonsenseDoNoHarm) {
  EXPECT_THAT(parse_sync_names("").names, ElementsAre());
  EXPECT_THAT(parse_sync_names("\"open").names, ElementsAre("open"));
  EXPECT_THAT(parse_sync_names("((,)").names, ElementsAre());
}

TEST(SyncNames, CaseDoesNotCountAndTheStarIsEverybody) {
  EXPECT_TRUE(is_sync_name("Berlin", "berlin"));
  EXPECT_TRUE(is_sync_name("*", "whoever"));
  EXPECT_FALSE(is_sync_name("berlin", "berlin2"));
}

TEST(SyncNames, IsPrintedSoThatItReadsBack) {
  for (const char* text : {"a", "FIRST 2 (a, \"B b\", c)", "ANY 1 (\"x\"\"y\", *)"}) {
    const SyncNames n = parse_sync_names(text), again = parse_sync_names(print_sync_names(n));
    EXPECT_EQ(again.names, n.names) << text;
    EXPECT_EQ(again.needed, n.needed) << text;
    EXPECT_EQ(again.any, n.any) << text;
  }
  EXPECT_EQ(print_sync_names({}), "");
}

}  // namespace
}  // namespace pgvigil
