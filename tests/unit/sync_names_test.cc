// synchronous_standby_names as the server reads it, and which part of a standby commits wait for.
#include "checks/sync_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks/check.h"
#include "checks/probes/activity.h"
#include "checks/probes/standbys.h"
#include "checks/probes/wal.h"

namespace pgvigil {

extern const Check sync_standby_missing;

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

// A standby that has written all and applies nothing answers; what it needs is not to be brought back.
TEST(SyncStandby, ThatDoesNotApplyWhatItHasIsToldFromOneThatIsSilent) {
  const auto said = [](std::int64_t unflushed, std::int64_t unreplayed) {
    Wal w;
    w.synchronous_standby_names = "berlin";
    Standby b;
    b.application = "berlin", b.state = "streaming", b.sync_state = "sync";
    b.unflushed = unflushed, b.unreplayed = unreplayed;
    Session s;
    s.pid = 7, s.backend_type = "client backend", s.state = "active", s.wait_event_type = "IPC";
    s.wait_event = "SyncRep", s.query = "COMMIT", s.query_age = 20;
    Scenario past;
    past.saw(0, wal, {w}).saw(0, standbys, {b}).saw(0, activity, {s});
    const CheckSettings settings;
    const auto found = sync_standby_missing.evaluate(Input(past.history, past.context, settings, past.at));
    return found.size() == 1 ? found[0].sentence + "; " + found[0].fix : "";
  };
  EXPECT_THAT(said(0, 1'600),
              HasSubstr("has it all but does not apply it, as remote_apply asks for; let berlin apply"));
  EXPECT_THAT(said(1'600, 1'900), HasSubstr("is connected but does not confirm; bring berlin back"));
  EXPECT_THAT(said(0, 0), HasSubstr("does not confirm"));
}

}  // namespace
}  // namespace pgvigil
