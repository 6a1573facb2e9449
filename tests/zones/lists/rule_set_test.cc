// What a list has said so far: no publisher can know where in memory it lies.
#include "zones/lists/rule_set.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace weir::rule_set_test {
namespace {

Rule numbered(unsigned number) {
  Rule rule;
  rule.name = *Name::parse("n" + std::to_string(number) + ".example");
  return rule;
}

TEST(RuleHashes, KnowWhatWasPutInAndNothingElse) {
  RuleHashes hashes;
  for (unsigned i = 0; i < 20'000; ++i) EXPECT_TRUE(hashes.insert(hash_rule(numbered(i)))) << i;
  for (unsigned i = 0; i < 20'000; ++i) EXPECT_FALSE(hashes.insert(hash_rule(numbered(i)))) << i;
  for (unsigned i = 20'000; i < 40'000; ++i) EXPECT_FALSE(hashes.contains(hash_rule(numbered(i)))) << i;
  EXPECT_EQ(hashes.size(), 20'000U);
}

TEST(RuleHashes, KnowMillions) {
  constexpr std::uint64_t kCount = 4'100'000;
  const auto hash = [](std::uint64_t number) { return number * 0x9E3779B97F4A7C15ULL; };
  RuleHashes hashes;
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 1; i <= kCount; ++i) {
    wrong += hashes.insert(hash(i)) ? 0 : 1;
    if (i % 1000 == 0) wrong += hashes.insert(hash(i / 2)) || !hashes.contains(hash(i)) ? 1 : 0;
  }
  for (std::uint64_t i = 1; i <= kCount; i += 7) wrong += hashes.contains(hash(i)) ? 0 : 1;
  for (std::uint64_t i = 1; i <= 100'000; ++i) wrong += hashes.contains(hash(kCount + i)) ? 1 : 0;
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(hashes.size(), kCount);
}

TEST(RuleHashes, WhatMakesARuleIsInItsHash) {
  std::vector<Rule> rules(7, numbered(1));
  rules[1].kind = PatternKind::subtree;
  rules[2].action = Action::allow;
  rules[3].important = true;
  rules[4].pattern = "x";
  rules[5].detail.conditions.types = {RecordType::aaaa};
  rules[6].exception = true;
  std::set<std::uint64_t> hashes;
  for (const Rule& rule : rules) hashes.insert(hash_rule(rule));
  EXPECT_EQ(hashes.size(), rules.size());
  EXPECT_EQ(hash_name(*Name::parse("A.Example")), hash_name(*Name::parse("a.eXample")));
}

TEST(EnumerationProof, AsksOfADeepNameTheNearestAncestorsAlone) {
  Rule top;
  top.name = *Name::parse("top.example");
  RuleHashes rules;
  rules.insert(hash_rule(top));
  const auto share = [&](unsigned labels_above) {
    EnumerationProof proof;
    for (unsigned i = 0; i < 1000; ++i) {  // one in 16 is asked
      std::string text = "n" + std::to_string(i) + ".top.example";
      for (unsigned label = 0; label < labels_above; ++label) text.insert(0, "a.");
      Rule rule;
      rule.name = *Name::parse(text);
      proof.add(rule);
    }
    EXPECT_EQ(proof.names(), 1000U);
    return proof.share_with_ancestor(rules);
  };
  EXPECT_EQ(share(0), 1.0);
  EXPECT_EQ(share(EnumerationProof::kMostAsked - 2), 1.0);
  EXPECT_EQ(share(EnumerationProof::kMostAsked), 0.0) << "what is asked of a name is bounded";
}

// Names chosen to meet in one place of the table would make a reading quadratic.
TEST(RuleHashesDeathTest, AreOthersInEachProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the process in between begins anew
  const std::string hash = std::to_string(hash_rule(numbered(1)));
  ::setenv("WEIR_HASH_OF_PARENT", hash.c_str(), 0);  // there already in that process
  EXPECT_EXIT(std::exit(hash == std::getenv("WEIR_HASH_OF_PARENT") ? 1 : 0), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir::rule_set_test
