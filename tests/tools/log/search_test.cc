#include "tools/log/search.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/scratch_folder.h"
#include "tests/tools/log/sample_decisions.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"

namespace weir::log::search_test {
namespace {

constexpr std::int64_t kStart = 20'000LL * 86'400'000;

// As the sidecar does now and then; with all done that this begins.
void tend(DecisionLog& log, const LogRetention& retention, WallTime now) {
  for (int time = 0; time < 2; ++time) {
    ASSERT_TRUE(log.retain(retention, now));
    ASSERT_TRUE(log.settle());
  }
}

// A log in sealed and open blocks, and the same decisions in a list.
class SearchTest : public ::testing::Test {
 protected:
  SearchTest() : log_(std::move(*DecisionLog::open(scratch_ / "log"))) {
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
        {.seed = 5, .decisions = 16'000, .clients = 300, .first_ms = kStart, .span_ms = 2 * 86'400'000});
    while (!sample.done()) {
      RecordBatch batch;
      sample.fill(batch, 1'600);
      for (const auto& entry : batch.entries()) all_.push_back(*decode_decision(batch.record(entry)));
      EXPECT_TRUE(log_->append(batch, {}));
    }
  }

  BlockMatcher matcher(LogFilter filter) const {
    return {std::move(filter), [this](GenerationNumber generation) { return log_->names(generation); }};
  }

  bool wanted(const Decision& decision, const LogFilter& filter) const {
    if (filter.decision_class && *filter.decision_class != decision.decision_class) return false;
    if (filter.name && !decision.qname.is_at_or_below(*filter.name)) return false;
    if (!filter.text.empty() && decision.qname.to_text().find(filter.text) == std::string::npos) return false;
    if (filter.client && !filter.client->contains(decision.client.address)) return false;
    if (!filter.list.empty() && list_name(policies_.get(), decision.winner.list) != filter.list) return false;
    if (!filter.group.empty() && group_name(policies_.get(), decision.group) != filter.group) return false;
    return !filter.type || *filter.type == decision.qtype;
  }

  test::ScratchFolder scratch_;
  std::unique_ptr<DecisionLog> log_;
  std::shared_ptr<PolicySet> policies_;
  std::vector<Decision> all_;
};

std::vector<LogFilter> filters() {
  std::vector<LogFilter> out(9);
  out[1].decision_class = DecisionClass::would_block;
  out[2].name = *Name::parse("site5.example");
  out[3].name = *Name::parse("example.co.uk");
  out[4].text = "site77";
  out[5].client = *Prefix::parse("10.0.0.10");
  out[6].list = "list18";
  out[7].group = "kids";
  out[7].type = RecordType::https;
  out[8].name = *Name::parse("example");
  out[8].list = "list17";
  out[8].group = "guests";
  return out;
}

TEST_F(SearchTest, PagesGiveEachRowOnceInOrder) {
  for (const LogFilter& filter : filters()) {
    const auto expected = static_cast<std::size_t>(
        std::count_if(all_.begin(), all_.end(), [&](const Decision& each) { return wanted(each, filter); }));
    for (const Direction direction : {Direction::newest_first, Direction::oldest_first}) {
      SearchRequest request;
      request.direction = direction;
      request.limit = expected > 2'000 ? 1'500 : 37;
      std::vector<Position> seen;
      for (int page = 0; page < 2'000; ++page) {
        BlockMatcher each_time = matcher(filter);
        const auto end = search(*log_, each_time, request, [&](const Decision& decision, const Position& position) {
          EXPECT_TRUE(wanted(decision, filter)) << decision.qname.to_text();
          EXPECT_EQ(to_ms(decision.time), position.time_ms);
          seen.push_back(position);
          return true;
        });
        ASSERT_TRUE(end);
        EXPECT_TRUE(end->missing.empty());
        if (end->complete) break;
        ASSERT_TRUE(end->next);
        request.after = *Position::parse(end->next->to_text());
      }
      EXPECT_EQ(seen.size(), expected);
      EXPECT_GT(expected, 0U);
      if (direction == Direction::newest_first) std::reverse(seen.begin(), seen.end());
      EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
      EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end()) << "a row twice";
    }
  }
}

TEST_F(SearchTest, APageGoesOnWhileBlocksAreSealed) {
  SearchRequest request;
  request.limit = 1'201;
  std::size_t rows = 0;
  std::vector<Position> seen;
  for (int page = 0; page < 100; ++page) {
    BlockMatcher everything = matcher({});
    const auto end = search(*log_, everything, request, [&](const Decision&, const Position& position) {
      seen.push_back(position);
      ++rows;
      return true;
    });
    ASSERT_TRUE(end);
    if (end->complete) break;
    request.after = end->next;
    if (page == 2) {
      tend(*log_, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(kStart + 10LL * 86'400'000));
    }
  }
  EXPECT_EQ(rows, all_.size());
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

TEST_F(SearchTest, ASpentBudgetSaysHowToGoOn) {
  SearchRequest request;
  request.limit = UINT64_MAX;
  request.budget = std::chrono::milliseconds(0);
  BlockMatcher everything = matcher({});
  std::size_t rows = 0;
  const auto count = [&](const Decision&, const Position&) {
    ++rows;
    return true;
  };
  const auto spent = search(*log_, everything, request, count);
  ASSERT_TRUE(spent);
  EXPECT_FALSE(spent->complete);
  ASSERT_TRUE(spent->next);
  request.after = spent->next;
  request.budget = std::chrono::seconds(60);
  const auto rest = search(*log_, everything, request, count);
  ASSERT_TRUE(rest);
  EXPECT_TRUE(rest->complete);
  EXPECT_EQ(rows, all_.size());
}

TEST_F(SearchTest, SummariesKeepBlocksUnread) {
  tend(*log_, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(kStart + 10LL * 86'400'000));
  LogFilter filter;
  filter.name = *Name::parse("no.such.name.test");
  BlockMatcher nothing = matcher(filter);
  const auto end = search(*log_, nothing, {}, [](const Decision&, const Position&) { return true; });
  ASSERT_TRUE(end);
  EXPECT_EQ(end->blocks_read, 0U);
  EXPECT_GT(end->blocks_skipped, 2U);
}

TEST_F(SearchTest, TopIsWhatCountingSays) {
  for (const bool sealed : {false, true}) {
    if (sealed) {
      tend(*log_, {std::chrono::hours(24 * 365), UINT64_MAX}, from_ms(kStart + 10LL * 86'400'000));
    }
    for (const LogFilter& filter : filters()) {
      for (std::size_t by = 0; by < std::size(kDimensions); ++by) {
        TopRequest request;
        request.by = static_cast<Dimension>(by);
        request.limit = 50;
        if (request.by == Dimension::domain) continue;  // below
        std::map<std::string, std::uint64_t> counts;
        for (const Decision& decision : all_) {
          if (!wanted(decision, filter)) continue;
          const std::string keys[] = {decision.qname.to_text(),
                                      "",
                                      describe(decision.client),
                                      list_name(policies_.get(), decision.winner.list),
                                      decision.winner.list % 2 == 0 ? "even" : "odd",
                                      group_name(policies_.get(), decision.group),
                                      std::string(to_text(decision.decision_class)),
                                      std::string(weir::to_text(decision.qtype))};
          ++counts[keys[by]];
        }
        BlockMatcher each_time = matcher(filter);
        const auto top = find_top(*log_, each_time, request);
        ASSERT_TRUE(top);
        EXPECT_EQ(top->keys, counts.size()) << kDimensions[by];
        std::uint64_t before = UINT64_MAX;
        for (const TopRow& row : top->rows) {
          EXPECT_EQ(row.decisions, counts[row.key]) << kDimensions[by] << " " << row.key;
          EXPECT_LE(row.decisions, before);
          before = row.decisions;
        }
        std::uint64_t more = 0;
        for (const auto& [key, rows] : counts) more += rows > before ? 1 : 0;
        EXPECT_LE(more, 50U);
        EXPECT_EQ(top->rows.size(), std::min<std::size_t>(50, counts.size()));
      }
    }
    TopRequest domains;
    domains.by = Dimension::domain;
    BlockMatcher everything = matcher({});
    LogFilter all_below;
    all_below.name = Name();
    BlockMatcher by_rows = matcher(all_below);
    const auto rolled_up = find_top(*log_, everything, domains);
    const auto counted = find_top(*log_, by_rows, domains);
    ASSERT_TRUE(rolled_up && counted);
    EXPECT_EQ(rolled_up->keys, counted->keys);
    EXPECT_EQ(rolled_up->decisions, all_.size());
    for (std::size_t i = 0; i < rolled_up->rows.size(); ++i)
      EXPECT_EQ(rolled_up->rows[i].decisions, counted->rows[i].decisions);
  }
}

TEST_F(SearchTest, WhatFewClientsMetIsHidden) {
  std::map<std::string, std::set<std::string>> clients;
  std::map<std::string, std::uint64_t> counts;
  for (const Decision& decision : all_) {
    clients[decision.qname.to_text()].insert(describe(decision.client));
    ++counts[decision.qname.to_text()];
  }
  TopRequest request;
  request.limit = SIZE_MAX;
  request.min_clients = 10;
  BlockMatcher everything = matcher({});
  const auto top = find_top(*log_, everything, request);
  ASSERT_TRUE(top);
  std::uint64_t hidden = 0;
  std::size_t shown = 0;
  for (const auto& [name, who] : clients) {
    if (who.size() < 10) {
      hidden += counts[name];
    } else {
      ++shown;
    }
  }
  EXPECT_EQ(top->hidden, hidden);
  EXPECT_EQ(top->rows.size(), shown);
  EXPECT_GT(shown, 0U);
  for (const TopRow& row : top->rows) EXPECT_GE(clients[row.key].size(), 10U) << row.key;
}

TEST_F(SearchTest, TimelinesAddUp) {
  for (const LogFilter& filter : filters()) {
    for (const std::int64_t step : {5 * kMinuteMs, kHourMs}) {
      TimelineRequest request;
      request.step_ms = step;
      request.by = Dimension::group;
      request.range.since_ms = kStart + 90 * kMinuteMs;
      request.range.until_ms = kStart + 30 * kHourMs;
      std::map<std::pair<std::int64_t, std::string>, std::uint64_t> counts;
      for (const Decision& decision : all_) {
        const std::int64_t time = to_ms(decision.time);
        if (!wanted(decision, filter) || time < request.range.since_ms || time >= request.range.until_ms) continue;
        ++counts[{time - time % step, group_name(policies_.get(), decision.group)}];
      }
      BlockMatcher each_time = matcher(filter);
      const auto timeline = find_timeline(*log_, each_time, request);
      ASSERT_TRUE(timeline);
      ASSERT_EQ(timeline->rows.size(), counts.size());
      for (const TimelineRow& row : timeline->rows) EXPECT_EQ(row.decisions, (counts[{row.slot_ms, row.key}]));
    }
  }
}

TEST(Position, IsReadAsItIsWritten) {
  const Position position{1'784'000'000'123, 77, 5};
  EXPECT_EQ(*Position::parse(position.to_text()), position);
  for (const char* wrong : {"", "1", "1.2", "1.2.3.4", "x.1.2", "1..2", "1.2.3 "}) EXPECT_FALSE(Position::parse(wrong));
}

}  // namespace
}  // namespace weir::log::search_test
