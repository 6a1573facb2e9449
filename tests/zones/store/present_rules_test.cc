// A version of a list that is read beside what the list has gives what comparing all of it gives: the same changes and
// the same list, whatever was in the file that helps.
#include "zones/store/present_rules.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <set>

#include "tests/support/repetitions.h"
#include "tests/zones/store/store_fixture.h"
#include "zones/store/files.h"
#include "zones/store/rule_sorter.h"

namespace weir::present_rules_test {
namespace {

using store::PresentRules;
using testing::at;
using testing::lists_named;
using testing::must;
using testing::rule;

Rule numbered(unsigned number) {
  constexpr PatternKind kKinds[] = {PatternKind::exact, PatternKind::subtree, PatternKind::below};
  Rule made = rule("n" + std::to_string(number * 7919 % 100'003) + ".example", kKinds[number % 3]);
  if (number % 17 == 0) made.detail.conditions.types = {RecordType::aaaa};
  if (number % 19 == 0) {
    made.kind = PatternKind::regex;
    made.pattern = "ads[0-9]+" + std::to_string(number);
  }
  return made;
}

class PresentRulesTest : public ::testing::Test {
 protected:
  PresentRulesTest() {
    must(store_->define(lists_named({"ads"})));
    ads_ = store_->policies().find_list("ads")->id;
  }

  bool is_read_beside() const { return store_->start_reading(ads_)->present() != nullptr; }
  std::filesystem::path file() const { return store::present_rules_path(scratch_ / "store", ads_); }

  Result<std::unique_ptr<PreparedImport>> prepare(const std::set<unsigned>& numbers) {
    const auto sorter = store_->start_reading(ads_);
    std::vector<unsigned> order(numbers.begin(), numbers.end());
    std::shuffle(order.begin(), order.end(), random_);
    std::uint64_t line = 0;
    for (const unsigned number : order) EXPECT_TRUE(sorter->add({numbered(number), ++line}));
    EXPECT_TRUE(sorter->add({numbered(order.at(0)), ++line})) << "said twice";
    EXPECT_TRUE(sorter->sort());
    return store_->prepare(ads_, *sorter, {});
  }

  // What the list has is `numbers`, and the counts are those of sets.
  void import(const std::set<unsigned>& numbers) {
    std::vector<unsigned> come;
    std::set_difference(numbers.begin(), numbers.end(), now_.begin(), now_.end(), std::back_inserter(come));
    const std::size_t gone = now_.size() + come.size() - numbers.size();
    const auto prepared = must(prepare(numbers));
    std::set<std::string> told;
    ASSERT_TRUE(prepared->for_each(
        Change::added, [&](const SourcedRule& one) { return told.insert(describe_pattern(one.rule)).second || true; }));
    EXPECT_LE(told.size(), come.size());
    const ImportOutcome outcome = must(store_->import(*prepared, {}));
    EXPECT_EQ(outcome.added, come.size());
    EXPECT_EQ(outcome.removed, gone);
    EXPECT_EQ(outcome.unchanged, now_.size() - gone);
    EXPECT_EQ(outcome.rules, numbers.size());
    now_ = numbers;
    expect_is_there();
    (void)store_->publish("import", at(++clock_));
  }
  void expect_is_there() {
    std::vector<Rule> wanted;
    for (const unsigned number : now_) wanted.push_back(numbered(number));
    std::size_t seen = 0;
    ASSERT_TRUE(store_->visit(ads_, [&](const SourcedRule& one) {
      ++seen;
      EXPECT_NE(std::find(wanted.begin(), wanted.end(), one.rule), wanted.end()) << describe_pattern(one.rule);
      return true;
    }));
    EXPECT_EQ(seen, now_.size());
  }
  std::set<unsigned> changed(unsigned of, unsigned changes) {
    std::set<unsigned> numbers = now_;
    for (unsigned i = 0; i < changes; ++i) {
      const unsigned number = static_cast<unsigned>(random_()) % of;
      if (!numbers.erase(number)) numbers.insert(number);
    }
    return numbers;
  }

  test::ScratchFolder scratch_;
  std::unique_ptr<PolicyStore> store_ = must(PolicyStore::open(scratch_ / "store", {}, at(0)));
  ListId ads_;
  std::set<unsigned> now_;
  std::mt19937 random_{11};
  int clock_ = 0;
};

TEST_F(PresentRulesTest, ManyVersionsEndAsIfEachWereComparedWhole) {
  EXPECT_FALSE(is_read_beside()) << "an empty list";
  import(changed(3000, 3000));
  for (unsigned round = 0; round < test::repetitions(24); ++round) {
    EXPECT_TRUE(is_read_beside()) << round;
    import(changed(3000, round % 4 == 3 ? 1000 : round % 4 * 3));  // few, none, many
  }
}

TEST_F(PresentRulesTest, WhatIsNeitherWholeNorOfThisStateIsLeftOut) {
  import(changed(2000, 2000));
  ASSERT_TRUE(is_read_beside());
  const std::uintmax_t size = std::filesystem::file_size(file());
  for (std::uintmax_t at = 0; at < size; at += size / 40) {
    std::fstream octets(file(), std::ios::in | std::ios::out | std::ios::binary);
    octets.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(octets.get());
    octets.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(was ^ 4)).flush();
    EXPECT_FALSE(is_read_beside()) << at;
    octets.seekp(static_cast<std::streamoff>(at)).put(was).flush();
  }
  ASSERT_TRUE(is_read_beside());
  // Changed by another way: the file is of the state before.
  ASSERT_TRUE(store_->change_rules(ads_, {}, std::vector<Rule>{numbered(5000)}, {}));
  EXPECT_FALSE(is_read_beside());
  now_.insert(5000);
  import(changed(2000, 10));
  EXPECT_TRUE(is_read_beside());
  std::filesystem::resize_file(file(), size / 2);
  EXPECT_FALSE(is_read_beside());
  import(changed(2000, 10));
}

TEST_F(PresentRulesTest, AListThatChangedWhileItWasReadIsReadAgain) {
  import(changed(2000, 2000));
  const auto sorter = store_->start_reading(ads_);
  ASSERT_NE(sorter->present(), nullptr);
  ASSERT_TRUE(sorter->sort());
  ASSERT_TRUE(store_->change_rules(ads_, {}, std::vector<Rule>{numbered(5000)}, {}));
  const auto prepared = store_->prepare(ads_, *sorter, {});
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, ErrorCode::busy);
  now_.insert(5000);
  expect_is_there();
}

TEST_F(PresentRulesTest, AVersionThatIsNotTakenLeavesNothing) {
  import(changed(2000, 2000));
  const auto files = [&] {
    const std::filesystem::directory_iterator all(file().parent_path());
    return std::distance(begin(all), end(all));
  };
  EXPECT_EQ(files(), 1);
  {
    const auto prepared = must(prepare(changed(2000, 10)));
    EXPECT_EQ(files(), 2);
  }
  EXPECT_EQ(files(), 1);
  expect_is_there();
  must(store_->define(lists_named({})));
  EXPECT_EQ(files(), 0) << "the list is gone";
}

}  // namespace
}  // namespace weir::present_rules_test
