#include "zones/schedule.h"

#include <gtest/gtest.h>

#include "zones/base/text.h"
#include "zones/policy.h"

namespace weir::schedule_test {
namespace {

WallTime time(const char* text) {
  return parse_time(text).value();
}

std::string text_of(const std::vector<WallTime>& edges, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < std::min(count, edges.size()); ++i) out += (i == 0 ? "" : " ") + format_time(edges[i]);
  return out;
}

struct EdgeRow {
  const char* what;
  WeeklyHours hours;
  const char* from;
  const char* edges;  // the first four
};

// SEMANTICS 4: and never more than the time left of a schedule edge or a timed overlay
TEST(Schedule, EdgesAreMomentsOfTheClientsClock) {
  const EdgeRow rows[] = {
      {"UTC, each day",
       {kEveryDay, 8 * 60, 14 * 60, "UTC"},
       "2026-11-01T00:00:00Z",
       "2026-11-01T08:00:00Z 2026-11-01T14:00:00Z 2026-11-02T08:00:00Z 2026-11-02T14:00:00Z"},
      {"an hour that has begun",
       {kEveryDay, 8 * 60, 14 * 60, "UTC"},
       "2026-11-01T09:00:00Z",
       "2026-11-01T08:00:00Z 2026-11-01T14:00:00Z 2026-11-02T08:00:00Z 2026-11-02T14:00:00Z"},
      {"Mondays only",
       {1, 8 * 60, 14 * 60, "UTC"},
       "2026-11-01T00:00:00Z",
       "2026-11-02T08:00:00Z 2026-11-02T14:00:00Z 2026-11-09T08:00:00Z 2026-11-09T14:00:00Z"},
      {"over midnight",
       {1 << 5, 21 * 60, 7 * 60, "UTC"},
       "2026-11-01T00:00:00Z",
       "2026-10-31T21:00:00Z 2026-11-01T07:00:00Z 2026-11-07T21:00:00Z 2026-11-08T07:00:00Z"},
      {"in Berlin, clocks go forward on 29 March",
       {kEveryDay, 8 * 60, 9 * 60, "Europe/Berlin"},
       "2026-03-28T00:00:00Z",
       "2026-03-28T07:00:00Z 2026-03-28T08:00:00Z 2026-03-29T06:00:00Z 2026-03-29T07:00:00Z"},
      {"an hour that the change skips",
       {kEveryDay, 2 * 60 + 30, 4 * 60, "Europe/Berlin"},
       "2026-03-29T00:00:00Z",
       "2026-03-29T01:00:00Z 2026-03-29T02:00:00Z 2026-03-30T00:30:00Z 2026-03-30T02:00:00Z"},
      {"an hour that comes twice",
       {kEveryDay, 2 * 60 + 30, 4 * 60, "Europe/Berlin"},
       "2026-10-25T00:00:00Z",
       "2026-10-25T00:30:00Z 2026-10-25T03:00:00Z 2026-10-26T01:30:00Z 2026-10-26T03:00:00Z"},
      {"where it is tomorrow",
       {kEveryDay, 8 * 60, 9 * 60, "Pacific/Kiritimati"},
       "2026-11-01T00:00:00Z",
       "2026-11-01T18:00:00Z 2026-11-01T19:00:00Z 2026-11-02T18:00:00Z 2026-11-02T19:00:00Z"},
  };
  for (const EdgeRow& row : rows) {
    SCOPED_TRACE(row.what);
    const auto edges = edges_of(row.hours, time(row.from));
    ASSERT_TRUE(edges.has_value()) << edges.error().message;
    EXPECT_EQ(text_of(*edges, 4), row.edges);
    EXPECT_TRUE(std::is_sorted(edges->begin(), edges->end()));
    EXPECT_EQ(edges->size() % 2, 0U);
    EXPECT_GE(edges->back(), time(row.from) + std::chrono::days(392));
  }
  const auto always = edges_of({}, time("2026-11-01T00:00:00Z"));
  ASSERT_TRUE(always.has_value());
  EXPECT_EQ(always->size(), 2U) << "days that follow each other are one";
}

TEST(Schedule, HoldsWithinOrOutsideOfItsHours) {
  Schedule schedule;
  schedule.edges = {time("2026-11-01T08:00:00Z"), time("2026-11-01T14:00:00Z"), time("2026-11-02T08:00:00Z"),
                    time("2026-11-02T14:00:00Z")};
  const std::pair<const char*, bool> moments[] = {{"2026-11-01T07:59:59Z", false}, {"2026-11-01T08:00:00Z", true},
                                                  {"2026-11-01T13:59:59Z", true},  {"2026-11-01T14:00:00Z", false},
                                                  {"2026-11-02T09:00:00Z", true},  {"2027-11-02T09:00:00Z", false}};
  for (const auto& [moment, within] : moments) {
    SCOPED_TRACE(moment);
    schedule.within = true;
    EXPECT_EQ(schedule.holds_at(time(moment)), within);
    schedule.within = false;
    EXPECT_EQ(schedule.holds_at(time(moment)), !within);
  }
  EXPECT_EQ(schedule.next_edge(time("2026-11-01T08:00:00Z")), time("2026-11-01T14:00:00Z"));
  EXPECT_EQ(schedule.next_edge(time("2027-11-01T08:00:00Z")), std::nullopt);
}

TEST(Schedule, ZonesAreKnownByName) {
  EXPECT_TRUE(check_time_zone("Europe/Berlin").has_value());
  const auto unknown = check_time_zone("Mars/Phobos");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid);
  EXPECT_NE(unknown.error().message.find("'Mars/Phobos'"), std::string::npos);
  EXPECT_EQ(beginning_of_month(time("2026-11-26T01:02:03Z")), time("2026-11-01T00:00:00Z"));
}

// The hours are part of what two nodes compare; moments and pauses are not.
TEST(Schedule, StoredWholeAndComparedByMeaning) {
  PolicySet set = PolicySet::with_defaults();
  ListDefinition list;
  list.id = kFirstDefinedList;
  list.name = "social";
  list.pausable = false;
  set.lists.push_back(list);
  set.schedules.push_back({"school",
                           0,
                           {list.id},
                           {1, 60, 120, "Europe/Berlin"},
                           false,
                           {time("2026-11-01T08:00:00Z"), time("2026-11-01T14:00:00Z")}});
  set.pauses.push_back({7,
                        "alice",
                        "lesson",
                        {*Prefix::parse("192.0.2.0/24")},
                        {"default"},
                        time("2026-11-01T08:00:00Z"),
                        time("2026-11-01T09:00:00Z")});
  set.last_pause = 7;
  const auto back = PolicySet::from_json(set.to_json());
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, set);
  PolicySet other = set;
  other.pauses.clear();
  other.last_pause = 0;
  other.schedules[0].edges.clear();
  EXPECT_EQ(other.canonical_text(), set.canonical_text());
  other.schedules[0].hours.to_minute = 180;
  EXPECT_NE(other.canonical_text(), set.canonical_text());
}

TEST(Pause, ConcernsWhomItNames) {
  Pause pause;
  EXPECT_TRUE(pause.concerns("kids", *IpAddress::parse("192.0.2.1")));
  pause.groups = {"kids"};
  EXPECT_TRUE(pause.concerns("kids", *IpAddress::parse("192.0.2.1")));
  EXPECT_FALSE(pause.concerns("default", *IpAddress::parse("192.0.2.1")));
  pause.clients = {*Prefix::parse("192.0.2.1/32")};
  EXPECT_TRUE(pause.concerns("default", *IpAddress::parse("::ffff:192.0.2.1")));
  EXPECT_FALSE(pause.concerns("default", *IpAddress::parse("192.0.2.2")));
}

}  // namespace
}  // namespace weir::schedule_test
