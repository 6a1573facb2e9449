#include "resolver/server/late_answers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::late_answers_test {
namespace {

using namespace std::chrono_literals;
using Fate = LateAnswers::Fate;

const Prefix kVictim = *Prefix::parse("198.51.100.0/24");
const Prefix kOther = *Prefix::parse("203.0.113.0/24");
const std::vector<std::uint8_t> kMessage(40, 1);

SteadyTime at(std::chrono::milliseconds time) {
  return SteadyTime() + 1h + time;
}

TEST(LateAnswers, OnlyHeldOnesArePaced) {
  LateAnswers late(1);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(late.fate_of(kVictim, 5000, at(0ms), at(500ms)), Fate::now);
  EXPECT_EQ(late.fate_of(kVictim, 1, at(0ms), at(501ms)), Fate::now);
  EXPECT_EQ(late.fate_of(kVictim, 1, at(0ms), at(501ms)), Fate::later);
  EXPECT_EQ(late.fate_of(kOther, 1, at(0ms), at(501ms)), Fate::now);  // each prefix by itself
}

// CVE-2024-33655: an authority answers thousands of questions at once.
TEST(LateAnswers, APulseLeavesAsATrickle) {
  for (const unsigned workers : {1U, 4U}) {
    LateAnswers late(workers);
    std::vector<SteadyTime> sent;
    const SteadyTime now = at(1200ms);
    for (int i = 0; i < 5000; ++i) {
      switch (late.fate_of(kVictim, 5000, at(0ms), now)) {
        case Fate::now:
          sent.push_back(now);
          break;
        case Fate::later:
          late.hold_back(kVictim, Miss{}, kMessage, now);
          break;
        case Fate::never:
          break;
      }
    }
    const std::size_t held = late.size();
    EXPECT_GT(held, 100U / workers);
    for (SteadyTime time = now; late.next_due(); time += 1ms) {
      ASSERT_LE(time, now + 3s);
      for (const auto& answer : late.take_due(time)) {
        EXPECT_EQ(answer.message, kMessage);
        sent.push_back(time);
      }
    }
    EXPECT_EQ(sent.size(), held + 1);
    for (auto first = sent.begin(), last = first; first != sent.end(); ++first) {
      while (last != sent.end() && *last - *first < 100ms) ++last;
      ASSERT_LE(last - first, 67 / static_cast<int>(workers) + 2);
    }
  }
}

TEST(LateAnswers, NothingLeavesThatNobodyCanBeWaitingFor) {
  LateAnswers late(1);
  EXPECT_EQ(late.fate_of(kVictim, 100, at(0ms), at(2001ms)), Fate::now);
  EXPECT_EQ(late.fate_of(kVictim, 101, at(0ms), at(2001ms)), Fate::never);
  EXPECT_EQ(late.fate_of(kOther, 101, at(0ms), at(2000ms)), Fate::now);
}

TEST(LateAnswers, ManyPrefixesLeaveNoMemoryBehind) {
  LateAnswers late(1);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Prefix prefix = Prefix::of(IpAddress::ipv4(i << 8), 24);
    EXPECT_EQ(late.fate_of(prefix, 1, at(0ms), at(600ms + std::chrono::milliseconds(i))), Fate::now);
  }
  EXPECT_LE(late.prefixes(), 2048U);
}

}  // namespace
}  // namespace weir::late_answers_test
