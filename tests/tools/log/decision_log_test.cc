#include "tools/log/decision_log.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/scratch_folder.h"
#include "tests/tools/log/sample_decisions.h"
#include "tools/log/block_builder.h"
#include "tools/log/search.h"
#include "tools/log/walk.h"
#include "zones/dns/reversed_name.h"

namespace weir::log::decision_log_test {
namespace {

constexpr std::int64_t kStart = 20'000 * kDayMs;

RecordBatch batch_of(test::SampleDecisions& sample, std::size_t count) {
  RecordBatch batch;
  sample.fill(batch, count);
  return batch;
}

RecordBatch rows_at(std::int64_t first_ms, std::size_t count, std::int64_t step_ms,
                    DecisionClass decision_class = DecisionClass::blocked, std::uint64_t generation = 1) {
  RecordBatch batch;
  for (std::size_t i = 0; i < count; ++i) {
    Decision decision;
    decision.time = from_ms(first_ms + static_cast<std::int64_t>(i) * step_ms);
    decision.decision_class = decision_class;
    decision.qname =
        *Name::parse("host" + std::to_string(first_ms / 1000 % 100'000) + "-" + std::to_string(i) + ".example");
    decision.generation = {generation};
    std::array<std::uint8_t, kMaxRecordSize> record;
    const std::size_t size = encode(decision, record);
    batch.add(RecordSort::decision, to_ms(decision.time), std::span(record).first(size));
  }
  return batch;
}

// As the sidecar does now and then; with all done that this begins.
void tend(DecisionLog& log, const LogRetention& retention, WallTime now) {
  for (int time = 0; time < 2; ++time) {
    ASSERT_TRUE(log.retain(retention, now));
    ASSERT_TRUE(log.settle());
  }
}

std::vector<std::int64_t> times_of(const DecisionLog& log, std::int64_t since_ms, std::int64_t until_ms) {
  std::vector<std::int64_t> times;
  BlockMatcher everything({}, nullptr);
  SearchRequest request;
  request.since_ms = since_ms;
  request.until_ms = until_ms;
  request.limit = UINT64_MAX;
  const auto end = search(log, everything, request, [&](const Decision& decision, const Position&) {
    times.push_back(to_ms(decision.time));
    return true;
  });
  EXPECT_TRUE(end);
  EXPECT_TRUE(std::is_sorted(times.rbegin(), times.rend())) << "newest first";
  return times;
}

// What was counted, row by row.
std::vector<CountCell> recount(const DecisionLog& log, std::int64_t step_ms) {
  std::vector<CountCell> cells;
  EXPECT_TRUE(walk_decisions(log, WallTime::min(), {}, [&](const LoggedDecision& logged) {
    const std::int64_t time_ms = to_ms(logged.decision.time);
    cells.push_back({time_ms - time_ms % step_ms, logged.decision.decision_class, logged.decision.winner.list,
                     static_cast<std::uint32_t>(std::hash<std::string>{}(logged.group) % 1000), 1});
    return true;
  }));
  add_up(cells);
  return cells;
}

std::vector<CountCell> counted(const DecisionLog& log, std::int64_t step_ms) {
  auto cells = log.read_counts(0, 4'000'000'000'000, step_ms);
  EXPECT_TRUE(cells);
  for (CountCell& cell : *cells)
    cell.group = static_cast<std::uint32_t>(std::hash<std::string>{}(log.group_name(cell.group)) % 1000);
  add_up(*cells);
  return *cells;
}

void expect_same(const std::vector<CountCell>& a, const std::vector<CountCell>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].slot_ms, b[i].slot_ms);
    ASSERT_EQ(a[i].decision_class, b[i].decision_class);
    ASSERT_EQ(a[i].list, b[i].list);
    ASSERT_EQ(a[i].group, b[i].group);
    ASSERT_EQ(a[i].rows, b[i].rows);
  }
}

std::unique_ptr<DecisionLog> opened(const std::filesystem::path& folder) {
  auto log = DecisionLog::open(folder);
  EXPECT_TRUE(log) << log.error().message;
  if (!log) return nullptr;
  PolicySet policies = PolicySet::with_defaults();
  for (const char* group : {"kids", "guests"}) policies.groups.push_back({group, {}, 0});
  for (std::uint64_t generation = 1; generation <= 40; ++generation)
    EXPECT_TRUE((*log)->remember_names({generation}, policies));
  return std::move(*log);
}

TEST(DecisionLog, NoRowIsLostOrDoubledByBlocksAndRestarts) {
  const test::ScratchFolder scratch;
  constexpr std::size_t kRows = 60'000;
  test::SampleDecisions sample({.decisions = kRows, .first_ms = kStart, .span_ms = 3 * kDayMs});
  std::size_t appended = 0;
  for (int start = 0; start < 5; ++start) {
    const auto log = opened(scratch / "log");
    ASSERT_TRUE(log);
    EXPECT_EQ(log->totals().rows, appended) << "what waited to become a block is still counted";
    for (int turn = 0; turn < 10; ++turn) {
      RecordBatch batch = batch_of(sample, 1'200);
      appended += batch.size();
      ASSERT_TRUE(log->append(batch, {{"ring-0", static_cast<std::uint64_t>(appended), "hash", 0, 0}}));
    }
    EXPECT_EQ(log->mark("ring-0")->records, appended);
    const auto times = times_of(*log, 0, INT64_MAX);
    EXPECT_EQ(times.size(), appended);
    for (const std::int64_t step : {kMinuteMs, kHourMs, kDayMs}) expect_same(counted(*log, step), recount(*log, step));
    tend(*log, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(times.front()));
    EXPECT_EQ(log->totals().rows, appended);
  }
  EXPECT_EQ(appended, kRows);
  const auto log = opened(scratch / "log");
  EXPECT_EQ(log->mark("ring-0")->records, kRows);
  // Days that are over are sealed and folded; sums say the same, also when a late row of one of them comes.
  tend(*log, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(kStart + 10 * kDayMs));
  for (const std::int64_t step : {kMinuteMs, kHourMs, kDayMs}) expect_same(counted(*log, step), recount(*log, step));
  ASSERT_TRUE(log->append(rows_at(kStart + kHourMs, 10, 1000), {}));
  tend(*log, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(kStart + 10 * kDayMs));
  for (const std::int64_t step : {kMinuteMs, kHourMs, kDayMs}) expect_same(counted(*log, step), recount(*log, step));
  EXPECT_EQ(log->totals().rows, kRows + 10);
}

// The newest file of the database's journal.
std::filesystem::path journal_of(const std::filesystem::path& folder) {
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".log" && std::filesystem::file_size(entry.path()) > 0)
      newest = std::max(newest, entry.path());
  }
  return newest;
}

// As a process leaves it that is killed: what is closed in order has written its journal into tables.
void append_and_leave(const std::filesystem::path& folder, const std::filesystem::path& copy) {
  const auto log = opened(folder);
  ASSERT_TRUE(log);
  for (std::int64_t i = 0; i < 40; ++i) ASSERT_TRUE(log->append(rows_at(kStart + i * 100'000, 100, 1000), {}));
  std::filesystem::copy(folder, copy, std::filesystem::copy_options::recursive);
}

TEST(DecisionLog, ADamagedJournalIsToldOfAndTheRestIsServed) {
  const test::ScratchFolder scratch;
  append_and_leave(scratch / "log", scratch / "copy");
  const std::filesystem::path journal = journal_of(scratch / "copy");
  ASSERT_FALSE(journal.empty());
  {
    std::fstream file(journal, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(journal) / 2));
    file.write("damagedamagedamagedamagedamage", 30);
  }
  std::uint64_t rows = 0;
  for (int start = 0; start < 3; ++start) {  // it is still told later
    const auto log = opened(scratch / "copy");
    ASSERT_TRUE(log);
    if (start == 0) rows = log->totals().rows;
    EXPECT_EQ(log->totals().rows, rows + static_cast<std::uint64_t>(start));
    EXPECT_GT(rows, 500U);
    EXPECT_LT(rows, 3900U);
    const auto losses = log->losses(INT64_MIN, INT64_MAX);
    ASSERT_EQ(losses.size(), 1U);
    EXPECT_EQ(losses[0].first_ms, times_of(*log, 0, kStart + kDayMs).front()) << "from the newest row that is left";
    EXPECT_EQ(losses[0].rows, 0U);
    EXPECT_NE(losses[0].why.find("journal"), std::string::npos) << losses[0].why;
    EXPECT_TRUE(log->losses(INT64_MIN, kStart).empty());
    ASSERT_TRUE(log->append(rows_at(losses[0].last_ms + 1000 + start, 1, 1), {})) << "it takes rows as ever";
  }
  const auto log = opened(scratch / "copy");
  ASSERT_TRUE(
      log->retain({std::chrono::hours(1), UINT64_MAX}, from_ms(to_ms(std::chrono::system_clock::now()) + kDayMs)));
  EXPECT_TRUE(log->losses(INT64_MIN, INT64_MAX).empty()) << "such rows would be gone by now";
}

TEST(DecisionLog, WhatACrashCutsOffIsNoDamage) {
  const test::ScratchFolder scratch;
  append_and_leave(scratch / "log", scratch / "copy");
  const std::filesystem::path journal = journal_of(scratch / "copy");
  ASSERT_FALSE(journal.empty());
  std::filesystem::resize_file(journal, std::filesystem::file_size(journal) - 100);
  const auto log = opened(scratch / "copy");
  ASSERT_TRUE(log);
  EXPECT_EQ(log->totals().rows, 3900U);
  EXPECT_TRUE(log->losses(INT64_MIN, INT64_MAX).empty());
}

TEST(DecisionLog, DomainsAreCountedAsTheyAreRegistered) {
  const test::ScratchFolder scratch;
  const auto log = opened(scratch / "log");
  RecordBatch batch;
  for (const auto& [name, hour] : {std::pair{"a.ads.example.co.uk", 0},
                                   {"b.example.co.uk", 1},
                                   {"ads.example.com", 1},
                                   {"x.y.ads.example.com", 30},
                                   {"co.uk", 2}}) {
    Decision decision;
    decision.time = from_ms(kStart + hour * kHourMs);
    decision.qname = *Name::parse(name);
    std::array<std::uint8_t, kMaxRecordSize> record;
    const std::size_t size = encode(decision, record);
    batch.add(RecordSort::decision, to_ms(decision.time), std::span(record).first(size));
  }
  ASSERT_TRUE(log->append(batch, {}));
  const auto look = [&](const char* when) {
    std::map<std::string, std::uint64_t> shown;
    const auto add = [&](DecisionClass, std::string_view key, std::uint64_t rows) {
      shown[ReversedName::to_name(key)->to_text()] += rows;
    };
    ASSERT_TRUE(log->visit_domains(kStart, kStart + 2 * kDayMs, add));
    const std::map<std::string, std::uint64_t> expected = {{"example.co.uk", 2}, {"example.com", 2}, {"co.uk", 1}};
    EXPECT_EQ(shown, expected) << when;
    shown.clear();
    ASSERT_TRUE(log->visit_domains(kStart + kHourMs, kStart + 2 * kHourMs, add));
    EXPECT_EQ(shown.size(), 2U) << when;
  };
  look("in an open block");
  tend(*log, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(kStart + 3 * kDayMs));
  look("sealed and folded");
}

TEST(DecisionLog, SearchSeeksToItsTimeRange) {
  const test::ScratchFolder scratch;
  const auto log = opened(scratch / "log");
  for (int hour = 47; hour >= 0; --hour)  // a row each minute, the hours in the wrong order
    ASSERT_TRUE(log->append(rows_at(kStart + hour * kHourMs, 60, kMinuteMs), {}));
  struct Row {
    std::int64_t since_minutes;
    std::int64_t until_minutes;
    std::size_t rows;
  };
  for (const Row& row : {Row{0, 2880, 2880}, Row{0, 1, 1}, Row{1, 1, 0}, Row{95, 105, 10}, Row{2879, 4000, 1},
                         Row{-100, 0, 0}, Row{-100, 1, 1}, Row{1000, 1001, 1}}) {
    const auto times = times_of(*log, kStart + row.since_minutes * kMinuteMs, kStart + row.until_minutes * kMinuteMs);
    EXPECT_EQ(times.size(), row.rows) << row.since_minutes << " to " << row.until_minutes;
    for (const std::int64_t time : times) {
      EXPECT_GE(time, kStart + row.since_minutes * kMinuteMs);
      EXPECT_LT(time, kStart + row.until_minutes * kMinuteMs);
    }
  }
}

TEST(DecisionLog, RetentionByAgeAndClass) {
  const test::ScratchFolder scratch;
  const auto log = opened(scratch / "log");
  LogRetention retention{std::chrono::hours(6), UINT64_MAX, {{DecisionClass::would_block, std::chrono::hours(12)}}};
  for (int hour = 0; hour < 24; ++hour) {
    for (const DecisionClass each : {DecisionClass::blocked, DecisionClass::would_block})
      ASSERT_TRUE(log->append(rows_at(kStart + hour * kHourMs, 10, 1000, each), {}));
    tend(*log, retention, from_ms(kStart + (hour + 1) * kHourMs));
  }
  const auto count = [&](DecisionClass wanted) {
    std::size_t rows = 0;
    EXPECT_TRUE(walk_decisions(*log, WallTime::min(), {}, [&](const LoggedDecision& logged) {
      rows += logged.decision.decision_class == wanted ? 1 : 0;
      return true;
    }));
    return rows;
  };
  EXPECT_GE(count(DecisionClass::blocked), 60U);
  EXPECT_LE(count(DecisionClass::blocked), 80U) << "a quarter longer at most";
  EXPECT_GE(count(DecisionClass::would_block), 120U);
  EXPECT_LE(count(DecisionClass::would_block), 150U);
  tend(*log, retention, from_ms(kStart + 3 * kDayMs));
  EXPECT_EQ(log->totals().rows, 0U);
  EXPECT_TRUE(log->read_counts(0, kStart + 3 * kDayMs, kHourMs)->empty()) << "rollups are no older";
}

TEST(DecisionLog, RetentionBySizeGivesTheDiskBack) {
  const test::ScratchFolder scratch;
  auto log = opened(scratch / "log");
  constexpr std::uint64_t kSize = 3 << 20;
  std::uint64_t most = 0;
  std::int64_t last_ms = 0;
  test::SampleDecisions sample({.decisions = 1'200'000, .first_ms = kStart, .span_ms = kDayMs, .only_blocked = true});
  std::uint64_t noise = 1;
  for (int turn = 0; turn < 14; ++turn) {
    RecordBatch batch;
    for (int i = 0; i < 16'384; ++i) {  // names that no compression helps
      Decision decision = sample.next();
      std::string name;
      while (name.size() < 40) {
        noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
        name += static_cast<char>('a' + (noise >> 33) % 26);
      }
      decision.qname = *Name::parse(name + ".example");
      std::array<std::uint8_t, kMaxRecordSize> record;
      const std::size_t size = encode(decision, record);
      last_ms = to_ms(decision.time);
      batch.add(RecordSort::decision, last_ms, std::span(record).first(size));
    }
    ASSERT_TRUE(log->append(batch, {}));
    tend(*log, {std::chrono::hours(24 * 365), kSize}, from_ms(last_ms));
    most = std::max(most, log->totals().bytes);
  }
  EXPECT_LE(most, kSize + (5 << 20)) << "the bound and the rows that wait";
  EXPECT_GE(most, kSize / 2);
  const auto times = times_of(*log, 0, INT64_MAX);
  EXPECT_EQ(times.front(), last_ms) << "the newest stay";
  log.reset();  // until then RocksDB's own threads may be taking files away while they are counted
  std::uint64_t on_disk = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "log")) {
    if (entry.path().extension() == ".sst") on_disk += entry.file_size();
  }
  EXPECT_LE(on_disk, 4 * kSize) << "9 MB and more were written";
}

TEST(DecisionLog, CountersAndLossesAreRowsOfTheirOwn) {
  const test::ScratchFolder scratch;
  {
    const auto log = opened(scratch / "log");
    RecordBatch batch;
    for (int minute = 0; minute < 10; ++minute) {
      CounterRecord counters;
      counters.time = from_ms(kStart + minute * kMinuteMs);
      counters.queries = static_cast<std::uint64_t>(minute);
      std::array<std::uint8_t, kMaxRecordSize> record;
      const std::size_t size = encode(counters, record);
      batch.add(RecordSort::counters, kStart + minute * kMinuteMs, std::span(record).first(size));
    }
    const std::string lost = encode(LostRecord{2, 77, 0});
    batch.add(RecordSort::lost, kStart, {reinterpret_cast<const std::uint8_t*>(lost.data()), lost.size()});
    ASSERT_TRUE(log->append(batch, {}));
    EXPECT_EQ(log->totals().dropped, 77U);
  }
  const auto log = opened(scratch / "log");
  EXPECT_EQ(log->totals().dropped, 77U);
  std::vector<std::uint64_t> queries;
  ASSERT_TRUE(log->scan_events(kStart + 2 * kMinuteMs, kStart + 6 * kMinuteMs,
                               [&](RecordSort sort, std::int64_t, std::span<const std::uint8_t> record) {
                                 EXPECT_EQ(sort, RecordSort::counters);
                                 queries.push_back(decode_counters(record)->queries);
                                 return true;
                               }));
  EXPECT_EQ(queries, (std::vector<std::uint64_t>{5, 4, 3, 2}));
  tend(*log, {std::chrono::hours(1), UINT64_MAX}, from_ms(kStart + kDayMs));
  bool is_any = false;
  ASSERT_TRUE(log->scan_events(0, INT64_MAX, [&](RecordSort, std::int64_t, std::span<const std::uint8_t>) {
    is_any = true;
    return false;
  }));
  EXPECT_FALSE(is_any);
}

// A log as weir wrote it before it had columns, with the same rows.
void write_old_log(const std::filesystem::path& folder, const RecordBatch& rows, const PolicySet& names) {
  std::filesystem::create_directories(folder);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, folder.string(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> database(opened);
  std::map<std::string, rocksdb::ColumnFamilyHandle*> families;
  for (const char* name : {"blocks", "recent", "index", "meta"})
    ASSERT_TRUE(database->CreateColumnFamily({}, name, &families[name]).ok());
  const auto little_endian = [](std::string& out, std::uint64_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i));
  };
  const auto put_block = [&](const char* family, const std::string& key, std::size_t begin, std::size_t end) {
    std::string raw;
    for (std::size_t i = begin; i < end; ++i) {
      const auto& entry = rows.entries()[i];
      const auto record = rows.record(entry);
      raw += static_cast<char>(entry.sort);
      little_endian(raw, static_cast<std::uint64_t>(entry.time_ms) * 1000, 8);
      little_endian(raw, record.size(), 2);
      raw.append(reinterpret_cast<const char*>(record.data()), record.size());
    }
    std::string block(1, 1);
    little_endian(block, end - begin, 4);
    little_endian(block, 0, 8);
    little_endian(block, 0, 8);
    little_endian(block, raw.size(), 4);
    std::string packed(ZSTD_compressBound(raw.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 3));
    ASSERT_TRUE(database->Put({}, families[family], key, block + packed).ok());
  };
  const std::size_t middle = rows.size() / 2;
  put_block("blocks", "a", 0, middle);
  put_block("recent", "b", middle, rows.size());
  ASSERT_TRUE(database->Put({}, families["blocks"], "c", "damaged").ok());
  ASSERT_TRUE(
      database->Put({}, families["meta"], std::string("names/") + std::string(7, '\0') + '\3', "=" + names.to_json())
          .ok());
  ASSERT_TRUE(database
                  ->Put({}, families["meta"], std::string("names/") + std::string(7, '\0') + '\4',
                        "@" + std::string(7, '\0') + '\3')
                  .ok());
  ASSERT_TRUE(
      database->Put({}, families["meta"], "ring/decisions-0", std::string(15, '\0') + '\5' + std::string(8, '\0'))
          .ok());
  for (const auto& [name, handle] : families) database->DestroyColumnFamilyHandle(handle);
}

TEST(DecisionLog, AnOlderFormatIsTakenOver) {
  const test::ScratchFolder scratch;
  PolicySet names = PolicySet::with_defaults();
  names.groups.push_back({"kids", {}, 0});
  const RecordBatch rows = rows_at(kStart, 500, 1000);
  write_old_log(scratch / "log", rows, names);
  for (int start = 0; start < 2; ++start) {
    const auto log = DecisionLog::open(scratch / "log");
    ASSERT_TRUE(log) << log.error().message;
    EXPECT_EQ((*log)->totals().rows, 500U) << start;
    EXPECT_EQ(times_of(**log, 0, INT64_MAX).size(), 500U);
    for (const std::uint64_t generation : {3, 4}) {
      const auto known = (*log)->names({generation});
      ASSERT_TRUE(known) << generation;
      EXPECT_EQ(known->groups.size(), 2U);
    }
    EXPECT_EQ((*log)->mark("decisions-0")->dropped, 5U);
    EXPECT_FALSE(std::filesystem::exists(scratch / "log.format-1"));
  }
  // A start that was cut short: the old one still waits, and what is there of the new one is not to be doubled.
  write_old_log(scratch / "log.format-1", rows, names);
  const auto log = DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ((*log)->totals().rows, 500U);
}

TEST(DecisionLog, SecondOpenerIsTold) {
  const test::ScratchFolder scratch;
  const auto log = opened(scratch / "log");
  const auto second = DecisionLog::open(scratch / "log");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy) << second.error().message;
}

TEST(DecisionLog, RemembersWhatIdsMeantForAsLongAsSomethingSaysThem) {
  const test::ScratchFolder scratch;
  PolicySet before = PolicySet::with_defaults();
  before.lists.push_back({ListId{16}, "ads", ListKind::block, "advertising", kRankBlock, {}, {}, {}, {}, {}, {}});
  const PolicySet after = PolicySet::with_defaults();
  {
    auto log = DecisionLog::open(scratch / "log");
    ASSERT_TRUE(log);
    EXPECT_FALSE((*log)->knows_names(GenerationNumber{5}));
    ASSERT_TRUE((*log)->remember_names(GenerationNumber{5}, before));
    ASSERT_TRUE((*log)->remember_names(GenerationNumber{6}, before));
    ASSERT_TRUE((*log)->remember_names(GenerationNumber{7}, after));
    ASSERT_TRUE((*log)->append(rows_at(kStart, 10, 1000, DecisionClass::blocked, 5), {}));
    ASSERT_TRUE((*log)->append(rows_at(kStart + kDayMs, 10, 1000, DecisionClass::blocked, 7), {}));
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
  log->reset();
  log = DecisionLog::open(scratch / "log");
  // The first block goes; with it goes what only it needed.
  ASSERT_TRUE((*log)->settle());
  ASSERT_EQ(*(*log)->retain({std::chrono::hours(20), UINT64_MAX}, from_ms(kStart + kDayMs + 10 * kHourMs)), 1U);
  EXPECT_EQ((*log)->names(GenerationNumber{5}), nullptr);
  EXPECT_EQ((*log)->names(GenerationNumber{6}), nullptr);
  EXPECT_TRUE((*log)->names(GenerationNumber{7}));
  ASSERT_TRUE((*log)->list(16)) << "what it was called last is known for good";
  EXPECT_EQ((*log)->list(16)->category, "advertising");
}

}  // namespace
}  // namespace weir::log::decision_log_test
