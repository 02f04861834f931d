#include "agent/host/deploys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/core/text.h"

namespace pgvigil {
namespace {

using testing::HasSubstr;

const Time now = parse_time("2026-11-27T08:00:00Z").value();

TEST(ParseTime, Rfc3339AndUnixSeconds) {
  EXPECT_EQ(rfc3339(parse_time("2026-11-27T08:00:00Z").value()), "2026-11-27T08:00:00.000Z");
  EXPECT_EQ(parse_time("2026-11-27T08:00:00.25Z"), after(now, 0.25));
  EXPECT_EQ(parse_time("2026-11-27 10:30:00+02:30"), now);
  EXPECT_EQ(parse_time("2026-11-27T05:00:00-03:00"), now);
  EXPECT_EQ(parse_time(std::to_string(now.time_since_epoch().count() / 1000)), now);
  for (const char* wrong :
       {"", "now", "2026-13-27T08:00:00Z", "2026-02-30T08:00:00Z", "2026-11-27T24:00:00Z", "2026-11-27T08:00:00",
        "2026-11-27T08:00:00+25:00", "-5", "1e300", "nan", "12x", "2026-11-27T08:00:00+0a:00", "2026_11-27T08:00:00Z"})
    EXPECT_FALSE(parse_time(wrong)) << wrong;
}

TEST(Deploys, ALineIsATimeAndAText) {
  const auto read =
      parse_deploys("2026-11-27T07:00:00Z shop 1.2.3\n# a comment\n\n1795762800 api\r\nhalf a line", false, now);
  ASSERT_EQ(read.deploys.size(), 2U);
  EXPECT_EQ(read.deploys[0].at, after(now, -3600));
  EXPECT_EQ(read.deploys[0].kind, "deploy");
  EXPECT_EQ(read.deploys[0].sentence, "shop 1.2.3");
  EXPECT_EQ(read.deploys[1].sentence, "api");
  EXPECT_EQ(read.trouble, "");
}

TEST(Deploys, WhatIsNoDeployIsToldOnceAndCostsOnlyItself) {
  const auto read =
      parse_deploys("yesterday shop\nnever shop\n2026-11-27T07:00:00Z\n2099-01-01T00:00:00Z later\n", false, now);
  ASSERT_EQ(read.deploys.size(), 1U);
  EXPECT_EQ(read.deploys[0].sentence, "deploy");
  EXPECT_THAT(read.trouble, HasSubstr("line 1: not a deploy: \"yesterday shop\""));
}

TEST(Deploys, AFileIsReadAgainWhenItHasGrown) {
  char name[] = "/tmp/pgvigil-deploys-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string path = std::string(name) + "/deploys";
  DeploysFile file(path);
  EXPECT_THAT(file.changed(now).trouble, HasSubstr("cannot be read yet"));
  EXPECT_EQ(file.changed(now).trouble, "") << "told once";
  std::ofstream(path) << "2026-11-27T07:00:00Z one\n";
  EXPECT_EQ(file.changed(now).deploys.size(), 1U);
  EXPECT_TRUE(file.changed(now).deploys.empty());
  std::ofstream(path, std::ios::app) << "2026-11-27T07:30:00Z two\n";
  EXPECT_EQ(file.changed(now).deploys.size(), 2U);
  EXPECT_FALSE(file.changed(now).fresh);
  std::ofstream(path).close();
  const auto emptied = file.changed(now);
  EXPECT_TRUE(emptied.fresh) << "what it no longer holds is to go";
  EXPECT_TRUE(emptied.deploys.empty());
  std::ofstream out(path);  // long: its newest part counts
  for (int i = 0; i < 20'000; ++i) out << "2026-11-27T07:00:00Z a deploy\n";
  out << "2026-11-27T07:30:00Z the last\n";
  out.close();
  const auto read = file.changed(now);
  EXPECT_EQ(read.trouble, "");
  ASSERT_FALSE(read.deploys.empty());
  EXPECT_LT(read.deploys.size(), 3'000U);
  EXPECT_EQ(read.deploys.back().sentence, "the last");
  std::filesystem::remove_all(name);
  EXPECT_TRUE(file.changed(now).fresh);
  EXPECT_FALSE(file.changed(now).fresh);
}

}  // namespace
}  // namespace pgvigil
