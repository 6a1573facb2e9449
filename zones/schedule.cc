#include "zones/schedule.h"

#include <date/tz.h>

#include <algorithm>

#include "zones/base/text.h"

namespace weir {
namespace {

Result<const date::time_zone*> find_zone(std::string_view name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return Error{ErrorCode::invalid, "'" + escape_for_display(name) +
                                         "' is no time zone that this system knows, such as \"Europe/Berlin\" or "
                                         "\"UTC\" (package tzdata)"};
  }
}

}  // namespace

bool Schedule::names(ListId list) const {
  return std::binary_search(lists.begin(), lists.end(), list);
}

bool Schedule::holds_at(WallTime moment) const {
  const auto passed = std::upper_bound(edges.begin(), edges.end(), moment) - edges.begin();
  return (passed % 2 == 1) == within;
}

std::optional<WallTime> Schedule::next_edge(WallTime moment) const {
  const auto next = std::upper_bound(edges.begin(), edges.end(), moment);
  return next == edges.end() ? std::nullopt : std::optional(*next);
}

WallTime beginning_of_month(WallTime moment) {
  using namespace std::chrono;
  const year_month_day date(floor<days>(moment));
  return sys_days(date.year() / date.month() / 1);
}

Result<std::vector<WallTime>> edges_of(const WeeklyHours& hours, WallTime from) {
  const auto zone = find_zone(hours.timezone);
  if (!zone) return zone.error();
  const auto moment = [&](date::local_days day, unsigned minute) {
    return WallTime((*zone)->to_sys(day + std::chrono::minutes(minute), date::choose::earliest));
  };
  const WallTime until = from + kScheduledDays;
  const bool over_midnight = hours.to_minute <= hours.from_minute;
  std::vector<WallTime> edges;
  // Two days earlier: where it is tomorrow already, and hours that began yesterday.
  date::local_days day(date::floor<date::days>(from).time_since_epoch() - date::days(2));
  for (; moment(day, 0) < until; day += date::days(1)) {
    const unsigned weekday = date::weekday(day).iso_encoding() - 1;
    if ((hours.days >> weekday & 1U) == 0) continue;
    const WallTime begin = moment(day, hours.from_minute);
    const WallTime end = moment(over_midnight ? day + date::days(1) : day, hours.to_minute);
    if (end <= begin || end <= from) continue;
    if (!edges.empty() && begin <= edges.back()) {
      edges.back() = std::max(edges.back(), end);
    } else {
      edges.push_back(begin);
      edges.push_back(end);
    }
  }
  return edges;
}

Result<void> check_time_zone(std::string_view name) {
  if (const auto zone = find_zone(name); !zone) return zone.error();
  return {};
}

}  // namespace weir
