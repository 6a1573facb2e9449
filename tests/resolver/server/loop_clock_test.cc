#include "resolver/server/loop_clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::loop_clock_test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

const SteadyTime kStart{std::chrono::hours(1)};

TEST(TurnClock, TellsTheCpuTimeSinceTheTurnBegan) {
  TurnClock clock;
  clock.begin(kStart, milliseconds(70));
  const auto took = clock.end(kStart + milliseconds(30), [] { return milliseconds(72); });
  ASSERT_TRUE(took);
  EXPECT_EQ(*took, milliseconds(2)) << "30 ms went by, 28 of them the thread did not run";
}

TEST(TurnClock, ReadsNoCpuTimeForAShortTurn) {
  TurnClock clock;
  int readings = 0;
  const auto read = [&] {
    ++readings;
    return milliseconds(5000);
  };
  clock.begin(kStart, milliseconds(1));
  EXPECT_FALSE(clock.end(kStart + microseconds(99), read));
  EXPECT_EQ(readings, 0);
}

TEST(TurnClock, ForgetsTheTurnBefore) {
  TurnClock clock;
  clock.begin(kStart, milliseconds(1));
  EXPECT_TRUE(clock.end(kStart + milliseconds(1), [] { return milliseconds(2); }));
  EXPECT_FALSE(clock.has_begun());
  EXPECT_FALSE(clock.end(kStart + milliseconds(500), [] { return milliseconds(400); })) << "it never began";
}

TEST(LoopClock, MeasuresWhatThisThreadDoes) {
  LoopClock clock;
  EXPECT_FALSE(clock.end_turn());
  clock.measure_turn();
  std::this_thread::sleep_for(milliseconds(20));  // takes no CPU time
  const auto slept = clock.end_turn();
  ASSERT_TRUE(slept);
  EXPECT_LT(*slept, milliseconds(10));

  clock.measure_turn();
  const auto until = std::chrono::steady_clock::now() + milliseconds(5);
  while (std::chrono::steady_clock::now() < until) {
  }
  const auto worked = clock.end_turn();
  ASSERT_TRUE(worked);
  EXPECT_GT(*worked, microseconds(1)) << "it is at least counted, on however busy a machine";
}

}  // namespace
}  // namespace weir::loop_clock_test
