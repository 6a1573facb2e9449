#include "zones/link/decision.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace weir::decision_test {
namespace {

Name name(std::string_view text) {
  return *Name::parse(text);
}

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

std::string text_of(std::span<const std::uint8_t> octets) {
  return {octets.begin(), octets.end()};
}

// Name compares without case; the log keeps it.
void expect_same(const Decision& a, const Decision& b) {
  EXPECT_EQ(a.time, b.time);
  EXPECT_EQ(a.decision_class, b.decision_class);
  EXPECT_EQ(a.link, b.link);
  EXPECT_EQ(a.transport, b.transport);
  EXPECT_EQ(a.action, b.action);
  EXPECT_EQ(a.mode, b.mode);
  EXPECT_EQ(a.client.level, b.client.level);
  EXPECT_EQ(a.client.address, b.client.address);
  EXPECT_EQ(a.client.prefix_length, b.client.prefix_length);
  EXPECT_EQ(a.client.pseudonym, b.client.pseudonym);
  EXPECT_EQ(a.group, b.group);
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(text_of(a.qname.wire()), text_of(b.qname.wire()));
  EXPECT_EQ(a.qtype, b.qtype);
  EXPECT_EQ(text_of(a.link_name.wire()), text_of(b.link_name.wire()));
  EXPECT_EQ(a.link_address, b.link_address);
  EXPECT_EQ(a.winner, b.winner);
  EXPECT_EQ(a.loser_count, b.loser_count);
  for (unsigned i = 0; i < a.loser_count; ++i) EXPECT_EQ(a.losers[i], b.losers[i]);
  EXPECT_EQ(a.latency_us, b.latency_us);
}

std::string longest_name() {
  std::string text;
  for (int i = 0; i < 3; ++i) text += std::string(63, static_cast<char>('a' + i)) + ".";
  return text + std::string(61, 'z');  // 255 octets
}

Decision full_decision() {
  Decision decision;
  decision.time = WallTime(std::chrono::nanoseconds(1783298432123456789));
  decision.decision_class = DecisionClass::allowed_over_block;
  decision.link = LinkKind::address;
  decision.transport = Transport::tcp;
  decision.action = Action::answer;
  decision.mode = BlockMode::cname;
  decision.client = identity_of(address("2001:db8:1:2ff:3::4"), Privacy::prefix, std::nullopt);
  decision.group = 0xFFFFFFFE;
  decision.generation = {0x0102030405060708};
  decision.qname = name(longest_name());
  decision.qtype = static_cast<RecordType>(65280);
  decision.link_name = name(longest_name());
  decision.link_address = address("192.0.2.7");
  const auto match = [](std::uint32_t list, PatternKind kind, Action action) {
    Match made;
    made.list = list;
    made.detail = list * 3;
    made.kind = kind;
    made.action = action;
    made.labels = 127;
    made.flags = Match::kImportant | Match::kManyListsBelow;
    made.below_first = 200;
    made.below_count = 55;
    return made;
  };
  decision.winner = match(0xFFFFFFFF, PatternKind::client, Action::allow);
  for (unsigned i = 0; i < 8; ++i) decision.losers[i] = match(16 + i, PatternKind::subtree, Action::block);
  decision.loser_count = 8;
  decision.latency_us = 0xFFFFFFFF;
  return decision;
}

TEST(Decision, ComesBackAsItWasEncoded) {
  std::vector<Decision> rows(5);
  rows[1] = full_decision();
  rows[2].qname = name("Ads.EXAMPLE.org");
  rows[2].client = identity_of(address("192.0.2.77"), Privacy::full, std::nullopt);
  rows[3].client = identity_of(address("192.0.2.77"), Privacy::pseudonym, std::array<std::uint8_t, 16>{1});
  rows[3].time = WallTime(std::chrono::nanoseconds(-1));
  rows[4].qname = name("\\000\\255.\\.x.example");
  for (const auto& row : rows) {
    std::array<std::uint8_t, kMaxRecordSize> out{};
    const std::size_t size = encode(row, out);
    ASSERT_GT(size, 0u);
    const auto record = std::span(out).first(size);
    EXPECT_EQ(record_kind(record), RecordKind::decision);
    const auto back = decode_decision(record);
    ASSERT_TRUE(back);
    expect_same(*back, row);
    EXPECT_FALSE(decode_counters(record));
    for (std::size_t shorter = 0; shorter < size; ++shorter) {
      EXPECT_FALSE(decode_decision(record.first(shorter))) << shorter;
      std::vector<std::uint8_t> small(shorter);
      EXPECT_EQ(encode(row, small), 0u) << shorter;
    }
  }
}

TEST(Decision, NumbersAreLittleEndianWhateverTheMachine) {
  CounterRecord counters;
  counters.time = WallTime(std::chrono::nanoseconds(0x0102030405060708));
  counters.group = 0x0A0B0C0D;
  std::array<std::uint8_t, kMaxRecordSize> out{};
  ASSERT_EQ(encode(counters, out), 2u + 8 + 4 + 8 + 4 * 8);
  const std::uint8_t expected[] = {2, 2, 8, 7, 6, 5, 4, 3, 2, 1, 0x0D, 0x0C, 0x0B, 0x0A};
  EXPECT_TRUE(std::equal(std::begin(expected), std::end(expected), out.begin()));
}

TEST(Decision, CountersComeBackAsTheyWereEncoded) {
  const CounterRecord counters{WallTime(std::chrono::seconds(1783298400)), 3, {12}, 1ULL << 40, 2, 3, ~0ULL};
  std::array<std::uint8_t, kMaxRecordSize> out{};
  const auto record = std::span(out).first(encode(counters, out));
  EXPECT_EQ(record_kind(record), RecordKind::counters);
  const auto back = decode_counters(record);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->time, counters.time);
  EXPECT_EQ(back->group, counters.group);
  EXPECT_EQ(back->generation, counters.generation);
  EXPECT_EQ(back->queries, counters.queries);
  EXPECT_EQ(back->blocked, counters.blocked);
  EXPECT_EQ(back->cached, counters.cached);
  EXPECT_EQ(back->failed, counters.failed);
  EXPECT_FALSE(decode_counters(record.first(record.size() - 1)));
  EXPECT_FALSE(decode_decision(record));
}

TEST(Decision, CountersOfBeforeHaveNoGeneration) {
  const CounterRecord counters{WallTime(std::chrono::seconds(1783298400)), 3, {12}, 5, 2, 3, 4};
  std::array<std::uint8_t, kMaxRecordSize> out{};
  const std::size_t size = encode(counters, out);
  constexpr std::size_t kGenerationAt = 2 + 8 + 4;
  std::vector<std::uint8_t> before(out.begin(), out.begin() + size);
  before.erase(before.begin() + kGenerationAt, before.begin() + kGenerationAt + 8);
  EXPECT_FALSE(decode_counters(before));
  before[1] = 1;
  const auto back = decode_counters(before);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->group, 3u);
  EXPECT_EQ(back->generation.value, 0u);
  EXPECT_EQ(back->queries, 5u);
  EXPECT_EQ(back->failed, 4u);
}

TEST(Decision, WhatTheLevelDoesNotKeepIsNotWritten) {
  Decision decision;
  decision.client.address = address("198.51.100.23");
  decision.client.prefix_length = 24;
  decision.client.pseudonym = 0x1122334455667788;
  struct Row {
    Privacy level;
    const char* address;
    unsigned prefix_length;
    std::uint64_t pseudonym;
  };
  const Row rows[] = {
      {Privacy::prefix, "198.51.100.0", 24, 0},  // also where the caller forgot to mask
      {Privacy::pseudonym, "0.0.0.0", 0, 0x1122334455667788},
      {Privacy::none, "0.0.0.0", 0, 0},
  };
  for (const auto& row : rows) {
    decision.client.level = row.level;
    std::array<std::uint8_t, kMaxRecordSize> out{};
    const auto back = decode_decision(std::span(out).first(encode(decision, out)));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->client.address.to_text(), row.address);
    EXPECT_EQ(back->client.prefix_length, row.prefix_length);
    EXPECT_EQ(back->client.pseudonym, row.pseudonym);
  }
}

// With its head of eight octets it takes one line of the processor's cache in the ring.
TEST(Decision, AQueryThatNoRuleMatchesTakesFewOctets) {
  Decision decision;
  decision.qname = name("host77.bench");
  decision.client = identity_of(address("192.0.2.77"), Privacy::full, std::nullopt);
  std::array<std::uint8_t, kMaxRecordSize> out{};
  EXPECT_EQ(encode(decision, out), 56u);
}

// As an earlier weir wrote it; such rows may wait in a log that is opened by this one.
TEST(Decision, RecordsOfTheWideLayoutAreRead) {
  std::vector<std::uint8_t> record = {1, 1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 1, 1, 0, 4, 1};
  const auto put = [&](std::initializer_list<int> octets) {
    record.insert(record.end(), octets.begin(), octets.end());
  };
  const auto zeros = [&](std::size_t count) { record.insert(record.end(), count, std::uint8_t{0}); };
  put({4, 192, 0, 2, 0});  // the client
  zeros(12);
  put({24});
  zeros(8);                        // no pseudonym
  put({3, 0, 0, 0});               // group
  put({9, 0, 0, 0, 0, 0, 0, 0});   // generation
  put({28, 0, 0x10, 0x27, 0, 0});  // AAAA, 10,000 us
  put({6, 0x20, 1, 0xD, 0xB8});    // the address that decided
  zeros(12);
  const auto match = [&](int list) { put({list, 0, 0, 0, 5, 0, 0, 0, 1, 0, 2, 1, 0, 0}); };
  match(7);
  put({1});
  match(8);
  put({9, 3, 'a', 'd', 's', 3, 'o', 'r', 'g', 0});
  put({5, 3, 'c', 'd', 'n', 0});
  const auto decision = decode_decision(record);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->time,
            WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(0x0102030405060708))));
  EXPECT_EQ(decision->decision_class, DecisionClass::allowed_over_block);
  EXPECT_EQ(decision->link, LinkKind::alias);
  EXPECT_EQ(decision->transport, Transport::tcp);
  EXPECT_EQ(decision->client.level, Privacy::prefix);
  EXPECT_EQ(decision->client.address, address("192.0.2.0"));
  EXPECT_EQ(decision->client.prefix_length, 24);
  EXPECT_EQ(decision->group, 3u);
  EXPECT_EQ(decision->generation.value, 9u);
  EXPECT_EQ(decision->qtype, RecordType::aaaa);
  EXPECT_EQ(decision->latency_us, 10000u);
  EXPECT_EQ(decision->link_address, address("2001:db8::"));
  EXPECT_EQ(decision->winner.list, 7u);
  EXPECT_EQ(decision->winner.detail, 5u);
  EXPECT_EQ(decision->winner.labels, 2);
  ASSERT_EQ(decision->loser_count, 1);
  EXPECT_EQ(decision->losers[0].list, 8u);
  EXPECT_EQ(decision->qname, name("ads.org"));
  EXPECT_EQ(decision->link_name, name("cdn"));
  for (std::size_t shorter = 0; shorter < record.size(); ++shorter)
    EXPECT_FALSE(decode_decision(std::span(record).first(shorter))) << shorter;
  record[1] = 3;
  EXPECT_FALSE(decode_decision(record)) << "a layout that nobody knows";
}

// Every octet of a sound record takes every value: never a crash, and what is accepted can be encoded again.
TEST(Decision, AnyOctetsAreSafe) {
  std::array<std::uint8_t, kMaxRecordSize> out{};
  const Decision decision = full_decision();
  const std::size_t size = encode(decision, out);
  unsigned refused = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint8_t before = out[i];
    for (unsigned value = 0; value < 256; value += i < 120 ? 1 : 7) {
      out[i] = static_cast<std::uint8_t>(value);
      const auto back = decode_decision(std::span(out).first(size));
      if (!back) {
        ++refused;
        continue;
      }
      EXPECT_LE(back->loser_count, 8u);
      std::array<std::uint8_t, kMaxRecordSize> again{};
      EXPECT_GT(encode(*back, again), 0u);
    }
    out[i] = before;
  }
  EXPECT_GT(refused, 1000u);

  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> noise(random() % 300);
    for (auto& octet : noise) octet = static_cast<std::uint8_t>(random());
    if (noise.size() > 1) {
      noise[0] = static_cast<std::uint8_t>(1 + random() % 2);
      noise[1] = 1;
    }
    (void)record_kind(noise);
    (void)decode_decision(noise);
    (void)decode_counters(noise);
  }
}

TEST(Decision, KindOfARecord) {
  EXPECT_EQ(record_kind({}), RecordKind::none);
  EXPECT_EQ(record_kind(std::array<std::uint8_t, 1>{0}), RecordKind::none);
  EXPECT_EQ(record_kind(std::array<std::uint8_t, 1>{3}), RecordKind::none);
  EXPECT_EQ(record_kind(std::array<std::uint8_t, 1>{2}), RecordKind::counters);
}

TEST(Identity, KeepsWhatTheLevelSays) {
  struct Row {
    const char* client;
    Privacy level;
    Privacy kept_level;
    const char* kept;
    unsigned prefix_length;
  };
  const Row rows[] = {
      {"192.0.2.77", Privacy::full, Privacy::full, "192.0.2.77", 32},
      {"192.0.2.77", Privacy::prefix, Privacy::prefix, "192.0.2.0", 24},
      {"192.0.2.77", Privacy::none, Privacy::none, "0.0.0.0", 0},
      {"192.0.2.77", Privacy::pseudonym, Privacy::none, "0.0.0.0", 0},  // without a key: never full
      {"2001:db8:1:2ff:3::4", Privacy::full, Privacy::full, "2001:db8:1:2ff:3::4", 128},
      {"2001:db8:1:2ff:3::4", Privacy::prefix, Privacy::prefix, "2001:db8:1:200::", 56},
      {"::ffff:192.0.2.77", Privacy::prefix, Privacy::prefix, "192.0.2.0", 24},
      {"::ffff:192.0.2.77", Privacy::full, Privacy::full, "192.0.2.77", 32},
  };
  for (const auto& row : rows) {
    const auto identity = identity_of(address(row.client), row.level, std::nullopt);
    EXPECT_EQ(identity.level, row.kept_level) << row.client;
    EXPECT_EQ(identity.address.to_text(), row.kept) << row.client;
    EXPECT_EQ(identity.prefix_length, row.prefix_length) << row.client;
    EXPECT_EQ(identity.pseudonym, 0u) << row.client;
  }
}

// The reference vectors of SipHash-2-4 for 4 and 16 octets: key 00 01 .. 0f, message 00 01 ...
TEST(Identity, PseudonymIsSipHash) {
  std::array<std::uint8_t, 16> key{};
  for (unsigned i = 0; i < 16; ++i) key[i] = static_cast<std::uint8_t>(i);
  const auto ipv4 = identity_of(address("0.1.2.3"), Privacy::pseudonym, key);
  EXPECT_EQ(ipv4.level, Privacy::pseudonym);
  EXPECT_EQ(ipv4.pseudonym, 0xcf2794e0277187b7);
  EXPECT_TRUE(ipv4.address.is_unspecified());
  const auto ipv6 = identity_of(IpAddress::from_octets(key), Privacy::pseudonym, key);
  EXPECT_EQ(ipv6.pseudonym, 0x3f2acc7f57c29bdb);
  EXPECT_TRUE(ipv6.address.is_unspecified());
  EXPECT_EQ(identity_of(address("::ffff:0.1.2.3"), Privacy::pseudonym, key).pseudonym, ipv4.pseudonym);
  key[0] = 1;
  EXPECT_NE(identity_of(address("0.1.2.3"), Privacy::pseudonym, key).pseudonym, ipv4.pseudonym);
}

}  // namespace
}  // namespace weir::decision_test
