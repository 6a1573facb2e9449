// Sorting and comparing outside of memory: the same rules come out, however little of them memory holds, and a disk
// that loses some, or is full, is no shorter list.
#include "zones/store/rule_sorter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>

#include "tests/zones/store/store_fixture.h"
#include "zones/store/change_set.h"
#include "zones/store/spool.h"
#include "zones/store/write_changes.h"

namespace weir::rule_sorter_test {
namespace {

using store::RuleSorter;
using store::Spool;
using store::SpoolReader;
using store::WantedRule;
using testing::address_rule;
using testing::at;
using testing::lists_named;
using testing::must;
using testing::rule;

// Of this process, in `folder`: files that are open and have no name.
std::vector<std::filesystem::path> nameless_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (!gone && target.starts_with(folder.string() + "/#")) out.push_back(entry.path());
  }
  return out;
}

std::vector<Rule> many_rules(unsigned count) {
  std::vector<Rule> out;
  constexpr PatternKind kKinds[] = {PatternKind::exact, PatternKind::subtree, PatternKind::below};
  for (unsigned i = 0; i < count; ++i) {
    Rule made =
        rule("host" + std::to_string(i * 7919 % count) + (i % 5 == 0 ? "." + std::string(63, 'x') : "") + ".example",
             kKinds[i % 3], i % 4 == 0 ? Action::allow : Action::block);
    if (i % 11 == 0) made.detail.conditions.types = {RecordType::aaaa};
    if (i % 13 == 0) made = address_rule("192.0." + std::to_string(i % 256) + ".0/24");
    if (i % 17 == 0) {
      made.kind = PatternKind::regex;
      made.pattern = "ads[0-9]+" + std::to_string(i);
    }
    out.push_back(made);
  }
  return out;
}

struct Given {
  std::string payload;
  std::uint64_t line;
  bool operator==(const Given&) const = default;
};

std::map<std::string, Given> given_by(RuleSorter& sorter) {
  std::map<std::string, Given> out;
  std::string last;
  WantedRule wanted;
  while (sorter.next(wanted)) {
    EXPECT_LT(last, wanted.key) << "sorted, and each rule once";
    last.assign(wanted.key);
    out[last] = {std::string(wanted.payload), wanted.line};
  }
  EXPECT_TRUE(sorter.status());
  return out;
}

TEST(RuleSorter, MemoryChangesNothing) {
  const test::ScratchFolder scratch;
  const std::vector<Rule> rules = many_rules(3000);
  RuleSorter in_memory(scratch.path());
  RuleSorter on_disk(scratch.path(), 16 << 10);
  for (std::uint64_t line = 1; line <= 2 * rules.size(); ++line) {  // each rule twice
    const SourcedRule sourced{rules[line % rules.size()], line};
    ASSERT_TRUE(in_memory.add(sourced));
    ASSERT_TRUE(on_disk.add(sourced));
  }
  ASSERT_TRUE(in_memory.sort());
  ASSERT_TRUE(on_disk.sort());
  EXPECT_EQ(in_memory.runs(), 0U);
  EXPECT_GT(on_disk.runs(), 10U);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path())) << "the files have no name";
  const auto expected = given_by(in_memory);
  EXPECT_GT(expected.size(), 2000U);
  EXPECT_EQ(given_by(on_disk), expected);
}

TEST(Spool, GivesBackBothWays) {
  const test::ScratchFolder scratch;
  std::mt19937 random(3);
  std::vector<std::string> records;
  for (int i = 0; i < 5000; ++i) records.emplace_back(random() % 60, static_cast<char>('a' + i % 26));
  records.emplace_back(300'000, 'x');  // more than a block
  records.emplace_back();
  for (const std::size_t memory : {std::size_t{0}, std::size_t{100'000}, std::size_t{1} << 30}) {
    Spool spool(scratch.path(), memory);
    for (const std::string& record : records) spool.add(record);
    ASSERT_TRUE(spool.finish());
    EXPECT_EQ(nameless_files(scratch.path()).size(), memory == std::size_t{1} << 30 ? 0U : 1U);
    for (const auto direction : {SpoolReader::Direction::forwards, SpoolReader::Direction::backwards}) {
      SpoolReader reader(spool, direction);
      std::vector<std::string> got;
      std::string_view record;
      while (reader.next(record)) got.emplace_back(record);
      ASSERT_TRUE(reader.status());
      if (direction == SpoolReader::Direction::backwards) std::reverse(got.begin(), got.end());
      EXPECT_TRUE(got == records);
    }
  }
}

class Spilled : public ::testing::Test {
 protected:
  Spilled() {
    must(store_->define(lists_named({"ads"})));
    ads_ = store_->policies().find_list("ads")->id;
    must(store_->import(ads_, testing::stream_of({rule("a.example"), rule("b.example")}), {}, {}, at(1)));
    must(store_->publish("first", at(1)));
  }
  // A reading of rules with runs on the disk.
  std::unique_ptr<RuleSorter> sorted(const std::vector<Rule>& rules) {
    auto sorter = std::make_unique<RuleSorter>(scratch_.path(), 16 << 10);
    std::uint64_t line = 0;
    for (const Rule& each : rules) EXPECT_TRUE(sorter->add({each, ++line}));
    return sorter;
  }
  void expect_nothing_changed() {
    EXPECT_EQ(must(store_->rules_of(ads_, 10)).size(), 2U);
    EXPECT_EQ(must(store_->history(ads_)).size(), 1U);
    EXPECT_EQ(must(store_->publish("nothing new", at(2))).value, 1U);
  }

  test::ScratchFolder scratch_;
  std::unique_ptr<PolicyStore> store_ = must(PolicyStore::open(scratch_ / "store", {}, at(0)));
  ListId ads_;
};

// A disk that loses the end of a file must not make a shorter list of it.
TEST_F(Spilled, WhatCannotBeReadBackAbortsTheImport) {
  const std::vector<Rule> rules = many_rules(3000);
  for (const off_t cut : {0, 1, 3000}) {
    auto sorter = sorted(rules);
    ASSERT_GT(sorter->runs(), 3U);
    const auto files = nameless_files(scratch_.path());
    ASSERT_GE(files.size(), sorter->runs()) << "those that are written, and perhaps one that is being written";
    ASSERT_LE(files.size(), sorter->runs() + 1);
    ASSERT_EQ(::truncate(files[files.size() / 2].c_str(), cut), 0);
    const auto begun = sorter->sort();
    const auto prepared =
        begun ? store_->prepare(ads_, *sorter, {}) : Result<std::unique_ptr<PreparedImport>>(begun.error());
    ASSERT_FALSE(prepared) << cut;
    EXPECT_EQ(prepared.error().code, ErrorCode::io) << cut;
    EXPECT_NE(prepared.error().message.find(scratch_.path().string()), std::string::npos) << prepared.error().message;
    expect_nothing_changed();
  }
}

// The changes of a prepared import lie on the disk too, when they are many.
TEST_F(Spilled, ChangesThatAreLostAbortTheImport) {
  std::vector<Rule> rules;
  for (int i = 0; i < 100'000; ++i) rules.push_back(rule("n" + std::to_string(i) + ".example"));
  const auto prepared = must(store_->prepare(ads_, testing::stream_of(rules), {}));
  const auto files = nameless_files(scratch_ / "store" / "policy");
  ASSERT_EQ(files.size(), 1U);
  std::uint64_t seen = 0;
  must(prepared->for_each(Change::added, [&](const SourcedRule&) { return ++seen, true; }) ? Result<int>(0)
                                                                                           : Result<int>(Error{}));
  EXPECT_EQ(seen, rules.size());
  std::vector<std::uint64_t> lines;
  ASSERT_TRUE(prepared->find(Change::added, testing::name("n77777.example"),
                             [&](const SourcedRule& found) { lines.push_back(found.line); }));
  EXPECT_EQ(lines, std::vector<std::uint64_t>{77778});
  ASSERT_EQ(::truncate(files[0].c_str(), 1'000'000), 0);
  const auto outcome = store_->import(*prepared, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::io);
  expect_nothing_changed();
  EXPECT_EQ(must(store_->import(ads_, testing::stream_of(rules), {}, {}, at(3))).added, rules.size());
}

// What a full disk does, by the limit on a file's size: the write fails with a message, the list stays.
TEST_F(Spilled, AFullDiskIsAnErrorThatSaysWhere) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  auto sorter = std::make_unique<RuleSorter>(scratch_.path(), 16 << 10);
  const rlimit little{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  Result<void> told;
  std::uint64_t line = 0;
  for (const Rule& each : many_rules(3000)) {
    told = sorter->add({each, ++line});
    if (!told) break;
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::io);
  EXPECT_EQ(told.error().message,
            "cannot keep an import's records in " + scratch_.path().string() + ": File too large");
  sorter.reset();
  EXPECT_TRUE(nameless_files(scratch_.path()).empty());
  expect_nothing_changed();
}

TEST_F(Spilled, OneNameHasNoMoreRulesThanALookUpMayRead) {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i <= store::kMaxRulesOnTarget; ++i) {
    rules.push_back(rule("attacked.example"));
    rules.back().detail.conditions.deny_allow = {testing::name("d" + std::to_string(i) + ".attacked.example")};
  }
  const auto outcome = store_->import(ads_, testing::stream_of(rules), {}, {}, at(1));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::too_large);
  EXPECT_EQ(outcome.error().message, "more than 10000 rules on attacked.example");
  expect_nothing_changed();
  rules.pop_back();
  EXPECT_EQ(must(store_->import(ads_, testing::stream_of(rules), {}, {}, at(1))).added, store::kMaxRulesOnTarget);
}

// Once all lists together had one limit: the first that filled a name had it for itself.
TEST_F(Spilled, AListThatFillsATargetLeavesRoomForEverybodyElse) {
  must(store_->define(lists_named({"ads", "other"})));
  const ListId other = store_->policies().find_list("other")->id;
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < store::kMaxRulesOnTarget; ++i) {
    rules.push_back(rule("full.example"));
    rules.back().detail.conditions.types = {static_cast<RecordType>(i + 1)};
    rules.push_back(rule("example"));  // patterns stand on their literal suffix
    rules.back().kind = PatternKind::glob;
    rules.back().pattern = "*n" + std::to_string(i) + ".example";
    rules.push_back(address_rule("192.0.2.0/24"));
    rules.back().detail.conditions.types = {static_cast<RecordType>(i + 1)};
  }
  must(store_->import(ads_, testing::stream_of(rules), {}, {}, at(1)));
  Rule glob = rule("example");
  glob.kind = PatternKind::glob;
  glob.pattern = "*ads*.example";
  const auto theirs = store_->import(
      other, testing::stream_of({rule("full.example"), glob, address_rule("192.0.2.0/24")}), {}, {}, at(2));
  ASSERT_TRUE(theirs) << theirs.error().message;
  EXPECT_EQ(theirs->added, 3U);
  const auto own = store_->add_rule(kLocalRules, rule("full.example", PatternKind::subtree, Action::allow), {}, at(3));
  EXPECT_TRUE(own) << own.error().message;
  Rule one_more = rule("full.example");
  one_more.action = Action::null;
  rules.push_back(one_more);
  EXPECT_EQ(store_->import(ads_, testing::stream_of(rules), {}, {}, at(4)).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace weir::rule_sorter_test
