#include "tools/sidecar/schedule.h"

#include <gtest/gtest.h>

namespace weir::sidecar::schedule_test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Schedule, JitterStaysWithinFivePerCent) {
  for (std::uint64_t chance = 0; chance < 1000; ++chance) {
    const seconds next = next_after_success(hours(24), chance);
    EXPECT_GE(next, seconds(86400 * 95 / 100));
    EXPECT_LE(next, seconds(86400 * 105 / 100));
  }
  EXPECT_NE(next_after_success(hours(24), 0), next_after_success(hours(24), 100));
}

TEST(Schedule, FailuresBackOffUpToTheInterval) {
  const std::uint64_t even = 50;  // no jitter
  EXPECT_EQ(next_after_failure(hours(24), 1, even), seconds(60));
  EXPECT_EQ(next_after_failure(hours(24), 2, even), seconds(120));
  EXPECT_EQ(next_after_failure(hours(24), 5, even), seconds(960));
  EXPECT_EQ(next_after_failure(hours(24), 1000, even), seconds(86400));
  EXPECT_EQ(next_after_failure(seconds(10), 1, even), seconds(10));
  EXPECT_GE(next_after_failure(milliseconds(1), 1, 0), seconds(1))
      << "never at once: a failing source is left in peace";
}

TEST(Schedule, ZonesAreAskedForAsOftenAsTheySayWithinBounds) {
  EXPECT_EQ(zone_interval(hours(24), 0), hours(24));
  EXPECT_EQ(zone_interval(hours(24), 3600), hours(1));
  EXPECT_EQ(zone_interval(hours(24), 1), seconds(10));
  EXPECT_EQ(zone_interval(hours(24), 0xFFFFFFFF), hours(24));
  EXPECT_EQ(zone_interval(seconds(5), 3600), seconds(5));
}

TEST(Schedule, WhatFailedOrIsHeldWaitsUntilItIsDefinedOtherwise) {
  ListState imported;
  imported.import = {3};
  imported.source = imported.tried = "https://a.example/l";
  imported.reading = "r";
  imported.next_fetch_s = 5000;
  ListState failed = imported;  // imported once, then failed
  failed.failures = 2;
  ListState never = failed;
  never.import = {};
  never.source.clear();
  ListState held;  // as it is behind a first version that a guard holds
  held.tried = "https://a.example/l";
  held.held.sha256 = "abc";
  held.held.source = "https://a.example/l";
  held.held.reading = "r";
  held.next_fetch_s = 5000;
  ListState held_later = held;  // of another source, and read otherwise than what is in force
  held_later.import = {3};
  held_later.source = "https://z.example/l";
  held_later.reading = "q";
  ListState held_failed = held;
  held_failed.failures = 1;
  const struct {
    const char* what;
    const ListState& state;
    const char* source;
    const char* reading;
    std::int64_t due;
  } rows[] = {{"fresh", ListState{}, "https://a.example/l", "r", 0},
              {"imported", imported, "https://a.example/l", "r", 5000},
              {"read otherwise", imported, "https://a.example/l", "s", 0},
              {"moved", imported, "https://b.example/l", "r", 0},
              {"failed", failed, "https://a.example/l", "r", 5000},
              {"failed, read otherwise", failed, "https://a.example/l", "s", 5000},
              {"failed, moved", failed, "https://b.example/l", "r", 0},
              {"never imported", never, "https://a.example/l", "r", 5000},
              {"never imported, moved", never, "https://b.example/l", "r", 0},
              {"held", held, "https://a.example/l", "r", 5000},
              {"held, read otherwise", held, "https://a.example/l", "s", 0},
              {"held, moved", held, "https://b.example/l", "r", 0},
              {"held later", held_later, "https://a.example/l", "r", 5000},
              {"held later, what is in force again", held_later, "https://z.example/l", "q", 5000},
              {"held, then failed", held_failed, "https://a.example/l", "r", 5000},
              {"held, then failed, moved", held_failed, "https://b.example/l", "r", 0}};
  for (const auto& row : rows) EXPECT_EQ(due_at(row.state, row.source, row.reading), row.due) << row.what;
}

}  // namespace
}  // namespace weir::sidecar::schedule_test
