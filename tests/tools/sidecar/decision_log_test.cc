#include "tools/sidecar/decision_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/scratch_folder.h"

namespace weir::sidecar::decision_log_test {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kStart = 20'000 * kDayUs;

std::vector<LogRow> rows_at(std::int64_t first_us, std::size_t count, std::int64_t step_us, std::size_t size = 100) {
  std::vector<LogRow> rows;
  std::uint64_t noise = static_cast<std::uint64_t>(first_us) | 1;
  for (std::size_t i = 0; i < count; ++i) {
    std::string record = std::to_string(first_us + static_cast<std::int64_t>(i) * step_us) + " ";
    while (record.size() < size) {
      noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
      record += static_cast<char>(noise >> 56);
    }
    rows.push_back({RowKind::decision, first_us + static_cast<std::int64_t>(i) * step_us, record});
  }
  return rows;
}

std::vector<std::int64_t> times_of(const DecisionLog& log, std::int64_t since_us, std::int64_t until_us) {
  std::vector<std::int64_t> times;
  EXPECT_TRUE(log.scan(
      from_us(since_us), from_us(until_us),
      [&](const LogRow& row) {
        times.push_back(row.time_us);
        return true;
      },
      nullptr));
  std::sort(times.begin(), times.end());
  return times;
}

TEST(LogBlock, RoundTripsAndRefusesDamage) {
  std::vector<LogRow> rows = rows_at(kStart, 500, 1000);
  rows[3].kind = RowKind::counters;
  const std::string block = encode_block(rows);
  const auto decoded = decode_block(block);
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ((*decoded)[i].record, rows[i].record);
    EXPECT_EQ((*decoded)[i].time_us, rows[i].time_us);
    EXPECT_EQ((*decoded)[i].kind, rows[i].kind);
  }
  EXPECT_FALSE(decode_block(block.substr(0, block.size() / 2)));
  EXPECT_FALSE(decode_block(block.substr(0, 10)));
  std::string other = block;
  other[0] = 99;
  ASSERT_FALSE(decode_block(other));
  EXPECT_EQ(decode_block(other).error().code, ErrorCode::incompatible);
}

TEST(DecisionLog, SmallBatchesBecomeLargeBlocksAndNoRowIsLostOrDoubled) {
  const test::ScratchFolder scratch;
  {
    auto log = DecisionLog::open(scratch / "log");
    ASSERT_TRUE(log) << log.error().message;
    for (int batch = 0; batch < 60; ++batch) {
      ASSERT_TRUE((*log)->append(rows_at(kStart + batch * 1'000'000, 600, 1000, 40), {}));
      if (batch % 20 == 0) {
        EXPECT_EQ(times_of(**log, kStart, kStart + kDayUs).size(), 600U * static_cast<unsigned>(batch + 1));
      }
    }
    EXPECT_EQ((*log)->totals().rows, 36'000U);
  }
  auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log);
  EXPECT_EQ((*log)->totals().rows, 36'000U) << "what waited to become a large block is still counted";
  const auto times = times_of(**log, kStart, kStart + kDayUs);
  EXPECT_EQ(times.size(), 36'000U);
  EXPECT_EQ(std::adjacent_find(times.begin(), times.end()), times.end());
  EXPECT_EQ(*(*log)->totals().oldest, from_us(kStart));
}

TEST(DecisionLog, SearchSeeksToItsTimeRange) {
  const test::ScratchFolder scratch;
  auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log);
  // One row each minute for two days, out of order inside each batch, in blocks of at most ten minutes.
  for (int hour = 0; hour < 48; ++hour) {
    auto rows = rows_at(kStart + hour * 3'600'000'000LL, 60, 60'000'000, 40);
    std::reverse(rows.begin(), rows.end());
    ASSERT_TRUE((*log)->append(std::move(rows), {}));
  }
  struct Row {
    std::int64_t since_minutes;
    std::int64_t until_minutes;
    std::size_t rows;
  };
  for (const Row& row : {Row{0, 2880, 2880}, Row{0, 1, 1}, Row{1, 1, 0}, Row{95, 105, 10}, Row{2879, 4000, 1},
                         Row{-100, 0, 0}, Row{-100, 1, 1}, Row{1000, 1001, 1}}) {
    const auto times =
        times_of(**log, kStart + row.since_minutes * 60'000'000, kStart + row.until_minutes * 60'000'000);
    EXPECT_EQ(times.size(), row.rows) << row.since_minutes << " to " << row.until_minutes;
    for (const std::int64_t time : times) {
      EXPECT_GE(time, kStart + row.since_minutes * 60'000'000);
      EXPECT_LT(time, kStart + row.until_minutes * 60'000'000);
    }
  }
  std::int64_t newest = 0;
  ASSERT_TRUE((*log)->scan(
      WallTime::min(), WallTime::max(),
      [&](const LogRow& row) {
        newest = row.time_us;
        return false;
      },
      nullptr));
  EXPECT_EQ(newest, kStart + 2879LL * 60'000'000) << "newest first";
}

TEST(DecisionLog, RetentionByAge) {
  const test::ScratchFolder scratch;
  auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log);
  for (int hour = 0; hour < 24; ++hour) {
    ASSERT_TRUE((*log)->append(rows_at(kStart + hour * 3'600'000'000LL, 10, 1'000'000), {}));
  }
  const WallTime now = from_us(kStart + kDayUs);
  const auto dropped = (*log)->retain({std::chrono::hours(6), UINT64_MAX}, now);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(*dropped, 18U);
  EXPECT_EQ(times_of(**log, 0, kStart + 2 * kDayUs).size(), 60U);
  EXPECT_EQ((*log)->totals().rows, 60U);
  ASSERT_TRUE((*log)->retain({std::chrono::hours(6), UINT64_MAX}, now + std::chrono::hours(48)));
  EXPECT_EQ(times_of(**log, 0, kStart + 2 * kDayUs).size(), 0U) << "also rows that wait to become a large block";
  EXPECT_EQ((*log)->totals().rows, 0U);
}

TEST(DecisionLog, RetentionBySizeGivesTheDiskBack) {
  const test::ScratchFolder scratch;
  auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log);
  constexpr std::uint64_t kSize = 8 << 20;
  std::uint64_t most = 0;
  for (int batch = 0; batch < 40; ++batch) {
    ASSERT_TRUE((*log)->append(rows_at(kStart + batch * 1'000'000'000LL, 8192, 1000, 200), {}));  // 1.6 MB each
    ASSERT_TRUE((*log)->retain({std::chrono::hours(24 * 365), kSize}, from_us(kStart + kDayUs)));
    most = std::max(most, (*log)->totals().bytes);
  }
  EXPECT_LE(most, kSize + (4 << 20)) << "the bound and the rows that wait";
  const auto times = times_of(**log, 0, kStart + kDayUs);
  EXPECT_EQ(times.back(), kStart + 39 * 1'000'000'000LL + 8191 * 1000) << "the newest stay";
  EXPECT_GT(times.front(), kStart);
  log->reset();  // until then RocksDB's own threads may be taking files away while they are counted
  std::uint64_t on_disk = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "log")) {
    if (entry.path().extension() == ".sst") on_disk += entry.file_size();
  }
  EXPECT_LE(on_disk, 4 * kSize) << "64 MB were written";
}

TEST(DecisionLog, SecondOpenerIsTold) {
  const test::ScratchFolder scratch;
  auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log);
  const auto second = DecisionLog::open(scratch / "log");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy) << second.error().message;
}

TEST(DecisionLog, RemembersWhatIdsMeant) {
  const test::ScratchFolder scratch;
  PolicySet before = PolicySet::with_defaults();
  before.lists.push_back({ListId{16}, "ads", ListKind::block, {}, kRankBlock, {}, {}, {}, {}, {}, {}});
  PolicySet after = PolicySet::with_defaults();
  {
    auto log = DecisionLog::open(scratch / "log");
    ASSERT_TRUE(log);
    EXPECT_FALSE((*log)->knows_names(GenerationNumber{5}));
    ASSERT_TRUE((*log)->remember_names(GenerationNumber{5}, before));
    ASSERT_TRUE((*log)->remember_names(GenerationNumber{6}, before));
    ASSERT_TRUE((*log)->remember_names(GenerationNumber{7}, after));
  }
  auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log);
  for (const std::uint64_t number : {5, 6}) {
    const auto names = (*log)->names(GenerationNumber{number});
    ASSERT_TRUE(names) << number;
    ASSERT_NE(names->find_list("ads"), nullptr);
    EXPECT_EQ(names->find_list("ads")->id, ListId{16});
  }
  ASSERT_TRUE((*log)->names(GenerationNumber{7}));
  EXPECT_EQ((*log)->names(GenerationNumber{7})->find_list("ads"), nullptr);
  EXPECT_EQ((*log)->names(GenerationNumber{8}), nullptr);
}

}  // namespace
}  // namespace weir::sidecar::decision_log_test
