#include "tools/sidecar/audit_log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"

namespace weir::sidecar::audit_log_test {
namespace {

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLogTest() { std::filesystem::create_directories(scratch_ / "policy"); }

  std::unique_ptr<AuditLog> open() {
    auto log = AuditLog::open(scratch_.path());
    EXPECT_TRUE(log) << (log ? "" : log.error().message);
    return log ? std::move(*log) : nullptr;
  }
  // Six changes.
  void fill() {
    const auto log = open();
    for (int i = 1; i <= 6; ++i) {
      AuditEntry entry{"alice", "rule add", "n" + std::to_string(i) + ".example", "because", {{"action", "block"}}};
      const auto appended = log->append(entry, {static_cast<std::uint64_t>(i)}, WallTime(std::chrono::seconds(i)));
      ASSERT_TRUE(appended) << appended.error().message;
    }
  }
  static std::string read(const std::filesystem::path& file) { return read_file(file); }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::string rest = read(records());
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n') + 1;
      out.push_back(rest.substr(0, end));
      rest.erase(0, end);
    }
    return out;
  }
  void write_lines(const std::vector<std::string>& all) const {
    std::string text;
    for (const std::string& line : all) text += line;
    write_file(records(), text);
  }
  std::filesystem::path records() const { return scratch_ / "audit" / "records"; }
  std::filesystem::path head() const { return scratch_ / "policy" / "audit-head"; }
  AuditCheck check() {
    const auto checked = open()->check();
    EXPECT_TRUE(checked);
    return checked ? *checked : AuditCheck{};
  }

  test::ScratchFolder scratch_;
};

TEST_F(AuditLogTest, GoesOnWhereItEndedAndTheChainIsWhole) {
  fill();
  const std::string after = check().head;
  EXPECT_EQ(check().records, 6U);
  ASSERT_TRUE(open()->append({"bob", "reload", "", "", {}}, {7}, WallTime(std::chrono::seconds(9))));
  const AuditCheck checked = check();
  EXPECT_EQ(checked.records, 7U);
  EXPECT_TRUE(checked.faults.empty()) << checked.faults.front();
  EXPECT_NE(checked.head, after);
  EXPECT_NE(lines().back().find(after), std::string::npos) << "the newest record names the one before it";
}

TEST_F(AuditLogTest, AnyChangeOfAnyRecordIsFoundAndItsPlaceSaid) {
  fill();
  const std::vector<std::string> good = lines();
  const std::string good_head = read(head());
  // Every octet of one record, one after the other: half of them as another letter, half as nothing.
  for (std::size_t at = 0; at + 1 < good[2].size(); ++at) {
    std::vector<std::string> changed = good;
    if (at % 2 == 0) {
      changed[2][at] ^= 1;
    } else {
      changed[2].erase(at, 1);
    }
    write_lines(changed);
    const auto log = open();
    const auto checked = log->check();
    ASSERT_TRUE(checked);
    ASSERT_FALSE(checked->faults.empty()) << "octet " << at;
    EXPECT_TRUE(checked->faults[0].starts_with("line 3: ")) << at << ": " << checked->faults[0];
    write_file(head(), good_head);
  }
  struct Row {
    const char* what;
    std::vector<std::string> lines;
    const char* where;
  };
  const std::vector<std::string>& g = good;
  for (const Row& row : {Row{"removed", {g[0], g[1], g[3], g[4], g[5]}, "line 3: "},
                         Row{"first removed", {g[1], g[2], g[3], g[4], g[5]}, "line 1: "},
                         Row{"moved", {g[0], g[2], g[1], g[3], g[4], g[5]}, "line 2: "},
                         Row{"twice", {g[0], g[1], g[1], g[2], g[3], g[4], g[5]}, "line 3: "},
                         Row{"two cut off", {g[0], g[1], g[2], g[3]}, "line 5: "}, Row{"all gone", {}, "line 1: "}}) {
    write_lines(row.lines);
    const AuditCheck checked = check();
    ASSERT_FALSE(checked.faults.empty()) << row.what;
    EXPECT_TRUE(checked.faults[0].starts_with(row.where)) << row.what << ": " << checked.faults[0];
    EXPECT_EQ(checked.records, row.lines.size()) << row.what;
    write_file(head(), good_head);
  }
}

// Written by somebody who knows the format: the copy of the newest record tells.
TEST_F(AuditLogTest, ATailCutOrReplacedUnderARunningSidecarIsFound) {
  fill();
  const auto log = open();
  std::vector<std::string> cut = lines();
  cut.pop_back();
  write_lines(cut);
  auto checked = log->check();
  ASSERT_TRUE(checked);
  ASSERT_EQ(checked->faults.size(), 1U);
  EXPECT_NE(checked->faults[0].find("its end was cut off"), std::string::npos) << checked->faults[0];
  std::filesystem::remove(head());
  checked = log->check();
  ASSERT_TRUE(checked);
  ASSERT_EQ(checked->faults.size(), 1U);
  EXPECT_NE(checked->faults[0].find("is missing"), std::string::npos) << checked->faults[0];
}

// A crash may leave audit-head written and any part of the record itself.
TEST_F(AuditLogTest, ARecordThatACrashCutShortIsWrittenToItsEnd) {
  fill();
  const std::vector<std::string> good = lines();
  for (const std::size_t left : {std::size_t{0}, std::size_t{1}, std::size_t{100}, good[5].size() - 1}) {
    std::vector<std::string> cut = good;
    cut[5].resize(left);
    write_lines(cut);
    const AuditCheck checked = check();
    EXPECT_TRUE(checked.faults.empty()) << left << ": " << checked.faults.front();
    EXPECT_EQ(checked.records, 6U) << left;
    EXPECT_EQ(lines(), good) << left;
  }
}

TEST_F(AuditLogTest, ABrokenChainStaysTold) {
  fill();
  std::vector<std::string> changed = lines();
  changed[1].replace(changed[1].find("alice"), 5, "mabel");
  write_lines(changed);
  ASSERT_TRUE(open()->append({"bob", "reload", "", "", {}}, {7}, {}));
  const AuditCheck checked = check();
  EXPECT_EQ(checked.records, 6U);
  ASSERT_FALSE(checked.faults.empty());
  EXPECT_TRUE(checked.faults[0].starts_with("line 2: ")) << checked.faults[0];
}

class Published final : public PolicyRecords {
 public:
  Result<std::vector<SourcedRule>> rules_of(ListId, std::size_t) const override { return std::vector<SourcedRule>(); }
  Result<std::vector<SourcedRule>> past_rules_of(ListId, GenerationNumber, std::size_t) const override {
    return std::vector<SourcedRule>();
  }
  Result<PolicySet> past_policies(GenerationNumber) const override { return PolicySet(); }
  Result<std::vector<PublishedGeneration>> generations() const override {
    std::vector<PublishedGeneration> all;
    for (std::uint64_t number = 9; number > 0; --number) {
      PublishedGeneration generation;
      generation.number = {number};
      generation.reason = "reason " + std::to_string(number);
      all.push_back(generation);
    }
    return all;
  }
  Result<std::vector<ImportRecord>> history(ListId) const override { return std::vector<ImportRecord>(); }
  Result<std::shared_ptr<const RulesInForce>> rules_at(WallTime) const override {
    return Error{ErrorCode::not_found, "nothing was published yet at that time"};
  }
  Result<std::unique_ptr<PreparedImport>> prepare(ListId, const RuleStream&,
                                                  const std::function<void(std::uint64_t)>&) const override {
    return Error{};
  }
  std::shared_ptr<store::RuleSorter> start_reading(ListId) const override { return nullptr; }
  Result<std::unique_ptr<PreparedImport>> prepare(ListId, store::RuleSorter&,
                                                  const std::function<void(std::uint64_t)>&) const override {
    return Error{};
  }
  Result<std::unique_ptr<PreparedImport>> prepare_changes(ListId, const RuleStream&, const RuleStream&) const override {
    return Error{};
  }
  unsigned places_to_search() const override { return 1; }
  Result<void> merge_tables(std::atomic<bool>&) const override { return Error{}; }
  bool has_merged_tables() const override { return false; }
  Result<std::string> contents(ListId) const override { return Error{}; }
  Result<void> visit(ListId, const std::function<bool(const SourcedRule&)>&) const override { return Error{}; }
  Result<void> compare(ListId, ImportId, ImportId,
                       const std::function<bool(Change, const SourcedRule&)>&) const override {
    return Error{};
  }
  Result<std::unique_ptr<Candidate>> make_candidate(const std::function<Result<void>(PolicyStore&)>&,
                                                    Now) const override {
    return Error{};
  }
};

TEST_F(AuditLogTest, WhatWasPublishedWithoutARecordGetsOne) {
  fill();
  const auto log = open();
  ASSERT_TRUE(log->catch_up(Published(), {8}, {}));
  ASSERT_TRUE(log->catch_up(Published(), {8}, {})) << "once";
  const std::vector<std::string> all = lines();
  ASSERT_EQ(all.size(), 8U);
  EXPECT_NE(all[6].find("reason 7"), std::string::npos) << all[6];
  EXPECT_NE(all[7].find("reason 8"), std::string::npos) << all[7];
  EXPECT_TRUE(check().faults.empty());
}

}  // namespace
}  // namespace weir::sidecar::audit_log_test
