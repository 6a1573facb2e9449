#include "tools/sinks/spool.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_folder.h"

namespace weir::sinks::spool_test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kWriter = 77;
constexpr std::uint64_t kBound = 1 << 20;
constexpr std::chrono::milliseconds kNow{0};

PackedBatch batch_of(std::uint64_t number, std::uint32_t rows, std::size_t size = 100) {
  return {{kWriter, number}, rows, std::string(size, static_cast<char>('a' + number % 26))};
}

class SpoolTest : public ::testing::Test {
 protected:
  SpoolTest() { open(); }
  // As after a restart.
  void open(std::uint64_t bound = kBound) {
    spool_.reset();
    auto spool = Spool::open(folder(), bound, log_);
    ASSERT_TRUE(spool) << spool.error().message;
    spool_ = std::move(*spool);
  }
  fs::path folder() const { return scratch_ / "spool"; }
  void put(std::uint32_t rows, std::size_t size = 100) {
    const PackedBatch batch = batch_of(log_.number + 1, rows, size);
    spool_->append(batch);
    log_.number += 1;
    log_.rows += rows;
    spool_->commit(batch.id);
  }
  std::vector<std::uint64_t> take(std::uint64_t max_rows = 1'000'000) {
    taken_ = spool_->take(max_rows, kNow, interrupt_);
    std::vector<std::uint64_t> numbers;
    for (const PackedBatch& batch : taken_.batches) {
      EXPECT_EQ(batch.payload, batch_of(batch.id.number, 0, batch.payload.size()).payload);
      numbers.push_back(batch.id.number);
    }
    return numbers;
  }
  void done() { spool_->done(taken_, {}); }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder())) {
      if (entry.path().extension() == ".batches") found.push_back(entry.path());
    }
    return found;
  }
  using Numbers = std::vector<std::uint64_t>;

  test::ScratchFolder scratch_;
  Interrupt interrupt_;
  LogPosition log_{kWriter, 0, 0};
  std::unique_ptr<Spool> spool_;
  Taken taken_;
};

TEST_F(SpoolTest, GivesBatchesInOrderAndAgainUntilTheyAreDone) {
  for (int i = 0; i < 5; ++i) put(10);
  EXPECT_EQ(take(25), (Numbers{1, 2})) << "whole batches only";
  EXPECT_EQ(take(5), (Numbers{1})) << "at least one";
  open();
  EXPECT_EQ(take(25), (Numbers{1, 2}));
  done();
  EXPECT_EQ(take(), (Numbers{3, 4, 5}));
  open();
  EXPECT_EQ(take(), (Numbers{3, 4, 5}));
  done();
  EXPECT_EQ(spool_->totals().sent, 50U);
  put(1);
  EXPECT_EQ(take(), (Numbers{6}));
  done();
  open();
  EXPECT_EQ(spool_->totals().waiting, 0U);
  EXPECT_EQ(spool_->totals().sent, 51U);
  EXPECT_EQ(spool_->totals().dropped, 0U);
}

TEST_F(SpoolTest, WhatTheLogDoesNotHaveIsNotGiven) {
  put(10);
  spool_->append(batch_of(2, 7));  // and then the log fails: the same number comes with other decisions
  put(9);
  EXPECT_EQ(take(), (Numbers{1, 2}));
  EXPECT_EQ(taken_.rows, 19U);
  spool_->append(batch_of(3, 7));  // and then this process dies
  open();
  EXPECT_EQ(take(), (Numbers{1, 2}));
  EXPECT_EQ(spool_->totals().waiting, 19U);
  put(5);
  EXPECT_EQ(take(), (Numbers{1, 2, 3}));
  EXPECT_EQ(taken_.rows, 24U);
}

TEST_F(SpoolTest, HalfABatchAtTheEndIsCutOff) {
  put(10);
  {
    std::ofstream out(files().front(), std::ios::app | std::ios::binary);
    out << "WSB1 and no more";
  }
  open();
  put(10);
  EXPECT_EQ(take(), (Numbers{1, 2}));
}

TEST_F(SpoolTest, BeyondItsBoundTheNewestAreDroppedAndCounted) {
  open(kBound);
  for (int i = 0; i < 30; ++i) put(10, 100 << 10);
  const SpoolTotals full = spool_->totals();
  EXPECT_LE(full.bytes, kBound);
  EXPECT_EQ(full.waiting, 100U);
  EXPECT_EQ(full.dropped, 200U);
  open();
  EXPECT_EQ(spool_->totals().dropped, 200U);
  EXPECT_EQ(take(50), (Numbers{1, 2, 3, 4, 5}));
  done();
  put(10, 100 << 10);
  EXPECT_EQ(spool_->totals().dropped, 200U) << "there is space again";
  EXPECT_EQ(take(), (Numbers{6, 7, 8, 9, 10, 31})) << "a stretch without holes, then what is new";
  done();
  EXPECT_LE(files().size(), 1U);
  put(10, 2 << 20);
  EXPECT_EQ(take(), (Numbers{32})) << "one batch has space, however large";
}

TEST_F(SpoolTest, FilesThatAreDoneGo) {
  for (int i = 0; i < 20; ++i) {
    put(10, 60 << 10);
    take();
    done();
  }
  EXPECT_LE(files().size(), 2U);
  EXPECT_LE(spool_->totals().bytes, 256U << 10);
}

TEST_F(SpoolTest, ADamagedFileCostsItsRowsAndNoMore) {
  for (int i = 0; i < 4; ++i) put(10, 100 << 10);  // a file each
  ASSERT_EQ(files().size(), 4U);
  std::vector<fs::path> all = files();
  std::sort(all.begin(), all.end());
  fs::resize_file(all[1], 20);
  EXPECT_EQ(take(), (Numbers{1, 3, 4}));
  done();
  EXPECT_EQ(spool_->totals().sent, 30U);
  EXPECT_EQ(spool_->totals().dropped, 10U);
  EXPECT_EQ(spool_->totals().waiting, 0U);
}

TEST_F(SpoolTest, WhatIsInTheLogAndNotHereWasLost) {
  put(10);
  log_.number += 3;
  log_.rows += 30;  // the machine's power failed: the log was synced, this was not
  open();
  EXPECT_EQ(spool_->totals().waiting, 10U);
  EXPECT_EQ(spool_->totals().dropped, 30U);
  open();
  EXPECT_EQ(spool_->totals().dropped, 30U) << "counted once";
}

TEST_F(SpoolTest, AnotherLogLosesNothing) {
  put(10);
  log_ = {kWriter + 1, 0, 0};
  open();
  EXPECT_EQ(take(), (Numbers{1}));
  EXPECT_EQ(spool_->totals().dropped, 0U);
}

TEST_F(SpoolTest, ASlotOfTheStateThatIsTornCostsOneStep) {
  put(10);
  put(10);
  take(10);
  done();
  const SpoolState state{{kWriter, 1}, 10, 0, kWriter, 0, {5, 6}};
  const std::string slot = encode(state, 9);
  ASSERT_TRUE(decode_state(slot));
  EXPECT_EQ(decode_state(slot)->second, 9U);
  EXPECT_EQ(decode_state(slot)->first.place.size, 6U);
  for (std::size_t at = 0; at < 80; ++at) {
    std::string torn = slot;
    torn[at] = static_cast<char>(torn[at] ^ 1);
    EXPECT_FALSE(decode_state(torn)) << at;
  }
}

}  // namespace
}  // namespace weir::sinks::spool_test
