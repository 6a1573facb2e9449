#include "tools/sidecar/drain.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/scratch_folder.h"
#include "tools/log/walk.h"
#include "zones/link/decision.h"
#include "zones/link/ring.h"

namespace weir::sidecar::drain_test {
namespace {

constexpr WallTime kNow{std::chrono::hours(24 * 20'000)};

// A log that loses its nerve: it writes, and then says that it did not; or it dies before its ring is released.
class FailingLog final : public log::LogWriter {
 public:
  explicit FailingLog(log::LogWriter& log) : log_(log) {}
  enum class Fault : std::uint8_t { none, before_write, after_write } fault = Fault::none;

  Result<void> append(const log::RecordBatch& batch, const std::vector<log::RingMark>& marks) override {
    if (fault == Fault::before_write) return Error{ErrorCode::io, "disk full"};
    auto done = log_.append(batch, marks);
    if (fault == Fault::after_write) return Error{ErrorCode::io, "killed"};
    return done;
  }
  std::optional<log::RingMark> mark(const std::string& ring) const override { return log_.mark(ring); }
  bool knows_names(GenerationNumber generation) const override { return log_.knows_names(generation); }
  Result<void> remember_names(GenerationNumber generation, const PolicySet& policies) override {
    return log_.remember_names(generation, policies);
  }

 private:
  log::LogWriter& log_;
};

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() : log_(std::move(*log::DecisionLog::open(scratch_ / "log"))), failing_(*log_) {
    std::filesystem::create_directories(run());
    fresh_drain();
  }
  std::filesystem::path run() const { return scratch_ / "run"; }
  // As after a restart: nothing is remembered but what the log holds.
  void fresh_drain() {
    const NamesSource names = [](GenerationNumber number) {
      PolicySet policies = PolicySet::with_defaults();
      policies.groups.push_back({"kids of " + std::to_string(number.value), {}, 0});
      return std::make_shared<const PolicySet>(std::move(policies));
    };
    drain_ = std::make_unique<Drain>(run(), failing_, feed_, names);
  }
  std::unique_ptr<RingProducer> producer(unsigned worker, std::size_t size = kDefaultRingBytes) {
    auto ring = RingProducer::open(ring_file(run(), worker), size);
    EXPECT_TRUE(ring) << ring.error().message;
    return std::move(*ring);
  }
  bool push(RingProducer& ring, unsigned number) {
    Decision decision;
    decision.time = kNow + std::chrono::milliseconds(number);
    decision.qname = *Name::parse("host" + std::to_string(number) + ".example");
    decision.generation = GenerationNumber{3};
    std::array<std::uint8_t, kMaxRecordSize> buffer;
    const std::size_t size = encode(decision, buffer);
    return ring.push({buffer.data(), size});
  }
  Drain::Turn turn() {
    const auto done = drain_->turn({SteadyTime(++seconds_ * std::chrono::seconds(2)), kNow});
    EXPECT_TRUE(done) << done.error().message;
    return done ? *done : Drain::Turn{};
  }
  // Names in the log; a row that is there twice fails.
  std::set<std::string> names() const {
    std::set<std::string> names;
    EXPECT_TRUE(log::walk_decisions(*log_, WallTime::min(), {}, [&](const log::LoggedDecision& logged) {
      const std::string name = logged.decision.qname.to_text();
      EXPECT_TRUE(names.insert(name).second) << name;
      return true;
    }));
    return names;
  }

  test::ScratchFolder scratch_;
  LogFeed feed_;
  std::unique_ptr<log::DecisionLog> log_;
  FailingLog failing_;
  std::unique_ptr<Drain> drain_;
  int seconds_ = 0;
};

TEST_F(DrainTest, BringsEveryWorkersDecisionsIntoTheLog) {
  const auto watcher = feed_.watch();
  auto first = producer(0);
  auto second = producer(1);
  for (unsigned i = 0; i < 100; ++i) ASSERT_TRUE(push(i % 2 == 0 ? *first : *second, i));
  EXPECT_EQ(turn().rows, 100U);
  EXPECT_EQ(names().size(), 100U);
  EXPECT_TRUE(log_->knows_names(GenerationNumber{3}));
  std::uint64_t missed = 0;
  const auto watched = watcher->take(std::chrono::milliseconds(0), missed);
  ASSERT_EQ(watched.size(), 1U);
  EXPECT_EQ(watched[0]->size(), 100U);
  EXPECT_EQ(missed, 0U);
  EXPECT_EQ(turn().rows, 0U);
  auto late = producer(2);  // a worker that is there only now
  ASSERT_TRUE(push(*late, 1000));
  EXPECT_EQ(turn().rows, 1U);
}

// Both may come in one turn, behind a reload.
TEST_F(DrainTest, CountersAreOfTheGroupsOfTheirGeneration) {
  auto ring = producer(0);
  for (const std::uint64_t number : {5, 6}) {
    CounterRecord counters;
    counters.generation = {number};
    counters.time = kNow;
    counters.group = 1;
    counters.queries = number;
    std::array<std::uint8_t, kMaxRecordSize> buffer;
    ASSERT_TRUE(ring->push(std::span(buffer).first(encode(counters, buffer))));
  }
  EXPECT_EQ(turn().rows, 2U);
  const auto sums = log_->read_counters(0, INT64_MAX, log::kMinuteMs, log::Groups::apart);
  ASSERT_TRUE(sums);
  ASSERT_EQ(sums->sums.size(), 2U);
  for (const auto& [sum, number] : {std::pair{sums->sums[0], 5}, {sums->sums[1], 6}}) {
    EXPECT_EQ(log_->group_name(sum.group), "kids of " + std::to_string(number));
    EXPECT_EQ(sum.queries, static_cast<std::uint64_t>(number));
  }
}

TEST_F(DrainTest, ADeathBetweenWriteAndReleaseDoublesNothing) {
  auto ring = producer(0);
  for (unsigned i = 0; i < 50; ++i) ASSERT_TRUE(push(*ring, i));
  failing_.fault = FailingLog::Fault::after_write;
  EXPECT_FALSE(drain_->turn({SteadyTime(std::chrono::hours(1)), kNow}));
  failing_.fault = FailingLog::Fault::none;
  for (unsigned i = 50; i < 70; ++i) ASSERT_TRUE(push(*ring, i));
  fresh_drain();
  EXPECT_EQ(turn().rows, 20U) << "the first fifty are in the log already";
  EXPECT_EQ(names().size(), 70U);
  fresh_drain();  // released this time
  for (unsigned i = 70; i < 90; ++i) ASSERT_TRUE(push(*ring, i));
  EXPECT_EQ(turn().rows, 20U);
  EXPECT_EQ(names().size(), 90U);
}

TEST_F(DrainTest, AFailedWriteLosesNothing) {
  auto ring = producer(0);
  for (unsigned i = 0; i < 50; ++i) ASSERT_TRUE(push(*ring, i));
  failing_.fault = FailingLog::Fault::before_write;
  EXPECT_FALSE(drain_->turn({SteadyTime(std::chrono::hours(1)), kNow}));
  EXPECT_FALSE(drain_->turn({SteadyTime(std::chrono::hours(1)), kNow}));
  failing_.fault = FailingLog::Fault::none;
  for (unsigned i = 50; i < 60; ++i) ASSERT_TRUE(push(*ring, i));
  EXPECT_EQ(turn().rows, 60U);
  EXPECT_EQ(names().size(), 60U);
}

TEST_F(DrainTest, WhatAFullRingDroppedIsARowOfItsOwn) {
  auto ring = producer(4, 16 << 10);
  unsigned pushed = 0;
  unsigned dropped = 0;
  for (unsigned i = 0; i < 500; ++i) (push(*ring, i) ? pushed : dropped) += 1;
  ASSERT_GT(dropped, 0U);
  const std::int64_t first_ms = log::to_ms(kNow);
  EXPECT_EQ(turn().rows, pushed + 1);
  EXPECT_EQ(log_->totals().dropped, dropped);
  log::LostRecord lost;
  EXPECT_TRUE(
      log_->scan_events(0, INT64_MAX, [&](log::RecordSort sort, std::int64_t, std::span<const std::uint8_t> record) {
        return sort != log::RecordSort::lost || !log::decode(record, lost);
      }));
  EXPECT_EQ(lost.worker, 4U);
  EXPECT_EQ(lost.dropped, dropped);
  EXPECT_EQ(lost.since_ms, first_ms) << "behind the first that waited";
  const auto missing = log_->losses(first_ms, first_ms + 1);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].rows, dropped);
  EXPECT_EQ(missing[0].last_ms, log::to_ms(kNow));
  EXPECT_TRUE(log_->losses(0, first_ms).empty());
  fresh_drain();
  EXPECT_EQ(turn().rows, 0U) << "told once, also after a restart";
  EXPECT_EQ(log_->totals().dropped, dropped);
}

TEST_F(DrainTest, WhatIsLostWhileItDrainsCameBehindTheTurnBefore) {
  auto ring = producer(4, 16 << 10);
  const auto turn_at = [&](std::chrono::seconds passed) {
    return drain_->turn({SteadyTime(std::chrono::hours(1) + passed), kNow + passed}).has_value();
  };
  ASSERT_TRUE(turn_at(std::chrono::seconds(5)));
  ASSERT_TRUE(turn_at(std::chrono::seconds(10)));
  for (unsigned i = 0; i < 500; ++i) push(*ring, 11'000 + i);
  failing_.fault = FailingLog::Fault::before_write;
  EXPECT_FALSE(turn_at(std::chrono::seconds(15)));
  failing_.fault = FailingLog::Fault::none;
  ASSERT_TRUE(turn_at(std::chrono::seconds(20)));
  const auto missing = log_->losses(INT64_MIN, INT64_MAX);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].first_ms, log::to_ms(kNow) + 10'000);
  EXPECT_EQ(missing[0].last_ms, log::to_ms(kNow) + 20'000);
}

TEST_F(DrainTest, AReplacedRingFileIsFollowed) {
  auto ring = producer(0);
  ASSERT_TRUE(push(*ring, 1));
  EXPECT_EQ(turn().rows, 1U);
  ring.reset();
  std::filesystem::remove(ring_file(run(), 0));
  ring = producer(0);
  ASSERT_TRUE(push(*ring, 2));
  EXPECT_EQ(turn().rows, 1U);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(DrainTest, MoreThanOneTurnHoldsIsSaidSo) {
  auto ring = producer(0);
  for (unsigned i = 0; i < kDrainRecords + 10; ++i) ASSERT_TRUE(push(*ring, i));
  const Drain::Turn first = turn();
  EXPECT_EQ(first.rows, kDrainRecords);
  EXPECT_TRUE(first.more);
  const Drain::Turn second = turn();
  EXPECT_EQ(second.rows, 10U);
  EXPECT_FALSE(second.more);
}

}  // namespace
}  // namespace weir::sidecar::drain_test
