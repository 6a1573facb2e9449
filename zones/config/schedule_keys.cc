// The keys of [[schedule]].
#include <array>
#include <charconv>
#include <cstdio>

#include "zones/config/kinds.h"

namespace weir::config {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

Result<std::uint16_t> parse_time_of_day(std::string_view text, const Faults&) {
  unsigned hour = 0;
  unsigned minute = 0;
  const bool shaped = text.size() == 5 && text[2] == ':';
  const auto number = [](std::string_view digits, unsigned& out) {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return fault == std::errc() && end == digits.data() + digits.size();
  };
  if (!shaped || !number(text.substr(0, 2), hour) || !number(text.substr(3), minute) || minute > 59 ||
      hour * 60 + minute > kMinutesOfDay) {
    return Error{ErrorCode::invalid, "this is no time of a day"};
  }
  return static_cast<std::uint16_t>(hour * 60 + minute);
}

Parsed<std::uint16_t> time_of_day() {
  return {"a time of the day such as \"08:30\", up to \"24:00\"", parse_time_of_day, [](std::uint16_t value) {
            char text[16];
            std::snprintf(text, sizeof text, "%02u:%02u", value / 60U, value % 60U);
            return std::string(text);
          }};
}

// One bit a day.
Key<ScheduleConfig> days_key() {
  Choice<unsigned> day;
  for (unsigned i = 0; i < kDays.size(); ++i) day.words.push_back({kDays[i], i});
  const ArrayOf<Choice<unsigned>> kind{day, 1, 7};
  std::string every = "[";
  for (const std::string_view name : kDays) every += (every.size() == 1 ? "\"" : ", \"") + std::string(name) + "\"";
  Key<ScheduleConfig> out{"days", "on which the hours begin", kind.expected(), every + "]", Need::optional, {}};
  out.read = [kind](const ConfigValue& in, std::string_view label, ScheduleConfig& config, Faults& faults) {
    std::vector<unsigned> days;
    if (!kind.read(in, days, label, faults)) return;
    config.hours.days = 0;
    for (const unsigned one : days) config.hours.days |= static_cast<std::uint8_t>(1U << one);
  };
  return out;
}

}  // namespace

const Keys<ScheduleConfig>& schedule_keys() {
  using C = ScheduleConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.name; }, "what the schedule is called")),
      required(key<C>(
          "groups", ArrayOf<Parsed<std::string>>{config_name(), 1, 1000}, [](C& c) -> auto& { return c.groups; },
          "for whom the lists hold at these hours only; others always have them")),
      required(key<C>(
          "lists", ArrayOf<Parsed<std::string>>{config_name(), 1, 1000}, [](C& c) -> auto& { return c.lists; },
          "which lists; their policies must have them. One that several schedules name holds where one of them says "
          "so")),
      days_key(),
      key<C>(
          "from", time_of_day(), [](C& c) -> auto& { return c.hours.from_minute; }, "when the hours begin"),
      key<C>(
          "to", time_of_day(), [](C& c) -> auto& { return c.hours.to_minute; },
          "when they end; on the day after where it is not later than `from`"),
      key<C>(
          "lists_hold", Choice<bool>{{{"within", true}, {"outside", false}}}, [](C& c) -> auto& { return c.within; },
          "whether the lists hold within these hours or outside of them"),
      key<C>(
          "timezone", time_zone(), [](C& c) -> auto& { return c.hours.timezone; },
          "where these hours are meant; that of the group's policy where absent"),
  };
  return keys;
}

}  // namespace weir::config
