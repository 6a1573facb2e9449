#include "tools/sidecar/arguments.h"

#include <cstdio>
#include <ctime>

#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

std::optional<WallTime> parse_time(const std::string& text, WallTime now) {
  if (const auto ago = parse_duration(text)) return now - *ago;
  std::tm parts{};
  int used = 0;
  int year = 0;
  int month = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &parts.tm_mday, &used) != 3 || used != 10) {
    return std::nullopt;
  }
  const std::string rest = text.substr(10);
  if (!rest.empty()) {
    used = 0;
    // A fraction of a second is allowed and left out.
    if (std::sscanf(rest.c_str(), "%*1[Tt ]%2d:%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &used) != 3) {
      return std::nullopt;
    }
    std::size_t at = static_cast<std::size_t>(used);
    if (at < rest.size() && rest[at] == '.') at = rest.find_first_not_of("0123456789", at + 1);
    if (at != std::string::npos && at < rest.size() && rest.substr(at) != "Z" && rest.substr(at) != "z") {
      return std::nullopt;
    }
  }
  if (!is_day(year, month, parts.tm_mday) || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
    return std::nullopt;
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

}  // namespace

Result<Arguments> Arguments::read(const ControlRequest& request) {
  Arguments arguments;
  if (request.arguments.empty()) return arguments;
  boost::json::error_code error;
  boost::json::value parsed = boost::json::parse(request.arguments, error);
  if (error || !parsed.is_object()) {
    return Error{ErrorCode::invalid, "the arguments of " + escape_for_display(request.verb) + " are no JSON object"};
  }
  arguments.object_ = std::move(parsed.get_object());
  return arguments;
}

const boost::json::value* Arguments::find(std::string_view key) const {
  const boost::json::value* value = object_.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Arguments::fail(std::string_view key, std::string_view expected) {
  if (!error_) error_ = Error{ErrorCode::invalid, "\"" + std::string(key) + "\" must be " + std::string(expected)};
}

std::string Arguments::text(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  fail(key, "a text");
  return {};
}

std::string Arguments::required(std::string_view key) {
  std::string value = text(key);
  if (value.empty()) fail(key, "given");
  return value;
}

std::uint64_t Arguments::number(std::string_view key, std::uint64_t fallback) {
  const auto* value = find(key);
  if (value == nullptr) return fallback;
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) return static_cast<std::uint64_t>(value->get_int64());
  fail(key, "a number that is not negative");
  return fallback;
}

bool Arguments::flag(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return false;
  if (value->is_bool()) return value->get_bool();
  fail(key, "true or false");
  return false;
}

std::vector<std::string> Arguments::texts(std::string_view key) {
  const auto* value = find(key);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (!value->is_array()) {
    fail(key, "an array of texts");
    return out;
  }
  for (const auto& item : value->get_array()) {
    if (item.is_string()) {
      out.emplace_back(item.get_string());
    } else {
      fail(key, "an array of texts");
    }
  }
  return out;
}

std::optional<WallTime> Arguments::time(std::string_view key, WallTime now) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) {
    const auto seconds = static_cast<std::int64_t>(value->to_number<double>());
    return WallTime(std::chrono::seconds(seconds));
  }
  if (value->is_string()) {
    const std::string given(value->get_string());
    if (given.empty()) return std::nullopt;
    if (const auto time = parse_time(given, now)) return time;
  }
  fail(key, "a time such as 2026-07-06T00:40:32Z or a duration such as 2h, of a century at most");
  return std::nullopt;
}

}  // namespace weir::sidecar
