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

// Names chosen to meet in one place of the table would make a reading quadratic.
TEST(RuleHashesDeathTest, AreOthersInEachProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the process in between begins anew
  const std::string hash = std::to_string(hash_rule(numbered(1)));
  ::setenv("WEIR_HASH_OF_PARENT", hash.c_str(), 0);  // there already in that process
  EXPECT_EXIT(std::exit(hash == std::getenv("WEIR_HASH_OF_PARENT") ? 1 : 0), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir::rule_set_test
