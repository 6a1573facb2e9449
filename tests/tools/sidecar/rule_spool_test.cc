#include "tools/sidecar/rule_spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tools/sidecar/import_list.h"

namespace weir::sidecar {
namespace {

// Of this process, in `folder`: files that are open and have no name.
void cut_nameless_files(const std::filesystem::path& folder, off_t size) {
  unsigned cut = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (gone || !target.starts_with(folder.string() + "/#")) continue;
    ASSERT_EQ(::truncate(entry.path().c_str(), size), 0);
    ++cut;
  }
  ASSERT_EQ(cut, 1U) << "the spool lies somewhere else";
}

TEST(RuleSpool, GivesBackWhatItWasGivenInOrder) {
  const test::ScratchFolder scratch;
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
    ASSERT_TRUE(got && got->has_value());
    EXPECT_EQ((*got)->rule, rule.rule) << rule.line;
    EXPECT_EQ((*got)->line, rule.line);
  }
  const auto end = (*spool)->next();
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_FALSE(end->has_value());
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path())) << "the file has no name";
}

// A disk that loses the end of the file must not make a shorter list of it.
TEST(RuleSpool, WhatCannotBeReadBackAbortsTheImport) {
  const test::ScratchFolder scratch;
  write_file(scratch / "ads.txt", "a.example\nb.example\n");
  ListConfig list;
  list.definition.name = "ads";
  list.source = (scratch / "ads.txt").string();
  auto store = PolicyStore::open(scratch / "store", {}, {});
  ASSERT_TRUE(store) << store.error().message;
  PolicySet set = PolicySet::with_defaults();
  set.lists.push_back(list.definition);
  set.lists.back().id = {1000};
  ASSERT_TRUE((*store)->define(set));
  const ListId id = (*store)->policies().find_list("ads")->id;
  const auto import = [&](std::optional<off_t> cut) -> Result<ImportOutcome> {
    const auto reading = check_list(list, scratch / "ads.txt", {});
    EXPECT_TRUE(reading) << reading.error().message;
    if (cut) cut_nameless_files(scratch.path(), *cut);
    const auto prepared = prepare_list(**store, id, list, scratch / "ads.txt", *reading, {});
    if (!prepared) return prepared.error();
    return (*store)->import(**prepared, {});
  };
  ASSERT_TRUE(import(std::nullopt));
  ASSERT_TRUE((*store)->publish("first", {}));
  write_file(scratch / "ads.txt", "c.example\nd.example\ne.example\n");
  const off_t record = 16 + 11;  // head and name
  for (const off_t cut : {off_t{0}, record, record + 5, 2 * record, 2 * record + 20}) {
    const auto outcome = import(cut);
    ASSERT_FALSE(outcome) << cut;
    EXPECT_EQ(outcome.error().code, ErrorCode::io) << cut;
    const auto rules = (*store)->rules_of(id, 10);
    ASSERT_TRUE(rules && rules->size() == 2) << cut;
    EXPECT_EQ((*rules)[0].rule.name.to_text(), "a.example") << cut;
    EXPECT_EQ((*store)->history(id)->size(), 1U) << cut;
    EXPECT_EQ((*store)->publish("nothing new", {})->value, 1U) << cut;
  }
  const auto outcome = import(std::nullopt);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->rules, 3U);
}

TEST(RuleSpool, SaysWhenTheListIsToBeReadAgain) {
  const test::ScratchFolder scratch;
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
