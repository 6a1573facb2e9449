#include "tools/sql/query.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/scratch_folder.h"
#include "tests/tools/log/sample_decisions.h"
#include "tools/log/log_filter.h"
#include "tools/log/row_text.h"
#include "tools/log/top.h"

namespace weir::sql::query_test {
namespace {

constexpr std::int64_t kStart = 20'000LL * 86'400'000;

// A log in sealed and open blocks, and the same decisions in a list.
class QueryTest : public ::testing::Test {
 protected:
  QueryTest() : log_(std::move(*log::DecisionLog::open(scratch_ / "log"))) {
    policies_ = std::make_shared<PolicySet>(PolicySet::with_defaults());
    for (std::uint32_t id = 16; id < 26; ++id) {
      ListDefinition list;
      list.id = {id};
      list.name = "list" + std::to_string(id);
      list.category = id % 2 == 0 ? "even" : "odd";
      policies_->lists.push_back(list);
    }
    for (const char* group : {"kids", "guests"}) policies_->groups.push_back({group, {}, 0});
    for (std::uint64_t generation = 1; generation <= 5; ++generation)
      EXPECT_TRUE(log_->remember_names({generation}, *policies_));
    test::SampleDecisions sample(
        {.seed = 7, .decisions = 8'000, .clients = 100, .first_ms = kStart, .span_ms = 2 * 86'400'000});
    while (!sample.done()) {
      log::RecordBatch batch;
      sample.fill(batch, 1'000);
      for (const auto& entry : batch.entries()) all_.push_back(*decode_decision(batch.record(entry)));
      EXPECT_TRUE(log_->append(batch, {}));
    }
    const WallTime then = log::from_ms(kStart + 86'400'000 + 3'600'000);
    EXPECT_TRUE(log_->retain({std::chrono::hours(24 * 365), UINT64_MAX}, then));
    EXPECT_TRUE(log_->settle());
  }

  Answer ask(const std::string& statement) {
    auto answer = run(*log_, {.statement = statement});
    EXPECT_TRUE(answer) << statement << ": " << (answer ? "" : answer.error().message);
    return answer ? std::move(*answer) : Answer{};
  }
  std::int64_t number(const std::string& statement) {
    const Answer answer = ask(statement);
    if (answer.rows.size() != 1 || answer.rows[0].empty()) return -1;
    const auto* value = std::get_if<std::int64_t>(&answer.rows[0][0]);
    return value == nullptr ? -1 : *value;
  }
  std::int64_t count(const std::function<bool(const Decision&)>& fits) const {
    return std::count_if(all_.begin(), all_.end(), fits);
  }
  std::string list_of(const Decision& decision) const { return log::list_name(policies_.get(), decision.winner.list); }

  test::ScratchFolder scratch_;
  std::unique_ptr<log::DecisionLog> log_;
  std::shared_ptr<PolicySet> policies_;
  std::vector<Decision> all_;
};

TEST_F(QueryTest, WhatIsAskedOfColumnsIsWhatALookAtEachRowFinds) {
  const Decision& some = all_[all_.size() / 2];
  const std::string name = some.qname.folded().to_text();
  const std::string client = log::describe(some.client);
  const std::int64_t middle = log::to_ms(some.time);
  const auto us = [](const Decision& each) { return log::latency_of_code(log::code_of_latency(each.latency_us)); };
  const struct {
    std::string where;
    std::function<bool(const Decision&)> fits;
  } kRows[] = {
      {"1", [](const Decision&) { return true; }},
      {"name = '" + name + "'", [&](const Decision& each) { return each.qname.folded() == some.qname.folded(); }},
      {"name IN ('" + name + "', 'none.example', 'x..y', 'com')",
       [&](const Decision& each) { return each.qname.folded() == some.qname.folded(); }},
      {"name = 'none.example'", [](const Decision&) { return false; }},
      {"name LIKE '%ADS.ex%'",
       [](const Decision& each) { return each.qname.folded().to_text().find("ads.ex") != std::string::npos; }},
      {"name LIKE 'host1.%'", [](const Decision& each) { return each.qname.folded().to_text().starts_with("host1."); }},
      {"name NOT LIKE 'host1.%'",
       [](const Decision& each) { return !each.qname.folded().to_text().starts_with("host1."); }},
      {"name >= 'host3' AND name < 'host4'",
       [](const Decision& each) { return each.qname.folded().to_text().starts_with("host3"); }},
      {"name = upper('" + name + "') COLLATE NOCASE",
       [&](const Decision& each) { return each.qname.folded() == some.qname.folded(); }},
      {"client = '" + client + "'", [&](const Decision& each) { return log::describe(each.client) == client; }},
      {"client = '" + client + "' AND type = 'AAAA'",
       [&](const Decision& each) { return log::describe(each.client) == client && each.qtype == RecordType::aaaa; }},
      {"client = '10.0.0'", [](const Decision&) { return false; }},
      {"class = 'blocked'", [](const Decision& each) { return each.decision_class == DecisionClass::blocked; }},
      {"class > 'resolved'", [](const Decision& each) { return log::to_text(each.decision_class) > "resolved"; }},
      {"list = 'list17'", [&](const Decision& each) { return list_of(each) == "list17"; }},
      {"list IN ('list17', 'list18', NULL)",
       [&](const Decision& each) { return list_of(each) == "list17" || list_of(each) == "list18"; }},
      {"list IS NULL", [](const Decision& each) { return each.winner.list == 0; }},
      {"category = 'odd'", [](const Decision& each) { return each.winner.list >= 16 && each.winner.list % 2 == 1; }},
      {"client_group = 'kids'", [](const Decision& each) { return each.group == 1; }},
      {"latency_us > 100", [&](const Decision& each) { return us(each) > 100; }},
      {"latency_us BETWEEN 20 AND 40.5", [&](const Decision& each) { return us(each) >= 20 && us(each) <= 40; }},
      {"latency_us = '30' OR latency_us = 30", [&](const Decision& each) { return us(each) == 30; }},
      {"ms >= " + std::to_string(middle), [&](const Decision& each) { return log::to_ms(each.time) >= middle; }},
      {"ms > " + std::to_string(middle) + ".5", [&](const Decision& each) { return log::to_ms(each.time) > middle; }},
      {"ms = " + std::to_string(middle), [&](const Decision& each) { return log::to_ms(each.time) == middle; }},
      {"time >= '" + log::time_text(middle) + "'",
       [&](const Decision& each) { return log::to_ms(each.time) >= middle; }},
      {"time < '2024-10-05'",
       [&](const Decision& each) { return log::time_text(log::to_ms(each.time)) < "2024-10-05"; }},
      {"time = '" + log::time_text(middle) + "'",
       [&](const Decision& each) { return log::to_ms(each.time) == middle; }},
      {"time < 'z'", [](const Decision&) { return true; }},
      {"time > 'z'", [](const Decision&) { return false; }},
      {"generation = 3", [](const Decision& each) { return each.generation.value == 3; }},
      {"name = NULL", [](const Decision&) { return false; }},
      {"name = 5", [](const Decision&) { return false; }},
  };
  for (const auto& row : kRows)
    EXPECT_EQ(number("SELECT count(*) FROM decisions WHERE " + row.where), count(row.fits)) << row.where;
}

TEST_F(QueryTest, EachColumnIsWhatTheDecisionSays) {
  const Answer answer =
      ask("SELECT ms, class, name, type, client, client_group, list, action, mode, link, transport, "
          "latency_us, generation, losers FROM decisions");
  ASSERT_EQ(answer.rows.size(), 1000U);
  EXPECT_FALSE(answer.all_rows);
  const auto text = [](std::string_view value) {
    return value.empty() ? Value(std::monostate()) : Value(std::string(value));
  };
  std::multiset<std::vector<Value>> all;
  for (const Decision& each : all_) {
    all.insert({log::to_ms(each.time), text(log::to_text(each.decision_class)), text(each.qname.folded().to_text()),
                text(to_text(each.qtype)), text(log::describe(each.client)),
                text(log::group_name(policies_.get(), each.group)), text(list_of(each)), text(to_text(each.action)),
                text(log::mode_text(each.decision_class, each.action, each.mode)), text(log::to_text(each.link)),
                text(log::to_text(each.transport)),
                std::int64_t{log::latency_of_code(log::code_of_latency(each.latency_us))},
                static_cast<std::int64_t>(each.generation.value), std::int64_t{each.loser_count}});
  }
  for (const auto& row : answer.rows) {
    const auto found = all.find(row);
    ASSERT_NE(found, all.end());
    all.erase(found);
  }
}

TEST_F(QueryTest, SumsThatAreKeptEqualThoseOverRows) {
  for (const char* sums :
       {"SELECT ms / 60000, class, list, client_group, sum(decisions) FROM minutes GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, "
        "3, 4",
        "SELECT ms / 3600000, class, category, sum(decisions) FROM hours GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        "SELECT ms / 86400000, class, sum(decisions) FROM days GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT ms / 86400000, class, domain, sum(decisions) FROM domains GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"}) {
    std::string rows = sums;
    for (const char* table : {"minutes", "hours", "days", "domains"}) {
      if (const auto at = rows.find(std::string(" FROM ") + table); at != std::string::npos)
        rows.replace(at + 6, std::string_view(table).size(), "decisions");
    }
    rows.replace(rows.find("sum(decisions)"), 14, "count(*)");
    const Answer kept = ask(sums);
    EXPECT_GT(kept.rows.size(), 1U) << sums;
    EXPECT_EQ(kept.rows, ask(rows).rows) << sums;
  }
  EXPECT_EQ(number("SELECT sum(decisions) FROM days WHERE time >= '2024-10-05'"),
            number("SELECT count(*) FROM decisions WHERE time >= '2024-10-05'"));
  EXPECT_EQ(number("SELECT count(*) FROM days d JOIN domains USING (ms)") > 0, true);
}

TEST_F(QueryTest, BlocksThatCannotHoldItAreNotRead) {
  const Answer sealed = ask("SELECT count(*) FROM decisions");
  const Answer named = ask("SELECT count(*) FROM decisions WHERE name = 'not.in.any.block.example'");
  EXPECT_GT(named.blocks_skipped, 0U);
  EXPECT_LT(named.blocks_read, sealed.blocks_read);
  const Answer early = ask("SELECT count(*) FROM decisions WHERE ms < " + std::to_string(kStart + 1000));
  EXPECT_LT(early.blocks_read + early.blocks_skipped, sealed.blocks_read);
}

TEST_F(QueryTest, WhatIsRefusedSaysWhereAndWhatWasExpected) {
  const struct {
    std::string statement;
    std::string expected;
  } kRows[] = {
      {"", "nothing to do"},
      {"-- a comment", "nothing to do"},
      {"SELECT nmae FROM decisions", "SQL:1:8: no such column: nmae; did you mean name?"},
      {"SELECT 1,\n  count(* FROM decisions", "SQL:2:11: near \"FROM\": syntax error"},
      {"SELECT * FROM decision", "no such table: decision; did you mean decisions?"},
      {"SELECT * FROM clients", "no such table: clients; expected one of those"},  // client is a column
      {"SELECT 1; SELECT 2", "expected one statement; behind it stands ' SELECT 2'"},
      {"CREATE TABLE t(a)", "not authorized: expected one SELECT"},
      {"DELETE FROM decisions", "SQL"},
      {"ATTACH '/etc/passwd' AS p", "SQL"},
      {"PRAGMA temp_store_directory", "not authorized"},
      {"SELECT load_extension('/x')", "SQL"},
      {"SELECT zeroblob(100000000)", "SQL"},
      {std::string(kMaxStatement + 1, ' '), "longer than"},
  };
  for (const auto& row : kRows) {
    const auto refused = run(*log_, {.statement = row.statement});
    ASSERT_FALSE(refused) << row.statement;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid) << row.statement;
    EXPECT_NE(refused.error().message.find(row.expected), std::string::npos) << refused.error().message;
  }
}

TEST_F(QueryTest, TimeMemoryAndSizeAreBounded) {
  // What never ends by itself.
  const auto endless =
      run(*log_, {.statement = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
                  .budget = std::chrono::milliseconds(20)});
  ASSERT_TRUE(endless);
  EXPECT_FALSE(endless->whole_log);
  EXPECT_TRUE(endless->rows.empty());
  // A budget that is spent ends the reading, and sums are of what was read.
  const auto cut = run(*log_, {.statement = "SELECT count(*) FROM decisions", .budget = std::chrono::milliseconds(0)});
  ASSERT_TRUE(cut);
  EXPECT_FALSE(cut->whole_log);
  // Who has gone is not worked for.
  const auto gone = run(*log_, {.statement = "SELECT count(*) FROM decisions", .is_gone = [] { return true; }});
  ASSERT_TRUE(gone);
  EXPECT_FALSE(gone->whole_log);
  std::string many = "SELECT hex(zeroblob(400000))";
  for (int i = 0; i < 150; ++i) many += ", hex(zeroblob(400000))";
  const auto large = run(*log_, {.statement = many});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::too_large) << large.error().message;
  // What is sorted may be more than that.
  const auto sorted = run(*log_, {.statement = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
                                               "100000) SELECT hex(randomblob(400)), i FROM n ORDER BY 1",
                                  .limit = 1});
  ASSERT_TRUE(sorted) << sorted.error().message;
  EXPECT_FALSE(sorted->all_rows);
  const auto wide = run(*log_, {.statement = "SELECT hex(zeroblob(1000)) FROM decisions", .max_octets = 10'000});
  ASSERT_TRUE(wide);
  EXPECT_FALSE(wide->all_rows);
  EXPECT_LT(wide->rows.size(), 10U);
  EXPECT_EQ(std::get<std::string>(ask("SELECT x'00ff'").rows[0][0]), "00ff");
}

TEST_F(QueryTest, BoundsOnTimesBeyondAllTimes) {
  const auto all = static_cast<std::int64_t>(all_.size());
  const std::pair<const char*, std::int64_t> cases[] = {{"ms < 1e300", all},   {"ms < 9223372036854775807", all},
                                                        {"ms >= -1e300", all}, {"ms > 1e300", 0},
                                                        {"ms < -1e300", 0},    {"ms > -9223372036854775808", all},
                                                        {"ms = 1e300", 0},     {"ms BETWEEN -1e99 AND 1e99", all},
                                                        {"ms <= 1e15", all}};
  for (const auto& [where, expected] : cases)
    EXPECT_EQ(number(std::string("SELECT count(*) FROM decisions WHERE ") + where), expected) << where;
}

TEST_F(QueryTest, SaysWhatTheLogLacksOfTheTimeThatWasAsked) {
  log::RecordBatch batch;
  const std::string lost = encode(log::LostRecord{1, 12, 0, kStart + 3'600'000});
  batch.add(log::RecordSort::lost, kStart + 3'600'500,
            {reinterpret_cast<const std::uint8_t*>(lost.data()), lost.size()});
  ASSERT_TRUE(log_->append(batch, {}));
  const std::string before = std::to_string(kStart + 3'600'000);
  for (const char* table : {"decisions", "hours"}) {
    const std::string from = std::string("SELECT count(*) FROM ") + table;
    const Answer all = ask(from);
    ASSERT_EQ(all.missing.size(), 1U) << table;
    EXPECT_EQ(all.missing[0].rows, 12U);
    EXPECT_EQ(ask(from + " WHERE ms >= " + before).missing.size(), 1U) << table;
    EXPECT_TRUE(ask(from + " WHERE ms < " + before).missing.empty()) << table;
  }
  EXPECT_EQ(ask("SELECT * FROM days WHERE ms <= " + std::to_string(kStart)).missing.size(), 1U)
      << "the day goes on behind where it begins";
  EXPECT_TRUE(ask("SELECT 1").missing.empty()) << "nothing of the log was asked for";
}

}  // namespace
}  // namespace weir::sql::query_test
