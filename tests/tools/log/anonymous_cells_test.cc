#include "tools/log/anonymous_cells.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/support/scratch_folder.h"
#include "tools/log/block_builder.h"
#include "tools/log/block_codec.h"
#include "tools/log/top.h"
#include "zones/dns/reversed_name.h"

namespace weir::log::anonymous_cells_test {
namespace {

constexpr std::int64_t kStart = 20'000 * kDayMs;
constexpr std::int64_t kHours = 16;
constexpr std::uint32_t kSmallest = 5;
constexpr std::int64_t kNow = kStart + kHours * kHourMs + 30 * kMinuteMs;

// A log of 40 clients with favourite names, in four groups of which one is a single client; a prefix counts as one.
class AnonymousCellsTest : public ::testing::Test {
 protected:
  AnonymousCellsTest() : log_(std::move(*DecisionLog::open(scratch_ / "log"))) {
    auto policies = PolicySet::with_defaults();
    for (const char* group : {"kids", "guests", "boss"}) policies.groups.push_back({group, {}, 0});
    for (std::uint32_t id = 16; id < 20; ++id) {
      ListDefinition list;
      list.id = {id};
      list.name = "list" + std::to_string(id);
      list.category = id % 2 == 0 ? "even" : "odd";
      policies.lists.push_back(list);
    }
    EXPECT_TRUE(log_->remember_names({1}, policies));
    std::mt19937_64 random(7);
    for (std::int64_t ms = kStart + 5 * kMinuteMs; ms < kNow; ms += 1 + static_cast<std::int64_t>(random() % 12000)) {
      const auto client = static_cast<std::uint32_t>(random() % 40);
      const auto name = random() % 3 == 0 ? client * 2 : static_cast<std::uint32_t>(random() % (1 + random() % 60));
      add(ms, client, "n" + std::to_string(name % 7) + ".site" + std::to_string(name / 4) + ".example",
          client == 39 ? 3 : client % 3, 16 + name % 4, random() % 9 == 0);
    }
    flush();
  }

  void add(std::int64_t ms, std::uint32_t client, const std::string& name, std::uint32_t group, std::uint32_t list,
           bool is_observed) {
    Decision decision;
    decision.time = from_ms(ms);
    decision.qname = *Name::parse(name);
    decision.generation = {1};
    decision.group = group;
    decision.decision_class = is_observed ? DecisionClass::would_block : DecisionClass::blocked;
    decision.winner.list = list;
    static constexpr Privacy kLevels[] = {Privacy::full, Privacy::pseudonym, Privacy::full};
    decision.client =
        identity_of(IpAddress::ipv4(0x0A000000U + client), kLevels[client % 3], std::array<std::uint8_t, 16>{1});
    raw_.push_back(decision);
    std::array<std::uint8_t, kMaxRecordSize> record;
    batch_.add(RecordSort::decision, ms, std::span(record).first(encode(decision, record)));
  }
  void flush() {
    EXPECT_TRUE(log_->append(batch_, {}));
    batch_.clear();
  }

  std::vector<AnonymousCell> cells(std::int64_t since_ms = 0, std::int64_t until_ms = INT64_MAX,
                                   std::int64_t now_ms = kNow) const {
    AnonymousRequest request;
    request.range.since_ms = since_ms;
    request.range.until_ms = until_ms;
    request.smallest_group = kSmallest;
    request.now_ms = now_ms;
    std::vector<AnonymousCell> out;
    EXPECT_TRUE(visit_anonymous_hours(*log_, request, [&](std::int64_t, const std::vector<AnonymousCell>& hour) {
      out.insert(out.end(), hour.begin(), hour.end());
      return true;
    }));
    return out;
  }

  // What a question is answered: one number.
  std::uint64_t answer(const LogFilter& filter, std::int64_t since_ms, std::int64_t until_ms) const {
    const CellMatcher matcher(*log_, filter);
    std::uint64_t sum = 0;
    for (const AnonymousCell& cell : cells(since_ms, until_ms)) sum += matcher.matches(cell) ? cell.decisions : 0;
    return sum;
  }

  std::string group_of(const Decision& decision) const { return group_name(log_->names({1}).get(), decision.group); }
  bool wanted(const Decision& each, const LogFilter& filter) const {
    return (!filter.decision_class || *filter.decision_class == each.decision_class) &&
           (!filter.name || each.qname.is_at_or_below(*filter.name)) &&
           (filter.text.empty() || each.qname.to_text().find(filter.text) != std::string::npos) &&
           (filter.list.empty() || "list" + std::to_string(each.winner.list) == filter.list) &&
           (filter.group.empty() || group_of(each) == filter.group);
  }

  test::ScratchFolder scratch_;
  std::unique_ptr<DecisionLog> log_;
  RecordBatch batch_;
  std::vector<Decision> raw_;
};

std::int64_t hour_of(const Decision& decision) {
  return to_ms(decision.time) / kHourMs * kHourMs;
}

TEST_F(AnonymousCellsTest, EveryCellIsOfEnoughClientsByBruteRecount) {
  const auto told = cells();
  std::map<AnonymousCell::Detail, std::size_t> details;
  std::set<const Decision*> in_cells;
  // The finest first: what is told there is not told again.
  for (const auto detail : {AnonymousCell::Detail::name, AnonymousCell::Detail::list, AnonymousCell::Detail::outcome}) {
    std::vector<const Decision*> taken;
    for (const AnonymousCell& cell : told) {
      if (cell.detail != detail) continue;
      ++details[detail];
      std::set<std::string> clients;
      std::uint64_t rows = 0;
      for (const Decision& each : raw_) {
        if (hour_of(each) != cell.hour_ms || each.decision_class != cell.decision_class) continue;
        if (detail != AnonymousCell::Detail::outcome && (each.winner.list != cell.list || group_of(each) != cell.group))
          continue;
        if (detail == AnonymousCell::Detail::name && ReversedName(each.qname).key() != cell.name_key) continue;
        if (in_cells.contains(&each)) continue;
        clients.insert(describe(each.client));
        ++rows;
        taken.push_back(&each);
      }
      EXPECT_EQ(rows, cell.decisions) << name_of(cell) << " at " << cell.hour_ms;
      EXPECT_GE(clients.size(), kSmallest) << name_of(cell) << " at " << cell.hour_ms;
    }
    in_cells.insert(taken.begin(), taken.end());
  }
  EXPECT_GT(details[AnonymousCell::Detail::name], 30U);
  EXPECT_GT(details[AnonymousCell::Detail::list], 20U);
  EXPECT_LT(in_cells.size(), raw_.size());
  EXPECT_GT(in_cells.size(), raw_.size() / 2) << "and it is of use";
  for (const AnonymousCell& cell : told) EXPECT_NE(cell.group, "boss") << "a group of one client";
}

TEST_F(AnonymousCellsTest, WhatTwoAnswersHaveApartIsOfEnoughClientsOrNothing) {
  struct Asked {
    std::size_t filter;
    std::int64_t since_ms;
    std::int64_t until_ms;
    std::uint64_t answer;
  };
  std::mt19937_64 random(11);
  std::vector<LogFilter> filters(1);
  for (const char* name : {"example", "site0.example", "n0.site0.example", "site3.example", "n2.site9.example"}) {
    filters.emplace_back();
    filters.back().name = *Name::parse(name);
  }
  for (const char* list : {"list16", "list19"}) {
    filters.emplace_back();
    filters.back().list = list;
    filters.push_back(filters.back());
    filters.back().group = "kids";
  }
  for (const char* group : {"default", "kids", "boss"}) {
    filters.emplace_back();
    filters.back().group = group;
    filters.push_back(filters.back());
    filters.back().decision_class = DecisionClass::blocked;
  }
  filters.emplace_back();
  filters.back().text = "n1";
  // The attacker's times are any; what is answered is of the whole hours in them.
  std::vector<Asked> asked;
  std::vector<std::vector<bool>> is_wanted;  // by filter and row
  for (std::size_t filter = 0; filter < filters.size(); ++filter) {
    is_wanted.emplace_back();
    for (const Decision& each : raw_) is_wanted.back().push_back(wanted(each, filters[filter]));
    for (int range = 0; range < 5; ++range) {
      const auto a = kStart + static_cast<std::int64_t>(random() % (kHours * 60)) * kMinuteMs;
      const auto b = a + static_cast<std::int64_t>(random() % 300) * kMinuteMs;
      for (const std::int64_t until_ms : {b, b + 1 + static_cast<std::int64_t>(random() % kHourMs)})
        asked.push_back({filter, a, until_ms, answer(filters[filter], a, until_ms)});
    }
  }
  const auto floor = [](std::int64_t ms) { return ms / kHourMs * kHourMs; };
  std::size_t narrow = 0;
  std::size_t apart = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    for (std::size_t j = 0; j < asked.size(); ++j) {
      const Asked& wide = asked[i];
      const Asked& slim = asked[j];
      if (i == j || slim.since_ms < wide.since_ms || slim.until_ms > wide.until_ms) continue;
      // One that asks for names and one that does not are told different cells: their difference is no row's number.
      const LogFilter& of_wide = filters[wide.filter];
      const LogFilter& of_slim = filters[slim.filter];
      const bool are_alike = of_wide.name.has_value() == of_slim.name.has_value() && of_wide.text == of_slim.text &&
                             of_wide.list == of_slim.list && of_wide.group == of_slim.group;
      std::set<std::uint64_t> clients;
      std::uint64_t rows = 0;
      bool is_inside = true;
      const auto first = std::lower_bound(raw_.begin(), raw_.end(), floor(wide.since_ms),
                                          [](const Decision& each, std::int64_t ms) { return to_ms(each.time) < ms; });
      for (auto row = static_cast<std::size_t>(first - raw_.begin()); row < raw_.size(); ++row) {
        const std::int64_t ms = to_ms(raw_[row].time);
        if (ms >= floor(wide.until_ms)) break;
        const bool in_wide = is_wanted[wide.filter][row];
        const bool in_slim = is_wanted[slim.filter][row] && ms >= floor(slim.since_ms) && ms < floor(slim.until_ms);
        is_inside = is_inside && (in_wide || !in_slim);
        if (!in_wide || in_slim) continue;
        clients.insert(BlockFilter::hash(client_key(raw_[row].client)));
        ++rows;
      }
      if (!is_inside || clients.size() >= kSmallest || rows == 0) continue;
      ++narrow;
      apart += wide.answer > slim.answer ? 1 : 0;
      if (are_alike) {
        EXPECT_EQ(wide.answer, slim.answer) << "a difference of " << clients.size() << " clients is told";
      } else {
        EXPECT_NE(wide.answer - slim.answer, rows) << "the number of decisions of " << clients.size() << " clients";
      }
    }
  }
  EXPECT_GT(narrow, 10U) << "or nothing was tried";
}

TEST_F(AnonymousCellsTest, HoursThatGoOnAndTheOldestAreNotTold) {
  std::set<std::int64_t> hours;
  for (const AnonymousCell& cell : cells()) hours.insert(cell.hour_ms);
  EXPECT_EQ(*hours.begin(), kStart + kHourMs) << "retention may have taken a part of the first";
  EXPECT_EQ(*hours.rbegin(), kStart + (kHours - 1) * kHourMs) << "half an hour of the last is there";
  // One more step of a client changes nothing.
  const std::size_t before = cells().size();
  add(kNow - 1, 3, "n0.site0.example", 0, 16, false);
  flush();
  EXPECT_EQ(cells().size(), before);
  hours.clear();
  for (const AnonymousCell& cell : cells(0, INT64_MAX, kStart + 4 * kHourMs + 5 * kMinuteMs))
    hours.insert(cell.hour_ms);
  EXPECT_EQ(*hours.rbegin(), kStart + 2 * kHourMs) << "rows of the fourth hour's end may be on their way";
  // Parts of hours are no hours.
  EXPECT_TRUE(cells(kStart + 5 * kHourMs + 1, kStart + 6 * kHourMs - 1).empty());
  EXPECT_FALSE(cells(kStart + 5 * kHourMs + 1, kStart + 6 * kHourMs).empty());
}

TEST_F(AnonymousCellsTest, GoesOnWhereItEnded) {
  for (const Direction direction : {Direction::newest_first, Direction::oldest_first}) {
    AnonymousRequest request;
    request.range.direction = direction;
    request.smallest_group = kSmallest;
    request.now_ms = kNow;
    std::vector<std::int64_t> hours;
    for (int page = 0; page < 100; ++page) {
      int left = 4;
      const auto end = visit_anonymous_hours(*log_, request, [&](std::int64_t hour, const std::vector<AnonymousCell>&) {
        if (left-- == 0) return false;
        hours.push_back(hour);
        return true;
      });
      ASSERT_TRUE(end);
      if (end->complete) break;
      request.range.after = end->next;
    }
    EXPECT_EQ(hours.size(), static_cast<std::size_t>(kHours));
    if (direction == Direction::newest_first) std::reverse(hours.begin(), hours.end());
    EXPECT_TRUE(std::is_sorted(hours.begin(), hours.end()));
    EXPECT_EQ(std::adjacent_find(hours.begin(), hours.end()), hours.end());
  }
}

TEST_F(AnonymousCellsTest, WithoutClientsNothingIsTold) {
  ClientSet everybody;
  everybody.add_all_addresses();
  for (const Decision& each : raw_) {
    if (each.client.level == Privacy::pseudonym) everybody.add_pseudonym(each.client.pseudonym);
  }
  ASSERT_TRUE(log_->forget(everybody, INT64_MIN, INT64_MAX, from_ms(kNow), {}));
  EXPECT_TRUE(cells().empty());
}

TEST_F(AnonymousCellsTest, QuestionsAboutOneClientAreRefused) {
  LogFilter filter;
  EXPECT_TRUE(CellMatcher::check(filter));
  filter.pseudonym = 1;
  EXPECT_FALSE(CellMatcher::check(filter));
  filter = {};
  filter.client = *Prefix::parse("10.0.0.0/8");
  EXPECT_FALSE(CellMatcher::check(filter));
  filter = {};
  filter.type = RecordType::a;
  EXPECT_FALSE(CellMatcher::check(filter));
}

}  // namespace
}  // namespace weir::log::anonymous_cells_test
