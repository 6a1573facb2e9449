#include "tools/log/block.h"

#include <gtest/gtest.h>

#include "tests/tools/log/sample_decisions.h"
#include "tools/log/block_builder.h"
#include "tools/log/block_codec.h"
#include "zones/dns/reversed_name.h"

namespace weir::log::block_test {
namespace {

std::string octets_of(const Decision& decision) {
  std::array<std::uint8_t, kMaxRecordSize> record;
  const std::size_t size = encode(decision, record);
  return {reinterpret_cast<const char*>(record.data()), size};
}

// What the log keeps of a decision: milliseconds, latencies within 7 %, names in lower case, no traces of a look-up.
Decision kept(Decision decision) {
  decision.time = from_ms(to_ms(decision.time));
  decision.latency_us = latency_of_code(code_of_latency(decision.latency_us));
  decision.qname = decision.qname.folded();
  decision.link_name = decision.link_name.folded();
  return decision;
}

Block decoded(const EncodedBlock& encoded) {
  Block block;
  EXPECT_TRUE(decode_names(encoded.names, block));
  EXPECT_TRUE(decode_columns(encoded.columns, block));
  return block;
}

TEST(Block, GivesBackWhatWasAdded) {
  test::SampleDecisions sample({.seed = 7, .decisions = 20'000, .span_ms = 3'600'000, .only_blocked = true});
  BlockBuilder builder(DecisionClass::blocked);
  std::vector<Decision> expected;
  while (!sample.done()) {
    Decision decision = sample.next();
    if (sample.made() % 100 == 0) {  // what the sample has too little of
      decision.link = LinkKind::address;
      decision.link_address = *IpAddress::parse("2001:db8::7");
      decision.client = identity_of(*IpAddress::parse("2001:db8:1:2::3"), Privacy::prefix, std::nullopt);
    } else if (sample.made() % 101 == 0) {
      decision.client = ClientIdentity{};
      decision.qname = Name();
    } else if (sample.made() % 103 == 0) {
      decision.client = identity_of(sample.client(3), Privacy::pseudonym, std::array<std::uint8_t, 16>{1});
      decision.latency_us = 3'000'000'000;
    }
    ASSERT_TRUE(builder.takes(to_ms(decision.time)));
    builder.add(decision);
    expected.push_back(kept(decision));
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const Decision& a, const Decision& b) { return a.time < b.time; });
  const Block built = builder.build();
  FrameWriter frames;
  const Block read = decoded(encode_block(built, frames));
  ASSERT_EQ(read.header.rows, expected.size());
  for (std::size_t row = 0; row < expected.size(); ++row) {
    ASSERT_EQ(octets_of(built.decision(row)), octets_of(expected[row])) << row;
    ASSERT_EQ(octets_of(read.decision(row)), octets_of(expected[row])) << row;
  }
}

TEST(Block, LatenciesAreWithinSevenPercent) {
  for (std::uint64_t us = 0; us <= UINT32_MAX; us = us + us / 97 + 1) {
    const auto value = static_cast<std::uint32_t>(us);
    const double shown = latency_of_code(code_of_latency(value));
    EXPECT_LE(std::abs(shown - static_cast<double>(value)), 0.0626 * static_cast<double>(value)) << us;
    EXPECT_GE(code_of_latency(value), code_of_latency(value - (value > 0 ? 1 : 0))) << us;
  }
}

TEST(Block, FindsASubtreeAsARange) {
  BlockBuilder builder(DecisionClass::blocked);
  for (const char* name : {"ads.example", "a.ads.example", "b.ads.example", "badads.example", "example", "ads.test",
                           "x.a.ads.example", "ads.example"}) {
    Decision decision;
    decision.qname = *Name::parse(name);
    builder.add(decision);
  }
  const Block block = builder.build();
  const auto range = block.subjects_below(ReversedName(*Name::parse("ads.example")).key());
  std::uint32_t rows = 0;
  for (std::size_t i = range.first; i < range.second; ++i) {
    EXPECT_TRUE(
        ReversedName::to_name(block.names.at(block.subjects[i].name))->is_at_or_below(*Name::parse("ads.example")));
    rows += block.subjects[i].rows;
  }
  EXPECT_EQ(rows, 5U);
  EXPECT_EQ(block.subjects_below("").second, block.subjects.size());
}

TEST(Block, FiltersKnowNamesAndWhatIsAboveThem) {
  test::SampleDecisions sample({.decisions = 5'000, .span_ms = 3'600'000});
  BlockBuilder builder(DecisionClass::blocked);
  std::vector<Decision> decisions;
  while (!sample.done()) {
    decisions.push_back(sample.next());
    builder.add(decisions.back());
  }
  FrameWriter frames;
  const auto summary = decode_summary(encode_block(builder.build(), frames).summary);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->header.rows, 5'000U);
  for (const Decision& decision : decisions) {
    for (unsigned labels = kFilteredLabels; labels <= decision.qname.label_count(); ++labels) {
      const ReversedName key(decision.qname.suffix(labels));
      ASSERT_TRUE(summary->names.may_hold(BlockFilter::hash(key.key()))) << decision.qname.to_text();
    }
    ASSERT_TRUE(summary->clients.may_hold(BlockFilter::hash(client_key(decision.client))));
  }
  unsigned wrong = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    const ReversedName key(*Name::parse("no" + std::to_string(i) + ".such.test"));
    wrong += summary->names.may_hold(BlockFilter::hash(key.key())) ? 1 : 0;
  }
  EXPECT_LT(wrong, 300U) << "of 10,000 names that are not there";
}

TEST(Block, DamageIsToldAndDoesNoHarm) {
  test::SampleDecisions sample({.decisions = 300, .span_ms = 3'600'000});
  BlockBuilder builder(DecisionClass::blocked);
  while (!sample.done()) builder.add(sample.next());
  FrameWriter frames;
  const EncodedBlock encoded = encode_block(builder.build(), frames);
  for (const std::string* value : {&encoded.summary, &encoded.names, &encoded.columns}) {
    for (std::size_t at = 0; at < value->size(); at += 1 + at / 50) {
      std::string other = *value;
      other[at] = static_cast<char>(other[at] ^ 0x10);
      EXPECT_FALSE(read_frames(other)) << at;
    }
    EXPECT_FALSE(read_frames(value->substr(0, value->size() / 2)));
  }
  EXPECT_FALSE(read_frames(""));
}

TEST(Block, HoldsOneDayAndNoMoreRowsThanCodes) {
  BlockBuilder builder(DecisionClass::blocked);
  Decision decision;
  decision.time = from_ms(10 * kDayMs);
  EXPECT_TRUE(builder.takes(5));
  builder.add(decision);
  EXPECT_TRUE(builder.takes(10 * kDayMs + kDayMs - 1));
  EXPECT_FALSE(builder.takes(10 * kDayMs + kDayMs));
  EXPECT_FALSE(builder.takes(10 * kDayMs - 1));
  EXPECT_TRUE(builder.takes(10 * kDayMs, kBlockRows - 1));
  EXPECT_FALSE(builder.takes(10 * kDayMs, kBlockRows));
}

}  // namespace
}  // namespace weir::log::block_test
