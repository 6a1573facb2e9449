// Of two rules of the administrator's that nothing else tells apart the newer decides (SEMANTICS section 3).
#include <gtest/gtest.h>

#include "tests/zones/store/store_fixture.h"
#include "zones/verdict.h"

namespace weir::testing::newer_rule_test {
namespace {

Rule own_rule(PatternKind kind, Action action, RecordType type, const char* pattern = "") {
  Rule rule;
  rule.kind = kind;
  rule.name = *Name::parse("a.example");
  rule.action = action;
  rule.pattern = pattern;
  rule.detail.conditions.types = {type};
  return rule;
}

std::string decided(const RulesInForce& rules) {
  const Name asked = *Name::parse("b.a.example");
  MatchSet set;
  rules.match(ReversedName(asked), set);
  const Verdict verdict = decide(set, {rules.policies(), 0, {}, asked, RecordType::a, at(1).wall, rules});
  return verdict.winner == kNoRule ? "none" : std::string(to_text(verdict.action));
}

class NewerRule : public ::testing::Test {
 protected:
  void add(const Rule& rule) { ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule, {}, at(1)).has_value()); }
  void remove(const Rule& rule) { ASSERT_TRUE(must(store.writer->remove_rule(kLocalRules, rule, {}, at(1)))); }
  // What is in force, which the validity intervals must say too.
  std::string now() {
    store.clock += 1;
    const GenerationNumber number = store.publish();
    const std::string said = decided(*store.open());
    EXPECT_EQ(decided(*must(store.writer->rules_at(at(store.clock).wall))), said) << "generation " << number.value;
    return said;
  }

  Store store;
};

// SEMANTICS 3: then the newer rule.
TEST_F(NewerRule, DecidesWhateverTheOrderOfTheirKeys) {
  const Rule nxdomain = own_rule(PatternKind::subtree, Action::nxdomain, RecordType::a);
  Rule refused = own_rule(PatternKind::subtree, Action::refused, RecordType::a);
  refused.detail.conditions.types.push_back(RecordType::mx);
  add(nxdomain);
  add(refused);
  EXPECT_EQ(now(), "refused");
  remove(nxdomain);
  add(nxdomain);
  EXPECT_EQ(now(), "nxdomain");
  const std::int64_t then = store.clock;
  store.import("ads", {refused});  // another list's rule on the same name leaves the order alone
  EXPECT_EQ(now(), "nxdomain");
  remove(refused);
  EXPECT_EQ(now(), "nxdomain");
  add(refused);
  EXPECT_EQ(now(), "refused");
  EXPECT_EQ(decided(*must(store.writer->rules_at(at(then).wall))), "nxdomain");
}

TEST_F(NewerRule, DecidesBetweenPatternsOfAnyKind) {
  const Rule glob = own_rule(PatternKind::glob, Action::nxdomain, RecordType::a, "b*.a.example");
  const Rule regex = own_rule(PatternKind::regex, Action::refused, RecordType::a, "^b.*\\.a\\.example$");
  add(glob);
  add(regex);
  EXPECT_EQ(now(), "refused");
  remove(glob);
  add(glob);
  EXPECT_EQ(now(), "nxdomain");
}

// Without conditions a rule has no payload; its age is known all the same.
TEST_F(NewerRule, DecidesBetweenAGroupsRuleAndAnImportantOne) {
  Rule everybody = own_rule(PatternKind::subtree, Action::nxdomain, RecordType::a);
  everybody.detail = {};
  everybody.important = true;
  Rule group = everybody;
  group.action = Action::refused;
  group.detail.conditions.groups = {"default"};
  add(group);
  add(everybody);
  EXPECT_EQ(now(), "nxdomain");
  remove(group);
  add(group);
  EXPECT_EQ(now(), "refused");
}

TEST_F(NewerRule, KeepsItsAgeOverARollback) {
  const Rule nxdomain = own_rule(PatternKind::subtree, Action::nxdomain, RecordType::a);
  Rule refused = own_rule(PatternKind::subtree, Action::refused, RecordType::a);
  refused.detail.conditions.types.push_back(RecordType::mx);
  add(nxdomain);
  add(refused);
  EXPECT_EQ(now(), "refused");
  const GenerationNumber both = store.writer->published();
  remove(nxdomain);
  EXPECT_EQ(now(), "refused");
  must(store.writer->rollback_generation(both, "test", at(store.clock)));
  EXPECT_EQ(decided(*store.open()), "refused");
  add(own_rule(PatternKind::exact, Action::drop, RecordType::mx));
  EXPECT_EQ(now(), "refused");
}

}  // namespace
}  // namespace weir::testing::newer_rule_test
