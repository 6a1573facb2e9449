#include "tools/sidecar/rule_spool.h"

#include <gtest/gtest.h>

#include "tests/tools/sidecar/scratch.h"

namespace weir::sidecar {
namespace {

TEST(RuleSpool, GivesBackWhatItWasGivenInOrder) {
  const Scratch scratch;
  std::vector<SourcedRule> rules;
  for (unsigned i = 0; i < 3000; ++i) {
    SourcedRule rule;
    rule.line = i * 7 + 1;
    rule.rule.name =
        *Name::parse("host" + std::to_string(i) + (i % 5 == 0 ? "." + std::string(63, 'x') : "") + ".example");
    rule.rule.kind = std::array{PatternKind::exact, PatternKind::subtree, PatternKind::below}[i % 3];
    rule.rule.action = std::array{Action::block, Action::allow, Action::nxdomain}[i / 3 % 3];
    rule.rule.important = i % 4 == 0;
    rule.rule.exception = i % 7 == 0;
    if (i % 11 == 0) rule.rule.detail.conditions.types = {RecordType::aaaa};
    if (i % 13 == 0) {
      rule.rule = {};
      rule.rule.kind = PatternKind::address;
      rule.rule.prefix = *Prefix::parse(i % 2 == 0 ? "192.0.2.0/24" : "2001:db8::/32");
    }
    if (i % 17 == 0) {
      rule.rule.kind = PatternKind::regex;
      rule.rule.pattern = "ads[0-9]+";
    }
    rules.push_back(rule);
  }
  auto spool = RuleSpool::create(scratch.path());
  ASSERT_TRUE(spool) << spool.error().message;
  for (const SourcedRule& rule : rules) (*spool)->add(rule);
  const auto usable = (*spool)->finish();
  ASSERT_TRUE(usable) << usable.error().message;
  EXPECT_TRUE(*usable);
  for (const SourcedRule& rule : rules) {
    const auto got = (*spool)->next();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->rule, rule.rule) << rule.line;
    EXPECT_EQ(got->line, rule.line);
  }
  EXPECT_FALSE((*spool)->next());
  EXPECT_FALSE((*spool)->fault());
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path())) << "the file has no name";
}

TEST(RuleSpool, SaysWhenTheListIsToBeReadAgain) {
  const Scratch scratch;
  auto spool = RuleSpool::create(scratch.path());
  ASSERT_TRUE(spool);
  SourcedRule rule;
  rule.rule.kind = PatternKind::regex;
  rule.rule.pattern = "x";
  for (std::size_t i = 0; i <= kMaxSpooledInMemory; ++i) (*spool)->add(rule);
  const auto usable = (*spool)->finish();
  ASSERT_TRUE(usable);
  EXPECT_FALSE(*usable);
}

}  // namespace
}  // namespace weir::sidecar
