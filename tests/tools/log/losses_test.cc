#include "tools/log/losses.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/scratch_folder.h"
#include "tools/log/block_builder.h"
#include "tools/log/decision_log.h"
#include "tools/log/rollup.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"

namespace weir::log::losses_test {
namespace {

constexpr std::int64_t kStart = 20'000 * kDayMs;

class LossesTest : public ::testing::Test {
 protected:
  LossesTest() { open(); }
  void open() {
    log_.reset();
    auto log = DecisionLog::open(scratch_ / "log");
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
  }
  void lose(std::int64_t first_ms, std::int64_t last_ms, std::uint64_t decisions, std::uint64_t damaged_bytes = 0) {
    RecordBatch batch;
    put(batch, {1, decisions, damaged_bytes, first_ms}, last_ms);
    ASSERT_TRUE(log_->append(batch, {}));
  }
  static void put(RecordBatch& batch, const LostRecord& lost, std::int64_t time_ms) {
    const std::string record = encode(lost);
    batch.add(RecordSort::lost, time_ms, {reinterpret_cast<const std::uint8_t*>(record.data()), record.size()});
  }
  std::vector<MissingRows> all() const { return log_->losses(INT64_MIN, INT64_MAX); }

  test::ScratchFolder scratch_;
  std::unique_ptr<DecisionLog> log_;
};

TEST_F(LossesTest, OfOneMinuteBecomeOneAndStayKnown) {
  RecordBatch batch;
  put(batch, {0, 5, 0, kStart + 100}, kStart + 300);
  put(batch, {1, 7, 0, kStart + 50}, kStart + 300);
  ASSERT_TRUE(log_->append(batch, {}));
  lose(kStart + 30'000, kStart + 30'200, 10);
  lose(kStart + 59'000, kStart + 61'000, 20);  // reaches into the next minute
  lose(kStart + 100'000, kStart + 100'200, 1);
  lose(kStart + 180'000, kStart + 180'001, 0, 44);  // a minute without
  for (int start = 0; start < 2; ++start) {
    const auto found = all();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].first_ms, kStart + 50);
    EXPECT_EQ(found[0].last_ms, kStart + 100'200);
    EXPECT_EQ(found[0].rows, 43U);
    EXPECT_EQ(found[0].why, "a resolver's ring was full");
    EXPECT_EQ(found[0].cause, MissingRows::Cause::ring);
    EXPECT_EQ(found[1].rows, 0U) << "nobody knows";
    EXPECT_EQ(found[1].why, "44 octets of a resolver's ring were damaged");
    EXPECT_EQ(log_->totals().dropped, 43U);
    open();
  }
  EXPECT_TRUE(log_->losses(INT64_MIN, kStart + 50).empty());
  EXPECT_EQ(log_->losses(INT64_MIN, kStart + 51).size(), 1U);
  EXPECT_EQ(log_->losses(kStart + 100'200, kStart + 180'000).size(), 1U);
  EXPECT_TRUE(log_->losses(kStart + 100'201, kStart + 180'000).empty());
}

TEST_F(LossesTest, AClockThatGoesBackLosesNone) {
  lose(kStart + kHourMs, kStart + kHourMs + 10, 3);
  lose(kStart, kStart + 10, 4);
  for (int start = 0; start < 2; ++start) {
    ASSERT_EQ(all().size(), 1U);
    EXPECT_EQ(all()[0].first_ms, kStart);
    EXPECT_EQ(all()[0].last_ms, kStart + kHourMs + 10);
    EXPECT_EQ(all()[0].rows, 7U);
    open();
  }
}

TEST_F(LossesTest, ManyAreToldAsOne) {
  const auto count = static_cast<std::int64_t>(Losses::kMostApart);
  for (std::int64_t i = 0; i < count; ++i) lose(kStart + i * 2 * kMinuteMs, kStart + i * 2 * kMinuteMs + 10, 2);
  EXPECT_EQ(all().size(), Losses::kMostApart);
  lose(kStart + count * 2 * kMinuteMs, kStart + count * 2 * kMinuteMs + 10, 2);
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].rows, 2 * (Losses::kMostApart + 1));
  EXPECT_EQ(all()[0].first_ms, kStart);
  EXPECT_EQ(all()[0].last_ms, kStart + count * 2 * kMinuteMs + 10);
  EXPECT_EQ(log_->losses(kStart, kStart + kHourMs).size(), 30U) << "fewer, each for itself";
}

TEST_F(LossesTest, GoWithTheRowsOfTheirTime) {
  lose(kStart, kStart + 10, 3);
  lose(kStart + kDayMs, kStart + kDayMs + 10, 4);
  ASSERT_TRUE(log_->retain({std::chrono::hours(12), UINT64_MAX}, from_ms(kStart + kDayMs + kHourMs)));
  for (int start = 0; start < 2; ++start) {
    ASSERT_EQ(all().size(), 1U);
    EXPECT_EQ(all()[0].rows, 4U);
    open();
  }
}

TEST_F(LossesTest, SumsAndSearchesSayWhatTheyLack) {
  lose(kStart + 1000, kStart + 2000, 9);
  BlockMatcher everything({}, nullptr);
  for (const std::int64_t since_ms : {kStart, kStart + kHourMs}) {
    TopRequest top;
    top.range.since_ms = since_ms;
    top.range.until_ms = since_ms + kHourMs;
    TimelineRequest timeline;
    timeline.range = top.range;
    timeline.step_ms = kMinuteMs;
    const auto topmost = find_top(*log_, everything, top);
    const auto line = find_timeline(*log_, everything, timeline);
    const auto rows = search(*log_, everything, top.range, [](const Decision&, const Position&) { return true; });
    ASSERT_TRUE(topmost && line && rows);
    for (const SearchEnd* end : {&topmost->end, &line->end, &*rows}) {
      ASSERT_EQ(end->missing.size(), since_ms == kStart ? 1U : 0U);
      for (const MissingRows& each : end->missing) EXPECT_EQ(each.rows, 9U);
    }
  }
}

TEST_F(LossesTest, ARecordOfAnOlderWeirSaysNoBeginning) {
  RecordBatch batch;
  put(batch, {2, 77, 0}, kStart);
  ASSERT_TRUE(log_->append(batch, {}));
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].first_ms, kStart);
  LostRecord lost;
  ASSERT_TRUE(log_->scan_events(0, INT64_MAX, [&](RecordSort, std::int64_t, std::span<const std::uint8_t> record) {
    return decode(record, lost);
  }));
  EXPECT_EQ(lost.dropped, 77U);
  EXPECT_FALSE(lost.since_ms);
}

}  // namespace
}  // namespace weir::log::losses_test
