#include "agent/commands/when.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "agent/core/text.h"

namespace pgvigil {
namespace {

// 2026-11-26 08:30:00Z
const Time now = Time{} + std::chrono::seconds(1'795'681'800);

class When : public ::testing::Test {
 protected:
  static void zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  void TearDown() override { zone("UTC"); }
  static std::string at(std::string_view text) {
    const auto t = parse_when(text, now);
    return t ? utc(*t) : "";
  }
};

TEST_F(When, ATimeIsOfTheTerminalsZoneUnlessItSaysSo) {
  ASSERT_EQ(utc(now), "2026-11-26 08:30:00Z");
  zone("Europe/Berlin");
  EXPECT_EQ(at("08:00"), "2026-11-26 07:00:00Z");
  EXPECT_EQ(at("9:15:30"), "2026-11-26 08:15:30Z");
  EXPECT_EQ(at("10:00"), "2026-11-25 09:00:00Z") << "not yet today: yesterday";
  EXPECT_EQ(at("yesterday 23:30"), "2026-11-25 22:30:00Z");
  EXPECT_EQ(at("2026-11-26 08:00"), "2026-11-26 07:00:00Z");
  EXPECT_EQ(at("2026-07-01T08:00:05"), "2026-07-01 06:00:05Z") << "summer";
  EXPECT_EQ(at("2026-11-26"), "2026-11-25 23:00:00Z");
  EXPECT_EQ(at("2026-11-26T08:00:00Z"), "2026-11-26 08:00:00Z");
  EXPECT_EQ(at("2026-11-26T08:00:00.250Z"), "2026-11-26 08:00:00Z");
  EXPECT_EQ(at("2026-11-26 08:00+05:30"), "2026-11-26 02:30:00Z");
  EXPECT_EQ(at("2026-11-26 08:00 -0100"), "2026-11-26 09:00:00Z");
  EXPECT_EQ(at("08:00Z"), "2026-11-26 08:00:00Z");
  EXPECT_EQ(at("10 min ago"), "2026-11-26 08:20:00Z");
  EXPECT_EQ(at("2 hours ago"), "2026-11-26 06:30:00Z");
  EXPECT_EQ(at(" now "), "2026-11-26 08:30:00Z");
}

TEST_F(When, WhatIsNoTimeIsNone) {
  for (const char* text : {"", "noon", "25:00", "08:60", "8", "2026-13-01 08:00", "2026-02-30 08:00", "08:00 Mars",
                           "2026-11-26 08:00+99:00", "ago", "ten min ago", "08:00:00:00", "-5 min ago"})
    EXPECT_EQ(at(text), "") << text;
}

TEST_F(When, UtcIsPrintedAndWhatTheClockSaysHere) {
  EXPECT_EQ(utc_and_here(now), "2026-11-26 08:30:00Z");
  zone("Europe/Berlin");
  EXPECT_EQ(utc_and_here(now), "2026-11-26 08:30:00Z (09:30:00 CET here)");
  zone("Asia/Tokyo");
  EXPECT_EQ(utc_and_here(now + std::chrono::hours(8)), "2026-11-26 16:30:00Z (2026-11-27 01:30:00 JST here)");
}

TEST_F(When, Durations) {
  EXPECT_EQ(parse_duration("5s"), 5);
  EXPECT_EQ(parse_duration("2 hours"), 7200);
  EXPECT_EQ(parse_duration("10 min"), 600);
  EXPECT_EQ(parse_duration("1d"), 86400);
  EXPECT_FALSE(parse_duration("a while"));
  EXPECT_FALSE(parse_duration("-1 h"));
}

}  // namespace
}  // namespace pgvigil
