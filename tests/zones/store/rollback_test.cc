// What a roll-back of everything leaves alone, and what it says of the definitions.
#include <fstream>

#include "tests/zones/store/cut_rollback.h"
#include "tests/zones/store/store_fixture.h"
#include "zones/store/write_changes.h"

namespace weir::testing::rollback_test {
namespace {

Rule allowed(const char* text) {
  Rule made = rule(text, PatternKind::subtree, Action::allow);
  made.detail.conditions.not_before = at(0).wall;
  made.detail.conditions.not_after = at(100'000).wall;
  return made;
}

Pause paused() {
  return {0, "alice", "homework", {}, {"default"}, at(0).wall, at(100'000).wall};
}

std::string exceptions(const Generation& generation) {
  std::string out = match(generation, "x.open.test");
  for (const Pause& pause : generation.policies().pauses) out += " p" + std::to_string(pause.id);
  return out;
}

std::string exceptions(const PolicyStore& store) {
  std::string out;
  for (const SourcedRule& one : must(store.rules_of(kOverlays, 10))) out += one.rule.name.to_text();
  for (const Pause& pause : store.policies().pauses) out += " p" + std::to_string(pause.id);
  return out;
}

constexpr const char* kBoth = "overlays:subtree:allow:2 p1";

// Once an exception that had been ended by hand was in force again, and one that ran had ended, and nobody said so.
TEST(Rollback, LeavesExceptionsAsTheyAre) {
  Store store;
  store.import("ads", {rule("a.test")});
  store.publish();  // 1: none
  ASSERT_TRUE(store.writer->add_rule(kOverlays, allowed("open.test"), {}, at(5)));
  (void)must(store.writer->add_pause(paused()));
  store.import("ads", {rule("b.test")});
  store.publish();  // 2: both
  EXPECT_EQ(exceptions(*store.open()), kBoth);
  (void)must(store.writer->rollback_generation({1}, "rollback to 1", at(9)));  // 3
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(match(*store.open(), "a.test"), "ads:exact:block:2");
    EXPECT_EQ(match(*store.open(), "b.test"), "");
    EXPECT_EQ(exceptions(*store.open()), kBoth) << "what runs goes on";
    EXPECT_EQ(exceptions(*store.writer), "open.test p1");
    EXPECT_EQ(store.publish().value, 3U) << "live and in force agree";
    store.reopen();
  }
  ASSERT_TRUE(must(store.writer->remove_rule(kOverlays, allowed("open.test"), {}, at(10))));
  ASSERT_TRUE(must(store.writer->remove_pause(1)));
  store.publish();                                                              // 4: ended
  (void)must(store.writer->rollback_generation({2}, "rollback to 2", at(11)));  // 5
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(match(*store.open(), "b.test"), "ads:exact:block:2");
    EXPECT_EQ(exceptions(*store.open()), "") << "what was ended stays ended";
    EXPECT_EQ(exceptions(*store.writer), "");
    EXPECT_EQ(store.publish().value, 5U);
    store.reopen();
  }
  EXPECT_EQ(must(store.writer->past_rules_of(kOverlays, {2}, 10)).size(), 1U);
  EXPECT_TRUE(must(store.writer->past_rules_of(kOverlays, {5}, 10)).empty());
  EXPECT_EQ(must(store.writer->past_policies({2})).pauses.size(), 1U);
  // Where nothing of it has changed since, the checkpoint of then is in force.
  (void)must(store.writer->rollback_generation({4}, "rollback to 4", at(12)));
  EXPECT_EQ(match(*store.open(), "a.test"), "ads:exact:block:2");
}

TEST(Rollback, CutShortBesideAnExceptionKeepsIt) {
  Store store;
  store.import("ads", {rule("a.test")});
  store.publish();  // 1
  ASSERT_TRUE(store.writer->add_rule(kOverlays, allowed("open.test"), {}, at(5)));
  (void)must(store.writer->add_pause(paused()));
  store.import("ads", {rule("b.test")});
  store.publish();  // 2
  testing::cut_rollback_short(store, {1}, testing::CutRollback::before_it_is_in_force);
  store.reopen();
  EXPECT_EQ(store.writer->published().value, 3U);
  EXPECT_EQ(match(*store.open(), "a.test"), "ads:exact:block:2");
  EXPECT_EQ(match(*store.open(), "b.test"), "");
  EXPECT_EQ(exceptions(*store.open()), kBoth);
  EXPECT_EQ(store.writer->pinned(), "");
}

// Once a pause that had come or gone made it say so, and a roll-back to the definitions of the files still did.
TEST(Rollback, PinsDefinitionsWhereTheyDifferFromTheFiles) {
  Store store({"ads", "more"});
  store.import("ads", {rule("a.test")});
  store.publish();  // 1: with "more"
  store.define({"ads"});
  store.publish();  // 2
  (void)must(store.writer->add_pause(paused()));
  store.publish();  // 3
  store.import("ads", {rule("b.test")});
  store.publish();  // 4
  struct Row {
    std::uint64_t to;
    const char* pinned;
  };
  std::uint64_t number = 4;
  for (const Row& row :
       {Row{2, ""}, Row{1, "files differ from generation 6"}, Row{3, ""}, Row{4, ""},
        Row{1, "files differ from generation 9"}, Row{6, "files differ from generation 10"}, Row{2, ""}}) {
    SCOPED_TRACE("to " + std::to_string(row.to) + " as " + std::to_string(number + 1));
    EXPECT_EQ(must(store.writer->rollback_generation({row.to}, "rollback", at(50))).value, ++number);
    EXPECT_EQ(store.writer->pinned(), row.pinned);
    store.reopen();
    EXPECT_EQ(store.writer->pinned(), row.pinned);
  }
  (void)must(store.writer->rollback_generation({1}, "rollback", at(60)));
  store.define({"ads"});
  EXPECT_EQ(store.writer->pinned(), "");
}

std::vector<Rule> rules_on(const char* text, std::size_t count) {
  std::vector<Rule> rules(count, rule(text, PatternKind::subtree));
  for (std::size_t i = 0; i < count; ++i) {
    rules[i].detail.conditions.types = {static_cast<RecordType>(i + 1)};
  }
  return rules;
}

// Once all lists shared one limit. A roll-back brings the live database back list by list, and between two of them a
// name could have one rule too many: the roll-back failed, and then every start of the sidecar.
TEST(Rollback, OfAListThatFillsANameBesideALaterOne) {
  Store store({"ads", "more"});
  store.import("ads", rules_on("full.test", store::kMaxRulesOnTarget));
  store.publish();  // 1
  store.import("ads", rules_on("full.test", store::kMaxRulesOnTarget - 1));
  store.publish();  // 2
  store.import("more", {rule("full.test", PatternKind::subtree)});
  store.publish();  // 3
  const auto back = store.writer->rollback_generation({1}, "rollback to 1", at(9));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(must(store.writer->rule_count(store.list("ads"))), store::kMaxRulesOnTarget);
    EXPECT_EQ(must(store.writer->rule_count(store.list("more"))), 0U);
    EXPECT_EQ(store.publish().value, 4U) << "live and in force agree";
    store.reopen();
  }
  (void)must(store.writer->rollback_generation({3}, "rollback to 3", at(10)));
  EXPECT_EQ(must(store.writer->rule_count(store.list("more"))), 1U);
}

// Once it left an import behind that named a generation which did not exist.
TEST(Rollback, OfAListToWhatItHoldsIsNoImport) {
  Store store;
  const ImportOutcome first = store.import("ads", {rule("a.test")});
  const GenerationNumber number = store.publish();
  EXPECT_EQ(must(store.writer->rollback_list(store.list("ads"), first.import, "me", at(50))), number);
  EXPECT_EQ(must(store.writer->history(store.list("ads"))).size(), 1U);
}

}  // namespace
}  // namespace weir::testing::rollback_test
