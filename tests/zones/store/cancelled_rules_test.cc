// Rules of lists that the administrator has disabled with $badfilter.
#include "zones/cancelled_rules.h"

#include <gtest/gtest.h>

#include "tests/zones/store/store_fixture.h"
#include "zones/store/history.h"
#include "zones/verdict.h"

namespace weir::testing::cancelled_rules_test {
namespace {

Rule rule_on(const char* name, PatternKind kind = PatternKind::subtree, Action action = Action::block) {
  Rule rule;
  rule.kind = kind;
  rule.name = *Name::parse(name);
  rule.action = action;
  return rule;
}
Rule important(Rule rule) {
  rule.important = true;
  return rule;
}
Rule exception(Rule rule) {
  rule.action = Action::allow;
  rule.exception = true;
  return rule;
}
Rule of_type(Rule rule, RecordType type) {
  rule.detail.conditions.types = {type};
  return rule;
}
Rule pattern(const char* name, PatternKind kind, const char* text) {
  Rule rule = rule_on(name, kind);
  rule.pattern = text;
  return rule;
}

class CancelledRules : public ::testing::Test {
 protected:
  static PolicySet two_lists() {
    PolicySet set = lists_named({"ads", "open"});
    for (ListDefinition& list : set.lists) {
      if (list.name == "open") list.kind = ListKind::allow;
    }
    return set;
  }
  void SetUp() override { store.defined = must(store.writer->define(two_lists())); }
  void cancel(const Rule& rule) { ASSERT_TRUE(store.writer->add_rule(kCancelledRules, rule, {}, at(1)).has_value()); }
  void publish() {
    store.clock += 1;
    store.publish();
  }
  // Lists whose rules match, of the generation in force, which the validity intervals must say too.
  std::string lists_of(const char* name, std::int64_t moment = 0) {
    const auto shown = [&](const RulesInForce& rules) {
      MatchSet set;
      rules.match(ReversedName(*Name::parse(name)), set);
      std::string out;
      for (const Match& match : set.matches) {
        if (match.list_id() >= kFirstDefinedList)
          out += rules.policies().find_list(match.list_id())->name + "/" + std::string(to_text(match.kind)) + " ";
      }
      EXPECT_EQ(rules.damaged_reads(), 0U);
      return out;
    };
    const std::string past = shown(*must(store.writer->rules_at(at(moment == 0 ? store.clock : moment).wall)));
    if (moment == 0) {
      EXPECT_EQ(shown(*store.open()), past) << name;
    }
    return past;
  }

  Store store{{"ads", "open"}};
};

// SEMANTICS 2 adblock: wider scope only for local rules
TEST_F(CancelledRules, WhatIsIdenticalIsDisabledInEveryList) {
  store.import("ads", {rule_on("a.example"), rule_on("b.example"), important(rule_on("b.example")),
                       of_type(rule_on("c.example"), RecordType::a), of_type(rule_on("c.example"), RecordType::aaaa),
                       exception(rule_on("d.example")), rule_on("d.example"),
                       pattern("e.example", PatternKind::glob, "a*.e.example"),
                       pattern("e.example", PatternKind::glob, "*1.e.example"),
                       pattern("f.example", PatternKind::regex, "^a.\\.f\\.example$"), rule_on("f.example")});
  store.import("open", {rule_on("a.example", PatternKind::subtree, Action::allow),
                        rule_on("a.example", PatternKind::exact, Action::allow),
                        rule_on("d.example", PatternKind::subtree, Action::allow)});
  publish();
  const std::int64_t before = store.clock;
  EXPECT_EQ(lists_of("a.example"), "open/exact ads/subtree open/subtree ");
  EXPECT_EQ(lists_of("a1.e.example"), "ads/glob ads/glob ");
  for (const Rule& rule :
       {rule_on("a.example"), important(rule_on("b.example")), of_type(rule_on("c.example"), RecordType::a),
        exception(rule_on("d.example")), pattern("e.example", PatternKind::glob, "a*.e.example"),
        pattern("f.example", PatternKind::regex, "^a.\\.f\\.example$"), rule_on("nobody.example")}) {
    cancel(rule);
  }
  publish();
  EXPECT_EQ(lists_of("a.example"), "open/exact ");  // also the allow list's, where the same line allows
  EXPECT_EQ(lists_of("x.a.example"), "");
  EXPECT_EQ(lists_of("b.example"), "ads/subtree ");  // the plain one
  EXPECT_EQ(lists_of("c.example"), "ads/subtree ");  // that of AAAA
  EXPECT_EQ(lists_of("d.example"), "ads/subtree ");  // the block; the exception, here and in the allow list, is gone
  EXPECT_EQ(lists_of("a1.e.example"), "ads/glob ");  // the other pattern
  EXPECT_EQ(lists_of("a1.f.example"), "ads/subtree ");
  EXPECT_EQ(lists_of("a.example", before), "open/exact ads/subtree open/subtree ");
  // Whatever a list becomes later: the line holds for it.
  store.import("ads", {rule_on("nobody.example"), rule_on("somebody.example")});
  publish();
  EXPECT_EQ(lists_of("nobody.example"), "");
  EXPECT_EQ(lists_of("somebody.example"), "ads/subtree ");
}

TEST_F(CancelledRules, ComeBackWithARemovalAndWithARollback) {
  store.import("ads", {rule_on("a.example")});
  publish();
  const GenerationNumber plain = store.writer->published();
  cancel(rule_on("a.example"));
  publish();
  const GenerationNumber cancelled = store.writer->published();
  EXPECT_EQ(lists_of("a.example"), "");
  ASSERT_TRUE(must(store.writer->remove_rule(kCancelledRules, rule_on("a.example"), {}, at(1))));
  publish();
  EXPECT_EQ(lists_of("a.example"), "ads/subtree ");
  store.clock += 1;
  must(store.writer->rollback_generation(cancelled, "test", at(store.clock)));
  EXPECT_EQ(lists_of("a.example"), "");
  store.clock += 1;
  must(store.writer->rollback_generation(plain, "test", at(store.clock)));
  EXPECT_EQ(lists_of("a.example"), "ads/subtree ");
}

// The rule is in its list all the same, and the decision is that of whatever is left.
TEST_F(CancelledRules, DecideNothingAndLeaveTheListAsItIs) {
  store.import("ads", {rule_on("a.example"), rule_on("example", PatternKind::below, Action::nxdomain)});
  cancel(rule_on("a.example"));
  publish();
  const auto rules = store.open();
  const Name asked = *Name::parse("a.example");
  MatchSet set;
  rules->match(ReversedName(asked), set);
  const Verdict verdict = decide(set, {rules->policies(), 0, {}, asked, RecordType::a, at(1).wall, *rules});
  ASSERT_EQ(verdict.outcome, Outcome::blocked);
  EXPECT_EQ(verdict.action, Action::nxdomain);
  EXPECT_EQ(verdict.loser_count, 0);
  const auto source = find_source(*rules, store.list("ads"), rule_on("a.example"), rules->number());
  ASSERT_TRUE(source.has_value()) << source.error().message;
  EXPECT_EQ(source->line, 1U);
  EXPECT_FALSE(find_source(*rules, store.list("ads"), rule_on("b.example"), rules->number()));
  EXPECT_EQ(rules->rule_count(), 2U);
}

}  // namespace
}  // namespace weir::testing::cancelled_rules_test
