#include "zones/base/text.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <vector>

namespace weir {
namespace {

constexpr std::uint32_t kInvalid = 0xFFFFFFFF;

// Decodes one code point at `at`, sets `length`. Overlong forms and surrogates are invalid.
std::uint32_t decode_utf8(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : 0;
  };
  const std::uint32_t first = byte(0);
  length = 1;
  if (first < 0x80) return first;
  const unsigned more = first >= 0xF0 && first <= 0xF4  ? 3
                        : first >= 0xE0 && first < 0xF0 ? 2
                        : first >= 0xC2 && first < 0xE0 ? 1
                                                        : 0;
  if (more == 0) return kInvalid;
  std::uint32_t point = first & (0x3F >> more);
  for (unsigned i = 1; i <= more; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kInvalid;
    point = point << 6 | (byte(i) & 0x3F);
  }
  static constexpr std::uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[more] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return kInvalid;
  length = more + 1;
  return point;
}

// Controls, line and paragraph separators, and what turns the direction of text or is not seen at all.
bool is_hidden(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF ||
         point == 0x061C;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

Result<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units, std::string_view expected) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (code == std::errc()) {
    for (const Unit& candidate : units) {
      if (candidate.name != unit) continue;
      if (candidate.factor != 0 && number > UINT64_MAX / candidate.factor) break;
      return number * candidate.factor;
    }
  }
  return Error{ErrorCode::invalid, "'" + escape_for_display(text) + "' is not " + std::string(expected)};
}

}  // namespace

std::string escape_for_display(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    const std::uint32_t point = decode_utf8(text, at, length);
    char buffer[16];
    if (point == kInvalid || (point < 0x80 && is_hidden(point))) {
      std::snprintf(buffer, sizeof buffer, "\\x%02X", static_cast<unsigned>(static_cast<std::uint8_t>(text[at])));
      out += buffer;
    } else if (is_hidden(point)) {
      std::snprintf(buffer, sizeof buffer, "\\u{%X}", static_cast<unsigned>(point));
      out += buffer;
    } else {
      out.append(text.substr(at, length));
    }
    at += length;
  }
  return out;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    if (decode_utf8(text, at, length) == kInvalid) return false;
    at += length;
  }
  return true;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    for (std::size_t j = 0; j <= candidate.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t change = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

Result<std::uint64_t> parse_size_bytes(std::string_view text) {
  static constexpr Unit kUnits[] = {{"", 1},
                                    {"B", 1},
                                    {"kB", 1000},
                                    {"MB", 1000000},
                                    {"GB", 1000000000},
                                    {"KiB", 1ULL << 10},
                                    {"MiB", 1ULL << 20},
                                    {"GiB", 1ULL << 30},
                                    {"TiB", 1ULL << 40}};
  return parse_with_unit(text, kUnits, "a size such as 512, 64KiB, 2GiB");
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  auto milliseconds = parse_with_unit(text, kUnits, "a duration such as 500ms, 30s, 10m, 24h, 30d");
  if (!milliseconds) return milliseconds.error();
  if (*milliseconds > 86400000ULL * 36500)
    return Error{ErrorCode::invalid, "'" + std::string(text) + "' is longer than a century"};
  return std::chrono::milliseconds(static_cast<std::int64_t>(*milliseconds));
}

std::string format_time(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char buffer[32];
  const std::size_t size = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {buffer, size};
}

bool is_day(int year, int month, int day) {
  return month >= 0 && day >= 0 &&
         std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
             .ok();
}

bool is_day(std::string_view text) {
  const auto number = [&](std::size_t from, std::size_t size) {
    int value = -1;
    const char* const end = text.data() + from + size;
    return std::from_chars(text.data() + from, end, value).ptr == end ? value : -1;
  };
  return text.size() == 10 && text[4] == '-' && text[7] == '-' && number(0, 4) >= 0 &&
         is_day(number(0, 4), number(5, 2), number(8, 2));
}

Result<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  const Error bad{ErrorCode::invalid, "'" + escape_for_display(text) + "' is not a time such as 2026-12-01T00:00:00Z"};
  std::string_view rest = text;
  // `digits` of them behind `separator` (none where it is 0).
  const auto number = [&rest](char separator, std::size_t digits, int min, int max, int& out) {
    if (separator != 0) {
      if (rest.empty() || rest.front() != separator) return false;
      rest.remove_prefix(1);
    }
    if (rest.size() < digits) return false;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits, out);
    if (error != std::errc() || end != rest.data() + digits || out < min || out > max) return false;
    rest.remove_prefix(digits);
    return true;
  };
  std::tm parts{};
  int year = 0;
  int month = 0;
  if (!number(0, 4, 1970, 9999, year) || !number('-', 2, 1, 12, month) || !number('-', 2, 1, 31, parts.tm_mday))
    return bad;
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  const int day = parts.tm_mday;
  int offset = 0;
  if (!rest.empty()) {
    if (rest.front() != 'T' && rest.front() != 't' && rest.front() != ' ') return bad;
    if (!number(rest.front(), 2, 0, 23, parts.tm_hour) || !number(':', 2, 0, 59, parts.tm_min)) return bad;
    if (rest.starts_with(':') && !number(':', 2, 0, 60, parts.tm_sec)) return bad;
    if (rest.starts_with('.')) rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
    if (rest == "Z" || rest == "z") {
      rest = {};
    } else {
      int hours = 0;
      int minutes = 0;
      const char sign = rest.empty() ? '\0' : rest.front();
      if ((sign != '+' && sign != '-') || !number(sign, 2, 0, 23, hours) || !number(':', 2, 0, 59, minutes)) return bad;
      offset = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
    }
  }
  const std::time_t seconds = ::timegm(&parts);
  if (!rest.empty() || parts.tm_mday != day) return bad;  // timegm makes 1 March of 29 February
  return std::chrono::system_clock::from_time_t(seconds - offset);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string to_lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

}  // namespace weir
