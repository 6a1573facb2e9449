// When lists hold for a group: hours of the week where the clients live, and the same as moments in UTC.
//
// The sidecar works the moments out, for 400 days and anew each month; who decides compares moments and never asks
// for local time (DESIGN: time zones).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir {

inline constexpr std::uint16_t kMinutesOfDay = 24 * 60;
inline constexpr std::uint8_t kEveryDay = 0x7F;

struct WeeklyHours {
  std::uint8_t days = kEveryDay;            // bit 0: Monday; of the day that the hours begin on
  std::uint16_t from_minute = 0;            // of that day
  std::uint16_t to_minute = kMinutesOfDay;  // where not later than from_minute: of the day after
  std::string timezone = "UTC";             // of the IANA database

  bool operator==(const WeeklyHours&) const = default;
};

struct Schedule {
  std::string name;
  std::uint32_t group = 0;    // index into PolicySet::groups
  std::vector<ListId> lists;  // sorted
  WeeklyHours hours;
  bool within = true;           // the lists hold within the hours; false: outside of them
  std::vector<WallTime> edges;  // the hours begin, end, begin, ...; ascending

  bool names(ListId list) const;
  // Whether its lists hold. Behind the last edge it is as outside of the hours.
  bool holds_at(WallTime moment) const;
  std::optional<WallTime> next_edge(WallTime moment) const;
  bool operator==(const Schedule&) const = default;
};

// For how long edges are worked out, from the beginning of a month in UTC: within one month they are the same.
inline constexpr std::chrono::days kScheduledDays{400};
WallTime beginning_of_month(WallTime moment);

// The edges of the hours that end behind `from`, up to `from` + kScheduledDays. A local time that a change of clocks
// skips is the moment of the change; one that comes twice is the first. Errors: invalid (an unknown time zone).
Result<std::vector<WallTime>> edges_of(const WeeklyHours& hours, WallTime from);
Result<void> check_time_zone(std::string_view name);

}  // namespace weir
