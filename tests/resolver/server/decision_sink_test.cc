#include "resolver/server/decision_sink.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/support/scratch_folder.h"

namespace weir::decision_sink_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const WallTime kMidday{std::chrono::sys_days{std::chrono::year{2026} / 7 / 6} + 12h};

Now at(WallTime wall, SteadyTime steady) {
  return {steady, wall};
}

class Sink : public testing::Test {
 protected:
  Sink() { fs::create_directory(directory_ / "keys"); }

  void write_key(const char* day, const std::string& octets) {
    std::ofstream(directory_ / "keys" / day, std::ios::binary | std::ios::trunc) << octets;
  }
  std::unique_ptr<DecisionSink> sink(const PseudonymKeys& keys, std::size_t bytes = 1 << 16) {
    auto opened = DecisionSink::open(directory_.path(), 3, keys, metrics_, bytes);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::vector<std::vector<std::uint8_t>> drain() {
    std::vector<std::vector<std::uint8_t>> records;
    const auto ring = RingConsumer::open(ring_file(directory_.path(), 3));
    EXPECT_TRUE(ring);
    std::array<std::uint8_t, kMaxRecordSize> out{};
    while (const std::size_t size = (*ring)->peek(out)) records.emplace_back(out.begin(), out.begin() + size);
    (*ring)->release();
    return records;
  }

  const test::ScratchFolder directory_;
  WorkerMetrics metrics_;
};

TEST_F(Sink, KeepsOfTheClientWhatTheLevelSays) {
  write_key("2026-07-06", std::string(16, 'k'));
  PseudonymKeys keys(directory_.path());
  keys.refresh(at(kMidday, SteadyTime(1h)));
  const auto sink = this->sink(keys);
  const IpAddress client = *IpAddress::parse("192.0.2.77");
  PseudonymKey key;
  key.fill('k');
  for (const Privacy level : {Privacy::full, Privacy::prefix, Privacy::pseudonym, Privacy::none}) {
    Decision decision;
    decision.time = kMidday;
    decision.qname = *Name::parse("ads.example");
    decision.client.address = client;  // whatever the caller left there
    sink->push(decision, client, level);
    const auto records = drain();
    ASSERT_EQ(records.size(), 1u);
    const auto read = decode_decision(records[0]);
    ASSERT_TRUE(read);
    const auto expected = identity_of(client, level, key);
    EXPECT_EQ(read->client.level, level);
    EXPECT_EQ(read->client.address, expected.address);
    EXPECT_EQ(read->client.prefix_length, expected.prefix_length);
    EXPECT_EQ(read->client.pseudonym, expected.pseudonym);
    EXPECT_EQ(read->qname, decision.qname);
  }
  EXPECT_EQ(metrics_.get(Metric::decisions), 4u);
}

TEST_F(Sink, WithoutAKeyOfTheDayThereIsNoClient) {
  write_key("2026-07-05", std::string(16, 'y'));
  PseudonymKeys keys(directory_.path());
  keys.refresh(at(kMidday, SteadyTime(1h)));
  const auto sink = this->sink(keys);
  Decision decision;
  decision.time = kMidday;
  sink->push(decision, *IpAddress::parse("192.0.2.77"), Privacy::pseudonym);
  const auto records = drain();
  ASSERT_EQ(records.size(), 1u);
  const auto read = decode_decision(records[0]);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->client.level, Privacy::none);
  EXPECT_EQ(read->client.pseudonym, 0u);
}

TEST_F(Sink, AKeyThatIsDestroyedOrReplacedIsGivenUpWithinASecond) {
  const auto of = [](char octet) {
    PseudonymKey key;
    key.fill(static_cast<std::uint8_t>(octet));
    return std::optional<PseudonymKey>(key);
  };
  write_key("2026-07-06", std::string(16, 'k'));
  PseudonymKeys keys(directory_.path());
  keys.refresh(at(kMidday, SteadyTime(1h)));
  EXPECT_EQ(keys.key_at(kMidday), of('k'));
  write_key("2026-07-06", std::string(16, 'm'));
  keys.refresh(at(kMidday, SteadyTime(1h) + 1s));
  EXPECT_EQ(keys.key_at(kMidday), of('m'));
  write_key("2026-07-06", std::string(16, '\0'));
  keys.refresh(at(kMidday, SteadyTime(1h) + 2s));
  EXPECT_EQ(keys.key_at(kMidday), std::nullopt) << "what a key is overwritten with is none";
}

TEST_F(Sink, FullRingDropsAndCounts) {
  PseudonymKeys keys(directory_.path());
  const auto sink = this->sink(keys, 4096);
  Decision decision;
  for (int i = 0; i < 100; ++i) sink->push(decision, IpAddress(), Privacy::full);
  EXPECT_GT(metrics_.get(Metric::ring_drops), 0u);
  EXPECT_EQ(metrics_.get(Metric::ring_drops) + metrics_.get(Metric::decisions), 100u);
  EXPECT_EQ(drain().size(), metrics_.get(Metric::decisions));
}

TEST_F(Sink, TotalsAreWrittenEachMinuteAndWhenGroupsChange) {
  PseudonymKeys keys(directory_.path());
  const auto sink = this->sink(keys);
  sink->set_groups(3, {7}, kMidday);
  for (int i = 0; i < 5; ++i) sink->count(0, AnswerKind::cached);
  sink->count(2, AnswerKind::blocked);
  sink->count(2, AnswerKind::failed);
  sink->count(2, AnswerKind::resolved);
  sink->count(3, AnswerKind::resolved);  // no such group
  sink->tick(kMidday + 59s);
  EXPECT_TRUE(drain().empty());
  sink->tick(kMidday + 60s);
  auto records = drain();
  ASSERT_EQ(records.size(), 2u);  // none for the group that nobody used
  const auto first = decode_counters(records[0]);
  const auto second = decode_counters(records[1]);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->time, kMidday + 30s) << "in the middle of what was counted";
  EXPECT_EQ(first->group, 0u);
  EXPECT_EQ(first->queries, 5u);
  EXPECT_EQ(first->cached, 5u);
  EXPECT_EQ(second->group, 2u);
  EXPECT_EQ(second->queries, 3u);
  EXPECT_EQ(second->blocked, 1u);
  EXPECT_EQ(second->failed, 1u);

  sink->tick(kMidday + 120s);
  EXPECT_TRUE(drain().empty()) << "nothing happened, nothing to say";
  sink->count(1, AnswerKind::resolved);
  sink->set_groups(1, {8}, kMidday + 130s);
  records = drain();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(decode_counters(records[0])->group, 1u);
  EXPECT_EQ(decode_counters(records[0])->generation.value, 7u) << "counted before the other came into force";
  sink->count(0, AnswerKind::resolved);
  sink->tick(kMidday - 1h);  // the clock was set back: a minute counts from there
  sink->tick(kMidday - 1h + 60s);
  EXPECT_EQ(drain().size(), 1u);
  EXPECT_EQ(metrics_.get(Metric::decisions), 0u) << "totals are no decisions";
}

TEST_F(Sink, KeysFollowTheDay) {
  PseudonymKeys keys(directory_.path());
  SteadyTime steady(1h);
  const WallTime day = kMidday;
  keys.refresh(at(day, steady));
  EXPECT_FALSE(keys.key_at(day));

  write_key("2026-07-06", std::string(16, 'a'));
  keys.refresh(at(day, steady + 900ms));
  EXPECT_FALSE(keys.key_at(day)) << "read at most once a second";
  keys.refresh(at(day + 1s, steady + 1s));
  ASSERT_TRUE(keys.key_at(day));
  EXPECT_EQ((*keys.key_at(day))[15], 'a');
  EXPECT_FALSE(keys.key_at(day + 24h));
  EXPECT_FALSE(keys.key_at(day - 48h));  // the same parity

  // Tomorrow's is taken shortly before midnight, and the day before is forgotten after it.
  write_key("2026-07-07", std::string(16, 'b'));
  keys.refresh(at(day + 11h + 49min, steady + 1h));
  EXPECT_FALSE(keys.key_at(day + 12h));
  keys.refresh(at(day + 11h + 55min, steady + 2h));
  EXPECT_TRUE(keys.key_at(day));
  ASSERT_TRUE(keys.key_at(day + 12h));
  EXPECT_EQ((*keys.key_at(day + 12h))[0], 'b');
  keys.refresh(at(day + 12h, steady + 2h + 1s));  // another day: at once
  EXPECT_FALSE(keys.key_at(day));
  EXPECT_TRUE(keys.key_at(day + 12h));

  fs::remove(directory_ / "keys" / "2026-07-07");
  keys.refresh(at(day + 13h, steady + 3h));
  EXPECT_FALSE(keys.key_at(day + 13h)) << "destroyed by the sidecar: gone here too";
}

TEST_F(Sink, FilesThatAreNoKeysAreIgnored) {
  PseudonymKeys keys(directory_.path());
  SteadyTime steady(1h);
  for (const std::size_t size : {0, 1, 15, 17, 4096}) {
    write_key("2026-07-06", std::string(size, 'a'));
    keys.refresh(at(kMidday, steady += 1h));
    EXPECT_FALSE(keys.key_at(kMidday)) << size;
  }
  fs::remove(directory_ / "keys" / "2026-07-06");
  fs::create_directory(directory_ / "keys" / "2026-07-06");
  keys.refresh(at(kMidday, steady += 1h));
  EXPECT_FALSE(keys.key_at(kMidday));
}

// A key is whole or absent, whenever it is read.
TEST_F(Sink, KeysAreReadWhileTheyChange) {
  PseudonymKeys keys(directory_.path());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> whole{0};
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      const auto key = keys.key_at(kMidday);
      if (!key) continue;
      for (const auto octet : *key) EXPECT_EQ(octet, (*key)[0]);
      whole.fetch_add(1, std::memory_order_relaxed);
    }
  });
  SteadyTime steady(1h);
  for (int round = 0; round < 300 || whole.load() < 1000; ++round) {
    write_key("2026-07-06", std::string(16, static_cast<char>('a' + round % 20)));
    keys.refresh(at(kMidday, steady += 1h));
  }
  stop = true;
  reader.join();
}

}  // namespace
}  // namespace weir::decision_sink_test
