// A version of a list before it is written: what it says it would change is what it changes then.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <random>
#include <set>

#include "tests/support/repetitions.h"
#include "tests/zones/store/store_fixture.h"

namespace weir::prepare_test {
namespace {

using testing::address_rule;
using testing::at;
using testing::lists_named;
using testing::must;
using testing::name;
using testing::rule;
using testing::stream_of;

constexpr PatternKind kKinds[] = {PatternKind::exact, PatternKind::subtree, PatternKind::below};

class Prepared : public ::testing::Test {
 protected:
  Prepared() { reopen(); }

  void reopen() {
    store_.reset();
    store_ = must(PolicyStore::open(scratch_.path(), {}, at(0)));
    must(store_->define(lists_named({"ads", "other"})));
    ads_ = store_->policies().find_list("ads")->id;
    other_ = store_->policies().find_list("other")->id;
  }
  std::unique_ptr<PreparedImport> prepare(ListId list, std::vector<Rule> rules) {
    return must(store_->prepare(list, stream_of(std::move(rules)), {}));
  }
  void import(ListId list, std::vector<Rule> rules) {
    must(store_->import(list, stream_of(std::move(rules)), {}, {}, at(1)));
    must(store_->publish("import", at(1)));
  }
  static std::vector<std::string> texts(const PreparedImport& prepared, Change change) {
    std::vector<std::string> out;
    const auto read = prepared.for_each(change, [&](const SourcedRule& known) {
      out.push_back(describe_pattern(known.rule));
      return true;
    });
    EXPECT_TRUE(read);
    std::sort(out.begin(), out.end());
    return out;
  }
  std::multiset<std::string> rules_of(ListId list) {
    std::multiset<std::string> out;
    for (const SourcedRule& known : must(store_->rules_of(list, SIZE_MAX))) {
      out.insert(text_of(known));
    }
    return out;
  }
  static std::string text_of(const SourcedRule& known) {
    std::string text = describe_pattern(known.rule) + " " + std::string(to_text(known.rule.action));
    for (const RecordType type : known.rule.detail.conditions.types) text += " " + weir::to_text(type);
    return text;
  }
  std::shared_ptr<const Generation> current() {
    return must(Generation::open_current(scratch_.path(), StoreCache::make(1 << 20)));
  }

  // In memory, where there is such a place: hundreds of databases are opened here, and nothing is to survive.
  static std::filesystem::path memory() {
    const std::filesystem::path shared = "/dev/shm";
    return std::filesystem::is_directory(shared) ? shared : std::filesystem::temp_directory_path();
  }

  test::ScratchFolder scratch_{memory()};
  std::unique_ptr<PolicyStore> store_;
  ListId ads_;
  ListId other_;
};

TEST_F(Prepared, SaysWhatComesAndGoesAndChangesNothing) {
  import(ads_, {rule("a.example"), rule("b.example"), rule("c.example", PatternKind::subtree)});
  const GenerationNumber before = store_->published();
  const auto prepared = prepare(ads_, {rule("b.example"), rule("d.example", PatternKind::below), rule("e.example")});
  EXPECT_EQ(prepared->rules_before(), 3U);
  EXPECT_EQ(prepared->rules_after(), 3U);
  EXPECT_EQ(prepared->unchanged(), 1U);
  EXPECT_EQ(texts(*prepared, Change::added), (std::vector<std::string>{"*.d.example", "e.example"}));
  EXPECT_EQ(texts(*prepared, Change::removed), (std::vector<std::string>{"a.example", "c.example and below"}));
  std::vector<std::uint64_t> lines;
  ASSERT_TRUE(
      prepared->find(Change::added, name("d.example"), [&](const SourcedRule& found) { lines.push_back(found.line); }));
  ASSERT_TRUE(
      prepared->find(Change::added, name("example"), [&](const SourcedRule& found) { lines.push_back(found.line); }));
  ASSERT_TRUE(prepared->find(Change::removed, name("e.example"),
                             [&](const SourcedRule& found) { lines.push_back(found.line); }));
  EXPECT_EQ(lines, (std::vector<std::uint64_t>{2})) << "at that very name, and of the change that was asked for";
  EXPECT_EQ(must(store_->rule_count(ads_)), 3U);
  EXPECT_EQ(must(store_->publish("nothing", at(2))), before);
  const ImportOutcome done = must(store_->import(*prepared, {}));
  EXPECT_EQ(done.added, 2U);
  EXPECT_EQ(done.removed, 2U);
  EXPECT_EQ(rules_of(ads_), (std::multiset<std::string>{"*.d.example block", "b.example block", "e.example block"}));
}

// A difference that is told instead of found: the list ends as if all of it had been read.
TEST_F(Prepared, ChangesAloneLeadWhereTheWholeListLeads) {
  const auto with_types = [](Rule made, RecordType type) {
    made.detail.conditions.types = {type};
    return made;
  };
  std::mt19937 random(11);
  std::vector<Rule> all;
  for (int i = 0; i < 12; ++i) {
    const std::string text = "n" + std::to_string(i) + ".example";
    all.push_back(rule(text, kKinds[i % 3]));
    all.push_back(with_types(rule(text), RecordType::aaaa));
    all.push_back(address_rule("192.0.2." + std::to_string(i) + "/32"));
  }
  std::vector<bool> held(all.size());
  for (int round = 0; round < 60; ++round) {
    std::vector<Rule> gone;
    std::vector<Rule> come;
    std::vector<Rule> wanted;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool before = held[i];
      if (random() % 4 == 0) held[i] = !held[i];
      if (held[i]) wanted.push_back(all[i]);
      if (before && (!held[i] || random() % 4 == 0)) gone.push_back(all[i]);  // some come back at once
      if (held[i] && (!before || (!gone.empty() && gone.back() == all[i]))) come.push_back(all[i]);
    }
    const std::uint64_t before = must(store_->rule_count(ads_));
    const auto prepared = must(store_->prepare_changes(ads_, stream_of(gone), stream_of(come)));
    const auto found = prepare(ads_, wanted);
    EXPECT_EQ(prepared->rules_before(), before);
    EXPECT_EQ(prepared->added(), found->added());
    EXPECT_EQ(prepared->removed(), found->removed());
    EXPECT_EQ(prepared->unchanged(), found->unchanged());
    for (const Change change : {Change::added, Change::removed}) {
      EXPECT_EQ(texts(*prepared, change), texts(*found, change));
    }
    const std::string contents = must(store_->contents(ads_));
    must(store_->import(*prepared, {}));
    EXPECT_EQ(must(store_->contents(ads_)) == contents, prepared->added() + prepared->removed() == 0);
    const auto again = prepare(ads_, wanted);
    ASSERT_EQ(again->added() + again->removed(), 0U) << round;
    must(store_->publish("changes", at(round)));
  }
  const auto missing = store_->prepare_changes(ads_, stream_of({rule("never.example")}), stream_of({}));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  import(ads_, {rule("a.example")});
  const auto there = store_->prepare_changes(ads_, stream_of({}), stream_of({rule("b.example"), rule("a.example")}));
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, ErrorCode::exists);
  EXPECT_EQ(there.error().message, "this rule is in the list already: a.example");
}

TEST_F(Prepared, IsRefusedWhenTheListChangedSince) {
  import(ads_, {rule("a.example")});
  const auto prepared = prepare(ads_, {rule("a.example"), rule("b.example")});
  import(other_, {rule("x.example")});  // of another list
  const auto late = prepare(ads_, {rule("c.example")});
  ASSERT_TRUE(store_->import(*prepared, {})) << "what happens to other lists does not matter";
  const auto refused = store_->import(*late, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_EQ(must(store_->rule_count(ads_)), 2U);
}

// Once it was taken for unchanged: the rules were the same again, but since another generation, and what the version
// closed then said that they had been there all the time.
TEST_F(Prepared, IsRefusedWhenTheListWentAwayAndCameBack) {
  import(ads_, {rule("a.example")});                     // 1
  import(ads_, {rule("a.example"), rule("b.example")});  // 2
  const auto imports = must(store_->history(ads_));
  const auto late = prepare(ads_, {rule("a.example")});
  must(store_->rollback_list(ads_, imports.at(1).import, "tester", at(2)));  // 3: without b.example
  must(store_->rollback_list(ads_, imports.at(0).import, "tester", at(3)));  // 4
  const auto refused = store_->import(*late, {});
  must(store_->publish("whatever there is", at(4)));
  EXPECT_EQ(must(store_->past_rules_of(ads_, {2}, 10)).size(), 2U);
  EXPECT_EQ(must(store_->past_rules_of(ads_, {3}, 10)).size(), 1U);
  EXPECT_EQ(must(store_->past_rules_of(ads_, {4}, 10)).size(), 2U);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_TRUE(store_->import(*prepare(ads_, {rule("a.example")}), {})) << "once more";
}

// Ids of conditions are given out at the commit: another list may have taken some in between.
TEST_F(Prepared, ConditionsKeepTheirRuleWhateverComesBetween) {
  const auto with_type = [](const char* text, RecordType type) {
    Rule made = rule(text);
    made.detail.conditions.types = {type};
    return made;
  };
  const auto first = prepare(ads_, {with_type("a.example", RecordType::aaaa)});
  const auto candidate = must(store_->make_candidate(
      [&](PolicyStore& copy) -> Result<void> {
        if (auto done = copy.import(*first, {}); !done) return done.error();
        return {};
      },
      at(1)));
  import(other_, {with_type("a.example", RecordType::mx)});
  ASSERT_TRUE(store_->import(*first, {}));
  must(store_->publish("import", at(2)));
  const auto generation = current();
  MatchSet matches;
  generation->match(ReversedName(name("a.example")), matches);
  ASSERT_EQ(matches.matches.size(), 2U);
  for (const Match& match : matches.matches) {
    const RuleDetail* detail = generation->detail({match.detail});
    ASSERT_NE(detail, nullptr);
    EXPECT_EQ(detail->conditions.types,
              (std::vector<RecordType>{match.list == ads_.value ? RecordType::aaaa : RecordType::mx}));
  }
}

TEST_F(Prepared, ACandidateGoesAndLeavesNothing) {
  import(ads_, {rule("a.example")});
  const auto fingerprint = current()->fingerprint();
  std::filesystem::path checkpoint;
  {
    const auto candidate = must(store_->make_candidate(
        [&](PolicyStore& copy) -> Result<void> { return copy.add_rule(kLocalRules, rule("own.example"), {}, at(1)); },
        at(1)));
    checkpoint = candidate->checkpoint();
    const auto opened = must(Generation::open(checkpoint, StoreCache::make(1 << 20)));
    EXPECT_EQ(opened->rule_count(), 2U);
    EXPECT_GT(opened->number(), store_->published());
    EXPECT_NE(opened->fingerprint(), fingerprint);
    EXPECT_EQ(current()->fingerprint(), fingerprint);
  }
  EXPECT_FALSE(std::filesystem::exists(checkpoint));
  const auto failed =
      store_->make_candidate([](PolicyStore&) -> Result<void> { return Error{ErrorCode::invalid, "no"}; }, at(1));
  ASSERT_FALSE(failed);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "policy" / "candidates"));
  reopen();
  EXPECT_EQ(must(store_->publish("start", at(2))), store_->published());
  EXPECT_EQ(current()->fingerprint(), fingerprint);
}

// Any two imports of a random history, against what the list was seen to hold behind each.
TEST_F(Prepared, TwoImportsApart) {
  std::mt19937 random(7);
  std::vector<std::pair<ImportId, std::multiset<std::string>>> seen;
  const auto texts_of = [&](ImportId from, ImportId to, Change wanted) {
    std::multiset<std::string> out;
    const auto done = store_->compare(ads_, from, to, [&](Change change, const SourcedRule& known) {
      if (change == wanted) out.insert(text_of(known));
      return true;
    });
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return out;
  };
  for (int round = 0; round < 12; ++round) {
    std::vector<Rule> rules;
    for (int i = 0; i < 8; ++i) {
      if (random() % 2 != 0) continue;
      rules.push_back(rule("n" + std::to_string(i) + ".example", kKinds[random() % 2]));
      if (random() % 3 == 0) rules.back().detail.conditions.types = {RecordType::aaaa};
    }
    if (round % 4 == 3) {
      must(store_->rollback_list(ads_, seen[random() % seen.size()].first, "tester", at(round)));
    } else {
      must(store_->import(ads_, stream_of(rules), {}, {}, at(round)));
      must(store_->publish("import", at(round)));
    }
    seen.emplace_back(must(store_->history(ads_)).front().import, rules_of(ads_));
  }
  for (const auto& [from, before] : seen) {
    for (const auto& [to, after] : seen) {
      std::multiset<std::string> added;
      std::multiset<std::string> removed;
      std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::inserter(added, added.end()));
      std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                          std::inserter(removed, removed.end()));
      EXPECT_EQ(texts_of(from, to, Change::added), added) << from.value << " " << to.value;
      EXPECT_EQ(texts_of(from, to, Change::removed), removed) << from.value << " " << to.value;
    }
  }
  EXPECT_EQ(store_->compare(ads_, {999}, seen[0].first, {}).error().code, ErrorCode::not_found);
}

// Over WEIR_UPDATES random updates of two lists (60): the rules that were said to come and go, and the names whose
// verdict was said to change, are those that did.
TEST_F(Prepared, WhatACandidateSaysIsWhatHappens) {
  std::mt19937 random(20261126);
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) {
    const std::string parent = "d" + std::to_string(i) + ".example";
    names.push_back(parent);
    for (int j = 0; j < 4; ++j) names.push_back("h" + std::to_string(j) + "." + parent);
  }
  const auto random_list = [&] {
    std::vector<Rule> rules;
    for (const std::string& text : names) {
      if (random() % 3 != 0) continue;
      Rule made = rule(text, kKinds[random() % 3], random() % 4 == 0 ? Action::allow : Action::block);
      made.exception = made.action == Action::allow && random() % 2 == 0;
      made.important = random() % 5 == 0;
      if (random() % 6 == 0) made.detail.conditions.types = {random() % 2 == 0 ? RecordType::a : RecordType::aaaa};
      rules.push_back(made);
    }
    return rules;
  };
  const auto verdicts = [&](const Generation& generation) {
    std::vector<int> out;
    MatchSet matches;
    for (const std::string& text : names) {
      const Name asked = name(text);
      generation.match(ReversedName(asked), matches);
      for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
        const Verdict verdict =
            decide(matches, {generation.policies(), 0, IpAddress{}, asked, type, at(1).wall, generation});
        out.push_back(static_cast<int>(verdict.outcome) * 100 + static_cast<int>(verdict.action));
      }
    }
    return out;
  };
  must(store_->publish("start", at(0)));
  unsigned changed_verdicts = 0;
  const char* given = std::getenv("WEIR_UPDATES");
  const int updates = given == nullptr ? static_cast<int>(test::repetitions(60)) : std::atoi(given);
  for (int round = 0; round < updates; ++round) {
    const ListId list = random() % 2 == 0 ? ads_ : other_;
    const auto before_rules = rules_of(list);
    const auto before = verdicts(*current());
    const auto prepared = prepare(list, random_list());
    const auto candidate = must(store_->make_candidate(
        [&](PolicyStore& copy) -> Result<void> {
          if (auto done = copy.import(*prepared, {}); !done) return done.error();
          return {};
        },
        at(round)));
    const auto foreseen = must(Generation::open(candidate->checkpoint(), StoreCache::make(1 << 20)));
    const auto predicted = verdicts(*foreseen);
    auto predicted_rules = before_rules;
    for (const auto change : {Change::removed, Change::added}) {
      ASSERT_TRUE(prepared->for_each(change, [&](const SourcedRule& known) {
        const std::string text = text_of(known);
        if (change == Change::added) {
          predicted_rules.insert(text);
        } else {
          predicted_rules.erase(predicted_rules.find(text));
        }
        return true;
      }));
    }
    ASSERT_EQ(verdicts(*current()), before) << "round " << round << ": a prediction changed something";
    must(store_->import(*prepared, {}));
    must(store_->publish("round", at(round)));
    const auto happened = verdicts(*current());
    ASSERT_EQ(predicted, happened) << "round " << round;
    ASSERT_EQ(predicted_rules, rules_of(list)) << "round " << round;
    ASSERT_EQ(foreseen->fingerprint(), current()->fingerprint()) << "round " << round;
    for (std::size_t i = 0; i < before.size(); ++i) changed_verdicts += before[i] != happened[i] ? 1 : 0;
  }
  EXPECT_GT(changed_verdicts, 5U * static_cast<unsigned>(updates)) << "the updates changed too little to say anything";
}

}  // namespace
}  // namespace weir::prepare_test
