// Intervals, provenance, epochs, fingerprints, both halves of a rollback.
#include <fstream>

#include "tests/zones/store/cut_rollback.h"
#include "tests/zones/store/store_fixture.h"

namespace weir::testing::history_test {
namespace {

Result<RuleSource> source(const Generation& generation, const Generation& matched, const char* text,
                          std::uint64_t number) {
  MatchSet set;
  const ReversedName reversed(name(text));
  matched.match(reversed, set);
  if (set.empty()) return Error{ErrorCode::invalid, "no match"};
  return find_source(generation, set.matches[0], reversed, {number});
}

TEST(History, RemovedAndAddedAgainHasTwoIntervals) {
  Store store;
  store.import("ads", {rule("other.test"), rule("a.test")});
  store.publish();  // 1
  store.import("ads", {rule("other.test")});
  store.publish();  // 2
  store.import("ads", {rule("x.test"), rule("y.test"), rule("a.test"), rule("other.test")});
  store.publish();  // 3
  const auto now = store.open();
  RuleSource first = must(source(*now, *now, "a.test", 1));
  EXPECT_EQ(first.line, 2U);
  EXPECT_EQ(first.first.value, 1U);
  EXPECT_EQ(first.last, GenerationNumber{1});
  EXPECT_EQ(source(*now, *now, "a.test", 2).error().code, ErrorCode::not_found);
  const RuleSource again = must(source(*now, *now, "a.test", 3));
  EXPECT_EQ(again.line, 3U);
  EXPECT_EQ(again.first.value, 3U);
  EXPECT_FALSE(again.last.has_value());
  const RuleSource kept = must(source(*now, *now, "other.test", 3));
  EXPECT_EQ(kept.line, 1U) << "the line of its first appearance";
  EXPECT_EQ(kept.import, first.import);
  const ImportRecord record = must(find_import(*now, store.list("ads"), again.import));
  EXPECT_EQ(record.first_generation.value, 3U);
  EXPECT_EQ(record.outcome.added, 3U);
  EXPECT_EQ(find_import(*now, store.list("ads"), ImportId{99}).error().code, ErrorCode::not_found);
  EXPECT_EQ(must(find_generation_at(*now, at(2).wall)).value, 2U);
  EXPECT_EQ(find_generation_at(*now, at(0).wall).error().code, ErrorCode::not_found);
}

TEST(History, AddressRulesHaveSourcesToo) {
  Store store;
  store.import("ads", {address_rule("192.0.2.0/24"), address_rule("192.0.2.7"), address_rule("2001:db8::/32"),
                       address_rule("0.0.0.0/0", Action::allow)});
  store.publish();
  const auto now = store.open();
  EXPECT_TRUE(now->has_address_rules());
  EXPECT_EQ(match_address(*now, "192.0.2.7"), "ads:address:block:32 ads:address:block:24 ads:address:allow:0");
  EXPECT_EQ(match_address(*now, "::ffff:192.0.2.8"), "ads:address:block:24 ads:address:allow:0");
  EXPECT_EQ(match_address(*now, "2001:db8::1"), "ads:address:block:32");
  EXPECT_EQ(match_address(*now, "2001:db9::1"), "");
  MatchSet set;
  const IpAddress address = *IpAddress::parse("192.0.2.7");
  now->match_address(address, set);
  EXPECT_EQ(must(find_source(*now, set.matches[1], address, {1})).line, 1U);
  store.import("ads", {});
  store.publish();
  EXPECT_FALSE(store.open()->has_address_rules());
}

TEST(Epochs, RiseOnlyWhenRulesChange) {
  Store store;
  store.import("ads", {rule("a.test")});
  const auto first = store.publish();
  EXPECT_EQ(store.publish(), first) << "publishing nothing new";
  const auto epoch = store.open()->names_epoch();
  store.import("ads", {rule("a.test")});
  EXPECT_EQ(store.publish(), first) << "an import that changes nothing";
  PolicySet set = lists_named({"ads"});
  set.policies[0].block.mode = BlockMode::nxdomain;
  (void)must(store.writer->define(set));
  const auto second = store.publish();
  EXPECT_GT(second, first);
  EXPECT_EQ(store.open()->names_epoch(), epoch);
  EXPECT_EQ(store.open()->policies().policies[0].block.mode, BlockMode::nxdomain);
  store.import("ads", {rule("b.test")});
  store.publish();
  EXPECT_GT(store.open()->names_epoch(), epoch);
}

TEST(Fingerprints, DependOnRulesAloneNotOnIdsOrOrder) {
  Rule conditional = rule("c.test", PatternKind::subtree);
  conditional.detail.conditions.types = {RecordType::aaaa};
  Store one({"ads", "more"});
  one.import("ads", {rule("a.test"), rule("b.test"), conditional});
  one.import("more", {rule("m.test")});
  one.publish();
  Store two({"gone", "more", "ads"});
  two.import("gone", {rule("g.test")});
  two.import("more", {rule("x.test"), rule("m.test")});
  two.publish();
  two.import("more", {rule("m.test")});
  two.import("ads", {conditional, rule("b.test")});
  two.define({"more", "ads"});
  two.publish();
  EXPECT_NE(one.open()->fingerprint(), two.open()->fingerprint());
  Provenance from;
  ASSERT_TRUE(two.writer->add_rule(two.list("ads"), rule("a.test"), from, at(9)).has_value());
  two.publish();
  EXPECT_NE(one.list("ads"), two.list("ads"));
  EXPECT_EQ(one.open()->fingerprint(), two.open()->fingerprint());
  const std::string before = one.open()->fingerprint();
  ASSERT_TRUE(one.writer->add_rule(kOverlays, rule("a.test", PatternKind::exact, Action::allow), from, at(9)));
  one.publish();
  EXPECT_EQ(one.open()->fingerprint(), before) << "overlays do not count";
}

TEST(Lists, RemovedOnesLoseTheirRulesButNotTheirNumbers) {
  Store store({"ads", "more"});
  store.import("more", {rule("m.test")});
  store.publish();
  const ListId id = store.list("more");
  store.define({"ads"});
  store.publish();
  EXPECT_EQ(match(*store.open(), "m.test"), "");
  EXPECT_EQ(must(store.writer->rule_count(id)), 0U);
  store.define({"ads", "other", "more"});
  EXPECT_EQ(store.list("more"), id);
  EXPECT_NE(store.list("other"), id);
  store.publish();
  EXPECT_EQ(match(*store.open(), "m.test"), "");
  EXPECT_EQ(store.open()->never_loaded().size(), 3U);
}

// Once they were written only where some other flag changed with them.
TEST(Lists, EveryDefinitionIsWrittenDown) {
  Store store({"ads", "more"});
  store.import("more", {rule("m.test")});
  store.define({"ads"});  // rules go with it: there is something to publish already
  PolicySet set = lists_named({"ads"});
  set.policies[0].block.mode = BlockMode::refused;
  const PolicySet defined = must(store.writer->define(set));
  store.publish();
  EXPECT_EQ(store.open()->policies(), defined);
  store.reopen();
  EXPECT_EQ(store.writer->policies(), defined);
}

TEST(LocalRules, ComeAndGoOneByOne) {
  Store store;
  Provenance from;
  Rule allow = rule("a.test", PatternKind::subtree, Action::allow);
  allow.detail.conditions.deny_allow = {name("x.a.test")};
  ASSERT_TRUE(store.writer->add_rule(kLocalRules, allow, from, at(0)));
  EXPECT_EQ(store.writer->add_rule(kLocalRules, allow, from, at(0)).error().code, ErrorCode::exists);
  ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("b.test"), from, at(0)));
  store.publish();
  const auto rules = must(store.writer->rules_of(kLocalRules, 10));
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].rule, allow);
  EXPECT_EQ(rules[0].line, 1U);
  EXPECT_EQ(rules[1].line, 2U);
  const auto generation = store.open();
  MatchSet set;
  generation->match(ReversedName(name("y.a.test")), set);
  ASSERT_EQ(set.matches.size(), 1U);
  const RuleDetail* detail = generation->detail({set.matches[0].detail});
  ASSERT_NE(detail, nullptr);
  EXPECT_EQ(*detail, allow.detail);
  EXPECT_EQ(generation->detail({set.matches[0].detail}), detail) << "the pointer is stable";
  EXPECT_EQ(generation->detail({999}), nullptr);
  EXPECT_EQ(set.lists_below, std::vector<std::uint32_t>{kLocalRules.value}) << "$denyallow opens something below";
  EXPECT_TRUE(must(store.writer->remove_rule(kLocalRules, allow, from, at(0))));
  EXPECT_FALSE(must(store.writer->remove_rule(kLocalRules, allow, from, at(0))));
  store.publish();
  EXPECT_EQ(match(*store.open(), "y.a.test"), "");
  EXPECT_EQ(match(*generation, "y.a.test"), "local:subtree:allow:2/local") << "the old generation goes on";
}

TEST(LocalRules, AreReplacedInOneStep) {
  Store store;
  const std::vector<Rule> before = {rule("a.test"), rule("b.test")};
  const std::vector<Rule> after = {rule("a.test", PatternKind::subtree, Action::allow),
                                   rule("c.test", PatternKind::subtree, Action::allow)};
  EXPECT_EQ(must(store.writer->change_rules(kLocalRules, {}, before, {})).added, 2U);
  store.publish();
  const ImportOutcome outcome = must(store.writer->change_rules(kLocalRules, std::span(before).first(1), after, {}));
  EXPECT_EQ(outcome.added, 2U);
  EXPECT_EQ(outcome.removed, 1U);
  EXPECT_EQ(outcome.rules, 3U);
  EXPECT_EQ(must(store.writer->history(kLocalRules)).size(), 2U) << "each step is one import: one write";
  // Nothing of a step that does not fit.
  EXPECT_EQ(store.writer->change_rules(kLocalRules, before, {}, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.writer->change_rules(kLocalRules, std::span(before).last(1), after, {}).error().code,
            ErrorCode::exists);
  store.publish();
  EXPECT_EQ(match(*store.open(), "a.test"), "local:subtree:allow:2");
  EXPECT_EQ(match(*store.open(), "b.test"), "local:exact:block:2");
  EXPECT_EQ(must(store.writer->rules_of(kLocalRules, 10))[2].line, 4U) << "lines go on from those before";
}

TEST(Rollback, OfAList) {
  Store store;
  const ImportOutcome first = store.import("ads", {rule("a.test"), rule("b.test")});
  store.publish();
  const ImportOutcome lost = store.import("ads", {rule("z.test")});
  store.import("ads", {rule("b.test"), rule("c.test")});
  store.publish();
  const ListId ads = store.list("ads");
  EXPECT_EQ(store.writer->rollback_list(ads, lost.import, "me", at(50)).error().code, ErrorCode::not_found);
  EXPECT_EQ(must(store.writer->rollback_list(ads, first.import, "me", at(50))).value, 3U);
  const auto now = store.open();
  EXPECT_EQ(match(*now, "a.test"), "ads:exact:block:2");
  EXPECT_EQ(match(*now, "c.test"), "");
  EXPECT_EQ(must(source(*now, *now, "a.test", 3)).import, first.import) << "the file that the line stands in";
  const auto records = must(store.writer->history(ads));
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].note, "rollback to import " + std::to_string(first.import.value));
  EXPECT_EQ(records[0].provenance.who, "me");
}

TEST(Rollback, OfAGenerationFromItsCheckpointOrFromTheIntervals) {
  for (const bool on_disk : {true, false}) {
    WriterOptions options;
    options.keep_generations = on_disk ? 10 : 1;
    Store store({"ads", "more"}, options);
    if (!on_disk) store.clock = -400'000;
    store.import("ads", {rule("a.test"), rule("b.test")});
    store.import("more", {rule("m.test", PatternKind::subtree)});
    const auto first = store.publish();
    const std::string fingerprint = store.open()->fingerprint();
    if (!on_disk) store.clock = 0;
    store.define({"ads"});
    store.import("ads", {rule("c.test")});
    store.publish();
    store.import("ads", {rule("d.test")});
    store.publish();
    EXPECT_EQ(std::filesystem::exists(store.writer->checkpoint_path(first)), on_disk);
    store.import("ads", {rule("never-published.test")});
    const auto epoch = store.open()->names_epoch();
    const auto back = must(store.writer->rollback_generation(first, "rollback to 1", at(100)));
    EXPECT_EQ(back.value, 4U);
    for (int round = 0; round < 2; ++round) {  // the second time from the files alone
      const auto now = store.open();
      EXPECT_EQ(now->number().value, 4U);
      EXPECT_EQ(now->fingerprint(), fingerprint);
      EXPECT_GT(now->names_epoch(), epoch);
      EXPECT_EQ(match(*now, "a.test"), "ads:exact:block:2");
      EXPECT_EQ(match(*now, "x.m.test"), "more:subtree:block:2");
      EXPECT_EQ(match(*now, "c.test"), "");
      EXPECT_EQ(match(*now, "never-published.test"), "");
      EXPECT_EQ(store.writer->pinned(), "files differ from generation 4");
      EXPECT_EQ(store.publish(), back) << "nothing new";
      store.reopen();
    }
    // The live database agrees with what is in force.
    EXPECT_EQ(must(store.writer->rules_of(store.list("ads"), 10)).size(), 2U);
    store.import("more", {rule("m.test", PatternKind::subtree), rule("n.test")});
    store.publish();
    EXPECT_EQ(match(*store.open(), "b.test"), "ads:exact:block:2");
    EXPECT_EQ(match(*store.open(), "n.test"), "more:exact:block:2");
    const auto now = store.open();
    const RuleSource old = must(source(*now, *now, "a.test", 1));
    EXPECT_EQ(old.last, first);
    EXPECT_EQ(must(source(*now, *now, "a.test", 5)).first.value, 4U);
    store.define({"ads"});
    EXPECT_EQ(store.writer->pinned(), "");
  }
}

// The live database as it was before the rollback, with nothing but the announcement in it, is what a sidecar leaves
// that dies before (`in_force` false) or after the old checkpoint was put in force.
TEST(Rollback, IsFinishedAtOpenWhereverItWasCutShort) {
  for (const bool in_force : {false, true}) {
    SCOPED_TRACE(in_force ? "between the halves" : "before the first half");
    Store store({"ads", "more"});
    store.import("ads", {rule("a.test"), rule("b.test")});
    store.import("more", {rule("m.test", PatternKind::subtree)});
    store.publish();  // 1
    store.define({"ads"});
    store.import("ads", {rule("b.test"), rule("c.test")});
    store.publish();  // 2
    testing::cut_rollback_short(store, {1},
                                in_force ? testing::CutRollback::before_the_live_database_follows
                                         : testing::CutRollback::before_it_is_in_force);
    store.reopen();
    EXPECT_EQ(store.writer->published().value, 3U);
    EXPECT_EQ(match(*store.open(), "a.test"), "ads:exact:block:2");
    EXPECT_EQ(match(*store.open(), "x.m.test"), "more:subtree:block:2");
    const auto rules = must(store.writer->rules_of(store.list("ads"), 10));
    ASSERT_EQ(rules.size(), 2U);
    EXPECT_EQ(rules[0].rule, rule("a.test"));
    EXPECT_EQ(must(store.writer->rule_count(store.list("more"))), 1U) << "its definition came back with it";
    EXPECT_EQ(store.writer->pinned(), "files differ from generation 3");
    EXPECT_EQ(store.publish().value, 3U) << "live and in force agree";
    store.import("ads", {rule("a.test"), rule("b.test"), rule("d.test")});
    store.publish();
    const auto now = store.open();
    EXPECT_EQ(match(*now, "d.test"), "ads:exact:block:2");
    EXPECT_EQ(must(source(*now, *now, "a.test", 1)).last, GenerationNumber{1});
    EXPECT_EQ(must(source(*now, *now, "a.test", 4)).first.value, 3U);
  }
}

TEST(Rollback, OfWhatNeverWasIsRefused) {
  Store store;
  store.publish();
  EXPECT_EQ(store.writer->rollback_generation({7}, "x", at(1)).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.writer->rollback_list(store.list("ads"), {7}, "x", at(1)).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.writer->rollback_list({77}, {7}, "x", at(1)).error().code, ErrorCode::not_found);
}

TEST(Generations, OldOnesAreThinnedOut) {
  WriterOptions options;
  options.keep_generations = 3;
  Store store({"ads"}, options);
  for (int i = 0; i < 8; ++i) {
    store.import("ads", {rule("r" + std::to_string(i) + ".test")});
    store.clock += 1200;  // three an hour
    store.publish();
  }
  const auto all = must(store.writer->generations());
  ASSERT_EQ(all.size(), 8U);
  EXPECT_EQ(all[0].number.value, 8U);
  std::string on_disk;
  for (const PublishedGeneration& one : all) on_disk += one.on_disk ? "x" : "-";
  EXPECT_EQ(on_disk.substr(0, 3), "xxx");
  EXPECT_NE(on_disk.find('-'), std::string::npos);
  EXPECT_NE(on_disk.find('x', 3), std::string::npos) << "one an hour stays: " << on_disk;
  EXPECT_EQ(all[7].reason, "test");
}

}  // namespace
}  // namespace weir::testing::history_test
