// Sums of counters equal a recount of their rows, whatever became of the log meanwhile.
#include "tools/log/counter_sums.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "tests/support/scratch_folder.h"
#include "tools/log/decision_log.h"
#include "tools/log/log_database.h"
#include "zones/link/decision.h"

namespace weir::log::counter_sums_test {
namespace {

constexpr std::int64_t kDay = 24 * kHourMs;
constexpr std::int64_t kStart = 20'000 * kDay;
const LogRetention kForever{std::chrono::hours(24 * 3650), UINT64_MAX};

void add(RecordBatch& batch, std::int64_t time_ms, std::uint32_t group, std::uint64_t queries) {
  CounterRecord counters;
  counters.time = from_ms(time_ms);
  counters.group = group;
  counters.queries = queries;
  counters.blocked = queries / 3;
  counters.cached = queries / 2;
  counters.failed = queries / 100;
  std::array<std::uint8_t, kMaxRecordSize> record;
  const std::size_t size = encode(counters, record);
  batch.add(RecordSort::counters, time_ms, std::span(record).first(size));
}

// What a resolver's workers write in a minute. `random`: how much that was.
RecordBatch minute_of(std::int64_t minute_ms, std::mt19937& random) {
  RecordBatch batch;
  for (int worker = 0; worker < 2; ++worker) {
    for (std::uint32_t group = 0; group < 3; ++group) add(batch, minute_ms + 100 * worker, group, random() % 1000);
  }
  return batch;
}

std::unique_ptr<DecisionLog> opened(const std::filesystem::path& folder) {
  auto log = DecisionLog::open(folder);
  EXPECT_TRUE(log) << log.error().message;
  if (!log) return nullptr;
  PolicySet policies = PolicySet::with_defaults();
  policies.groups.push_back({"kids", {}, 0});
  EXPECT_TRUE((*log)->remember_names({1}, policies));
  return std::move(*log);
}

using Figures = std::array<std::uint64_t, 4>;
using Rows = std::map<std::pair<std::int64_t, std::string>, Figures>;

void add_to(Rows& rows, std::int64_t slot_ms, const std::string& group, const Figures& figures) {
  Figures& into = rows[{slot_ms, group}];
  for (std::size_t i = 0; i < figures.size(); ++i) into[i] += figures[i];
}

// Row by row.
Rows recount(const DecisionLog& log, std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms,
             Groups groups) {
  static constexpr std::array<const char*, 3> kNames = {"default", "kids", "group 2"};
  Rows rows;
  EXPECT_TRUE(log.scan_events(
      since_ms, until_ms, [&](RecordSort sort, std::int64_t time_ms, std::span<const std::uint8_t> record) {
        if (sort != RecordSort::counters) return true;
        const auto counters = decode_counters(record);
        add_to(rows, time_ms - time_ms % step_ms, groups == Groups::apart ? kNames.at(counters->group) : "",
               {counters->queries, counters->blocked, counters->cached, counters->failed});
        return true;
      }));
  return rows;
}

Rows summed(const DecisionLog& log, std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms, Groups groups) {
  Rows rows;
  const auto found = log.read_counters(since_ms, until_ms, step_ms, groups);
  EXPECT_TRUE(found) << found.error().message;
  if (!found) return rows;
  EXPECT_TRUE(found->missing.empty());
  for (const CounterSum& sum : found->sums) {
    add_to(rows, sum.slot_ms, groups == Groups::apart ? log.group_name(sum.group) : "",
           {sum.queries, sum.blocked, sum.cached, sum.failed});
  }
  EXPECT_EQ(rows.size(), found->sums.size()) << "a slot and group came twice";
  return rows;
}

void expect_recount(const DecisionLog& log, const char* when) {
  const struct {
    std::int64_t since_ms;
    std::int64_t until_ms;
  } ranges[] = {{0, kStart + 10 * kDay},
                {kStart, kStart + kDay},
                {kStart + 5 * kMinuteMs, kStart + 2 * kDay + 61 * kMinuteMs},
                {kStart + kHourMs, kStart + kHourMs + kMinuteMs},
                {kStart - kDay, kStart}};
  for (const auto& range : ranges) {
    for (const std::int64_t step : {kMinuteMs, 24 * kMinuteMs, kHourMs, kDay}) {
      for (const Groups groups : {Groups::together, Groups::apart}) {
        EXPECT_EQ(summed(log, range.since_ms, range.until_ms, step, groups),
                  recount(log, range.since_ms, range.until_ms, step, groups))
            << when << ", " << step;
      }
    }
  }
}

TEST(CounterSums, EqualARecountOfTheirRows) {
  const test::ScratchFolder scratch;
  std::mt19937 random(7);
  for (int start = 0; start < 3; ++start) {  // a process that ends with nothing done for it
    const auto log = opened(scratch / "log");
    ASSERT_TRUE(log);
    expect_recount(*log, "after a start");
    for (int i = 0; i < 40; ++i)
      ASSERT_TRUE(log->append(minute_of(kStart + start * kDay + i * 37 * kMinuteMs, random), {}));
    expect_recount(*log, "while they come");
    ASSERT_TRUE(log->retain(kForever, from_ms(kStart + start * kDay + kDay)));
    ASSERT_TRUE(log->settle());
  }
  const auto log = opened(scratch / "log");
  ASSERT_TRUE(log);
  // Late ones of days that are over, and one write that touches several days.
  RecordBatch late;
  for (const std::int64_t minutes : {3, 1439, 1440, 1441, 2881}) add(late, kStart + minutes * kMinuteMs + 7, 1, 50);
  ASSERT_TRUE(log->append(late, {}));
  ASSERT_TRUE(log->retain(kForever, from_ms(kStart + 9 * kDay)));
  ASSERT_TRUE(log->settle());
  expect_recount(*log, "with late ones");
  EXPECT_EQ(log->read_counters(kStart + 2 * kDay, kStart + 3 * kDay, kHourMs, Groups::together)->from_ms, kStart);
  EXPECT_FALSE(opened(scratch / "empty")->read_counters(0, kStart, kDay, Groups::apart)->from_ms);
}

TEST(CounterSums, GoWithTheirRows) {
  const test::ScratchFolder scratch;
  const auto log = opened(scratch / "log");
  ASSERT_TRUE(log);
  std::mt19937 random(7);
  for (int hour = 0; hour < 60; ++hour) ASSERT_TRUE(log->append(minute_of(kStart + hour * kHourMs, random), {}));
  ASSERT_TRUE(log->retain({std::chrono::hours(6), UINT64_MAX}, from_ms(kStart + 60 * kHourMs)));
  const std::int64_t kept_ms = kStart + 54 * kHourMs;
  EXPECT_EQ(log->read_counters(0, kStart + 4 * kDay, kHourMs, Groups::together)->from_ms, kept_ms);
  expect_recount(*log, "when the oldest are gone");
  ASSERT_TRUE(log->retain({std::chrono::hours(6), UINT64_MAX}, from_ms(kStart + 9 * kDay)));
  EXPECT_TRUE(summed(*log, 0, kStart + 4 * kDay, kDay, Groups::together).empty());
}

// As the log lies on disk, behind everybody's back.
class Raw {
 public:
  explicit Raw(const std::filesystem::path& folder) : database_(std::move(*LogDatabase::open(folder))) {}
  void forget_sums() {
    rocksdb::WriteBatch writes;
    for (const RollupKind kind : {RollupKind::counters_of_hour, RollupKind::counters_of_day})
      writes.DeleteRange(database_->family(Family::rollups), slice(rollup_key(kind, {}, 0, 0)),
                         slice(rollup_key(kind, {}, INT64_MAX, 0)));
    writes.Delete(database_->family(Family::meta), "counted");
    ASSERT_TRUE(database_->write(writes));
  }
  void damage(RollupKind kind, std::int64_t slot) {
    rocksdb::WriteBatch writes;
    writes.Put(database_->family(Family::rollups), slice(rollup_key(kind, {}, slot, 0)), "no sums at all");
    ASSERT_TRUE(database_->write(writes));
  }
  // As a weir does that does not add them up.
  void put_event(std::int64_t time_ms, std::uint64_t number, std::uint64_t queries) {
    RecordBatch batch;
    add(batch, time_ms, 0, queries);
    const auto record = batch.record(batch.entries()[0]);
    rocksdb::WriteBatch writes;
    const std::string value = std::string(1, static_cast<char>(RecordSort::counters)) +
                              std::string(reinterpret_cast<const char*>(record.data()), record.size());
    writes.Put(database_->family(Family::events), slice(event_key(time_ms, number, 0)), slice(value));
    writes.Put(database_->family(Family::meta), "sequence", slice(number_octets(number)));
    ASSERT_TRUE(database_->write(writes));
  }

 private:
  std::unique_ptr<LogDatabase> database_;
};

TEST(CounterSums, OfALogThatHasNoneAreCountedWhenItIsOpened) {
  const test::ScratchFolder scratch;
  std::mt19937 random(7);
  {
    const auto log = opened(scratch / "log");
    ASSERT_TRUE(log);
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(log->append(minute_of(kStart + i * 53 * kMinuteMs, random), {}));
  }
  Raw(scratch / "log").forget_sums();
  expect_recount(*opened(scratch / "log"), "of an older weir");
  // One that was there in between and knew nothing of them.
  Raw(scratch / "log").put_event(kStart + 4 * kDay, 1'000'000, 77);
  const auto log = opened(scratch / "log");
  expect_recount(*log, "of an older weir in between");
  ASSERT_TRUE(log->append(minute_of(kStart + 4 * kDay + kMinuteMs, random), {}));
  expect_recount(*log, "and behind it");
}

TEST(CounterSums, OfADamagedHourAreToldToBeMissing) {
  const test::ScratchFolder scratch;
  std::mt19937 random(7);
  {
    const auto log = opened(scratch / "log");
    ASSERT_TRUE(log);
    for (int hour = 0; hour < 48; ++hour) ASSERT_TRUE(log->append(minute_of(kStart + hour * kHourMs, random), {}));
  }
  {
    Raw raw(scratch / "log");
    raw.damage(RollupKind::counters_of_day, kStart / kDay);
    raw.damage(RollupKind::counters_of_hour, kStart / kHourMs + 30);
  }
  const auto log = opened(scratch / "log");
  ASSERT_TRUE(log);
  // A day's value has its hours behind it, and an hour's that of its day.
  EXPECT_EQ(summed(*log, kStart, kStart + 2 * kDay, kHourMs, Groups::apart),
            recount(*log, kStart, kStart + 2 * kDay, kHourMs, Groups::apart));
  const auto minutes = log->read_counters(kStart, kStart + 2 * kDay, kMinuteMs, Groups::together);
  ASSERT_TRUE(minutes);
  EXPECT_EQ(minutes->sums.size(), 47U);
  ASSERT_EQ(minutes->missing.size(), 1U);
  EXPECT_EQ(minutes->missing[0].first_ms, kStart + 30 * kHourMs);
  // Whatever else comes is kept all the same.
  ASSERT_TRUE(log->append(minute_of(kStart + 30 * kHourMs, random), {}));
  ASSERT_TRUE(log->append(minute_of(kStart + 47 * kHourMs, random), {}));
  EXPECT_EQ(summed(*log, kStart + 47 * kHourMs, kStart + 2 * kDay, kMinuteMs, Groups::apart),
            recount(*log, kStart + 47 * kHourMs, kStart + 2 * kDay, kMinuteMs, Groups::apart));
}

TEST(CounterSums, OnlyWholeOnesAreRead) {
  FrameWriter frames;
  const std::string good =
      encode_sums({{kStart + kMinuteMs, 1, 2, 3, 4, 5}, {kStart + kMinuteMs, 2, 6, 7, 8, 9}}, kStart, frames);
  const auto sums = decode_sums(good, kStart);
  ASSERT_TRUE(sums);
  ASSERT_EQ(sums->size(), 2U);
  EXPECT_EQ((*sums)[1].slot_ms, kStart + kMinuteMs);
  EXPECT_EQ((*sums)[1].failed, 9U);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_sums(good.substr(0, size), kStart)) << size;
  frames.add(std::string("\xff\xff\x03\x00\x00\x00\x00\x00", 8));
  EXPECT_FALSE(decode_sums(frames.finish(), kStart)) << "beyond its day";
}

}  // namespace
}  // namespace weir::log::counter_sums_test
