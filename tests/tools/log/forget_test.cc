#include "tools/log/forget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tests/tools/log/sample_decisions.h"
#include "tools/log/block_builder.h"
#include "tools/log/top.h"
#include "tools/log/walk.h"

namespace weir::log::forget_test {
namespace {

constexpr std::int64_t kStart = 20'000 * kDayMs;
constexpr std::array<std::uint8_t, 16> kKey{1, 2, 3};
const IpAddress kVictim = *IpAddress::parse("2001:db8:77:88:99aa:bbcc:ddee:ff01");
const IpAddress kOther = *IpAddress::parse("192.0.2.7");

struct Row {
  std::int64_t time_ms;
  ClientIdentity client;
};

RecordBatch batch_of(const std::vector<Row>& rows) {
  RecordBatch batch;
  for (const Row& row : rows) {
    Decision decision;
    decision.time = from_ms(row.time_ms);
    decision.qname = *Name::parse("host" + std::to_string(row.time_ms % 1000) + ".example");
    decision.generation = {1};
    decision.client = row.client;
    std::array<std::uint8_t, kMaxRecordSize> record;
    batch.add(RecordSort::decision, row.time_ms, std::span(record).first(encode(decision, record)));
  }
  return batch;
}

std::vector<Row> hour_of_rows(std::int64_t begin_ms) {
  std::vector<Row> rows;
  for (int minute = 0; minute < 60; ++minute) {
    const std::int64_t time_ms = begin_ms + minute * kMinuteMs;
    for (const Privacy level : {Privacy::full, Privacy::prefix, Privacy::pseudonym, Privacy::none}) {
      for (const IpAddress& client : {kVictim, kOther}) rows.push_back({time_ms, identity_of(client, level, kKey)});
    }
  }
  return rows;
}

ClientSet victim() {
  ClientSet clients;
  clients.add({kVictim, 128});
  clients.add_pseudonym(identity_of(kVictim, Privacy::pseudonym, kKey).pseudonym);
  return clients;
}

std::map<std::string, int> clients_of(const DecisionLog& log) {
  std::map<std::string, int> rows;
  EXPECT_TRUE(walk_decisions(log, WallTime::min(), {}, [&](const LoggedDecision& logged) {
    ++rows[describe(logged.decision.client)];
    return true;
  }));
  return rows;
}

bool is_on_disk(const std::filesystem::path& folder, const IpAddress& address) {
  const std::string wanted(address.octets.begin(), address.octets.end());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (text.find(wanted) != std::string::npos) return true;
  }
  return false;
}

TEST(Forget, RowsOfNobodyShareOneCode) {
  BlockBuilder builder(DecisionClass::blocked);
  const auto add = [&](const char* client, int times) {
    for (int i = 0; i < times; ++i) {
      Decision decision;
      decision.time = from_ms(kStart + i);
      if (*client != '\0') decision.client = identity_of(*IpAddress::parse(client), Privacy::full, std::nullopt);
      builder.add(decision);
    }
  };
  add("10.0.0.1", 3);
  add("", 2);
  add("10.0.1.2", 4);
  add("10.0.0.3", 5);
  Block block = builder.build();
  ClientSet clients;
  clients.add(*Prefix::parse("10.0.0.0/24"));
  EXPECT_EQ(forget_clients(block, clients), 8U);
  ASSERT_EQ(block.clients.size(), 2U);
  EXPECT_EQ(block.rows_of_client, (std::vector<std::uint32_t>{10, 4}));
  EXPECT_EQ(describe(block.clients[0]), "");
  EXPECT_EQ(describe(block.clients[1]), "10.0.1.2");
  EXPECT_EQ(std::count(block.client_of.begin(), block.client_of.end(), 0), 10);
  EXPECT_EQ(forget_clients(block, clients), 0U) << "they are gone";
}

TEST(Forget, WhatASearchFindsIsWhatIsForgotten) {
  struct Case {
    const char* forgotten;
    Privacy level;
    const char* client;
    bool expected;
  };
  for (const Case& each : {Case{"10.0.0.1", Privacy::full, "10.0.0.1", true},
                           {"10.0.0.1", Privacy::full, "10.0.0.2", false},
                           {"10.0.0.1", Privacy::prefix, "10.0.0.2", true},
                           {"10.0.0.1", Privacy::prefix, "10.0.1.1", false},
                           {"10.0.0.0/16", Privacy::full, "10.0.77.2", true},
                           {"10.0.0.0/16", Privacy::prefix, "10.0.77.2", true},
                           {"10.0.0.0/16", Privacy::pseudonym, "10.0.77.2", false},
                           {"2001:db8::1", Privacy::prefix, "2001:db8:0:ff::9", true},
                           {"2001:db8::1", Privacy::full, "10.0.0.1", false}}) {
    ClientSet clients;
    clients.add(*Prefix::parse(each.forgotten));
    const ClientIdentity client = identity_of(*IpAddress::parse(each.client), each.level, kKey);
    EXPECT_EQ(clients.contains(client), each.expected) << each.forgotten << " " << each.client;
    if (!each.expected) continue;
    BlockSummary summary;
    summary.clients = BlockFilter(1);
    summary.clients.add(BlockFilter::hash(client_key(client)));
    EXPECT_TRUE(clients.may_be_in(summary)) << each.forgotten << " " << each.client;
  }
}

TEST(Forget, OneClientLeavesTheLogAndTheDisk) {
  const test::ScratchFolder scratch;
  const std::int64_t now_ms = kStart + 2 * kDayMs + 2 * kHourMs;
  {
    auto log = std::move(*DecisionLog::open(scratch / "log"));
    for (const std::int64_t begin_ms : {kStart, kStart + kDayMs, kStart + 2 * kDayMs}) {
      ASSERT_TRUE(log->append(batch_of(hour_of_rows(begin_ms)), {}));
      ASSERT_TRUE(log->retain({std::chrono::hours(1000), UINT64_MAX}, from_ms(begin_ms + kHourMs)));
      ASSERT_TRUE(log->settle());
    }
    ASSERT_TRUE(is_on_disk(scratch / "log", kVictim)) << "or this test sees nothing";
    const auto before = log->read_counts(0, now_ms, kHourMs);
    EXPECT_EQ(clients_of(*log).size(), 7U);
    const auto forgotten = log->forget(victim(), INT64_MIN, INT64_MAX, from_ms(now_ms), {});
    ASSERT_TRUE(forgotten) << forgotten.error().message;
    EXPECT_EQ(forgotten->rows, 3U * 60 * 3);
    EXPECT_EQ(forgotten->blocks, 3U);
    EXPECT_TRUE(forgotten->damaged.empty());
    EXPECT_FALSE(is_on_disk(scratch / "log", kVictim));
    const auto after = log->read_counts(0, now_ms, kHourMs);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(before->size(), after->size());
    EXPECT_EQ(log->totals().rows, 3U * 480);
    const auto again = log->forget(victim(), INT64_MIN, INT64_MAX, from_ms(now_ms), {});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->rows, 0U);
    // What waited in a ring meanwhile, and what this client does from here on.
    ASSERT_TRUE(log->append(batch_of({{now_ms - 5, identity_of(kVictim, Privacy::full, kKey)},
                                      {now_ms + 5, identity_of(kVictim, Privacy::prefix, kKey)}}),
                            {}));
    EXPECT_FALSE(is_on_disk(scratch / "log", kVictim));
  }
  const auto log = std::move(*DecisionLog::open(scratch / "log"));
  const auto clients = clients_of(*log);
  const std::map<std::string, int> expected = {{"", 3 * (60 * 3 + 120) + 1},
                                               {"192.0.2.7", 180},
                                               {"192.0.2.0/24", 180},
                                               {describe(identity_of(kOther, Privacy::pseudonym, kKey)), 180},
                                               {"2001:db8:77::/56", 1}};
  EXPECT_EQ(clients, expected);
}

TEST(Forget, ADayLosesItsAddressesAndNoOther) {
  const test::ScratchFolder scratch;
  auto log = std::move(*DecisionLog::open(scratch / "log"));
  for (const std::int64_t begin_ms : {kStart, kStart + kDayMs})
    ASSERT_TRUE(log->append(batch_of(hour_of_rows(begin_ms)), {}));
  ClientSet everybody;
  everybody.add_all_addresses();
  const auto forgotten = log->forget(everybody, kStart, kStart + kDayMs, from_ms(kStart + 2 * kDayMs), {});
  ASSERT_TRUE(forgotten);
  EXPECT_EQ(forgotten->rows, 4U * 60);
  EXPECT_EQ(forgotten->blocks, 1U);
  for (const auto& [client, rows] : clients_of(*log)) {
    const bool is_pseudonym = client.starts_with("p-");
    EXPECT_EQ(rows, client.empty() ? 2 * 120 + 240 : is_pseudonym ? 120 : 60) << client;
  }
}

TEST(Forget, DecisionsComeAndAreDroppedMeanwhile) {
  const test::ScratchFolder scratch;
  auto log = std::move(*DecisionLog::open(scratch / "log"));
  constexpr std::size_t kRows = 30'000;
  test::SampleDecisions sample({.decisions = kRows, .clients = 50, .first_ms = kStart, .span_ms = 4 * kDayMs});
  std::thread writer([&] {
    while (!sample.done()) {
      RecordBatch batch;
      sample.fill(batch, 1'000);
      const WallTime last = from_ms(batch.entries().back().time_ms);
      EXPECT_TRUE(log->append(batch, {}));
      EXPECT_TRUE(log->retain({std::chrono::hours(10'000), UINT64_MAX}, last));
    }
  });
  ClientSet clients;
  clients.add({sample.client(0), 32});
  std::uint64_t rows = 0;
  for (int time = 0; time < 5; ++time) {
    const auto forgotten = log->forget(clients, INT64_MIN, INT64_MAX, from_ms(kStart + 100 * kDayMs), {});
    EXPECT_TRUE(forgotten);
    if (forgotten) rows += forgotten->rows;
  }
  writer.join();
  std::size_t seen = 0;
  for (const auto& [client, count] : clients_of(*log)) {
    EXPECT_NE(client, describe(identity_of(sample.client(0), Privacy::full, std::nullopt)));
    seen += static_cast<std::size_t>(count);
  }
  EXPECT_EQ(seen, kRows);
}

}  // namespace
}  // namespace weir::log::forget_test
