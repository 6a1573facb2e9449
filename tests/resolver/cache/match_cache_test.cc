#include "resolver/cache/match_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "zones/dns/name.h"

namespace weir::match_cache_test {
namespace {

MatchSet set_of(std::uint32_t list, unsigned labels, unsigned shared) {
  MatchSet out;
  Match match;
  match.list = list;
  match.kind = PatternKind::subtree;
  match.labels = static_cast<std::uint8_t>(labels);
  out.matches = {match};
  out.lists_below = {7, 9};
  out.shared_suffix_labels = static_cast<std::uint8_t>(shared);
  return out;
}

struct MatchCacheTest : testing::Test {
  void put(std::string_view text, const MatchSet& matches, NamesEpoch epoch = {1}) {
    const Name name = *Name::parse(text);
    cache.put(name.wire(), name.hash(), epoch, matches);
  }
  // The list of the first match; 0: known to match nothing; nothing: not cached.
  std::optional<std::uint32_t> find(std::string_view text, NamesEpoch epoch = {1}) {
    const Name name = *Name::parse(text);
    if (!cache.find(name.wire(), name.hash(), epoch, found)) return std::nullopt;
    return found.matches.empty() ? 0 : found.matches.front().list;
  }
  MatchCache cache{64 << 10};
  MatchSet found;
};

TEST_F(MatchCacheTest, WholeNamesAlsoWithoutAMatch) {
  put("www.example.org", set_of(3, 3, 0));
  put("good.example.org", {});
  EXPECT_EQ(find("WWW.example.org"), 3U);
  EXPECT_EQ(found.lists_below, (std::vector<std::uint32_t>{7, 9}));
  EXPECT_EQ(find("good.example.org"), 0U);
  EXPECT_TRUE(found.lists_below.empty());
  EXPECT_EQ(find("example.org"), std::nullopt);
  EXPECT_EQ(find("a.www.example.org"), std::nullopt);
}

TEST_F(MatchCacheTest, OneEntryServesEverythingStrictlyBelowASharedSuffix) {
  put("x1.ads.example", set_of(3, 2, 2));
  EXPECT_EQ(find("x2.ads.example"), 3U);
  EXPECT_EQ(found.shared_suffix_labels, 2);
  EXPECT_EQ(find("a.b.c.ADS.example"), 3U);
  // The suffix itself may have an exact rule, or a rule for "only below": it needs its own entry.
  EXPECT_EQ(find("ads.example"), std::nullopt);
  EXPECT_EQ(find("x.bads.example"), std::nullopt);
  EXPECT_EQ(find("example"), std::nullopt);
  put("ads.example", set_of(5, 2, 2));
  EXPECT_EQ(find("ads.example"), 5U);
  EXPECT_EQ(find("x3.ads.example"), 3U);
}

TEST_F(MatchCacheTest, AnotherEpochIsNotSeen) {
  put("x.ads.example", set_of(3, 2, 2), {1});
  put("www.example.org", set_of(4, 3, 0), {1});
  EXPECT_EQ(find("y.ads.example", {2}), std::nullopt);
  EXPECT_EQ(find("www.example.org", {2}), std::nullopt);
  put("www.example.org", set_of(5, 3, 0), {2});
  EXPECT_EQ(find("www.example.org", {2}), 5U);
  EXPECT_EQ(find("www.example.org", {1}), std::nullopt);
}

TEST_F(MatchCacheTest, WhatDoesNotFitIsNotKept) {
  MatchSet many = set_of(3, 3, 0);
  many.matches.resize(5, many.matches.front());
  put("many.example", many);
  EXPECT_EQ(find("many.example"), std::nullopt);
  const std::string long_name = std::string(40, 'a') + "." + std::string(40, 'b') + ".example";
  put(long_name, set_of(3, 3, 0));
  EXPECT_EQ(find(long_name), std::nullopt);
  put(long_name, set_of(3, 1, 1));  // its suffix fits
  EXPECT_EQ(find(long_name), 3U);
}

TEST_F(MatchCacheTest, FullItStillGivesNothingButWhatWasPut) {
  for (unsigned i = 1; i <= 5000; ++i) put("n" + std::to_string(i) + ".example", set_of(i, 2, 0));
  unsigned kept = 0;
  for (unsigned i = 1; i <= 5000; ++i) {
    const auto list = find("n" + std::to_string(i) + ".example");
    if (!list) continue;
    EXPECT_EQ(*list, i);
    ++kept;
  }
  EXPECT_GT(kept, 100U);
  EXPECT_LE(kept, (64U << 10) / 192);
}

}  // namespace
}  // namespace weir::match_cache_test
