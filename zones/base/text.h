// Text that people read and write: escaping, suggestions, sizes and durations.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "zones/base/result.h"

namespace weir {

// For terminals, logs and messages: control characters, invalid UTF-8 and bidirectional
// overrides become \xNN or \u{N}; everything else stays. The one place where shown text is escaped.
std::string escape_for_display(std::string_view text);

// RFC 3629: no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

// The candidate nearest to `word` by edit distance, or "" when none is near enough to suggest.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "512", "64KiB", "2GiB", "10MB" (powers of 1000 for kB, MB, GB) -> bytes.
Result<std::uint64_t> parse_size_bytes(std::string_view text);

// "30s", "10m", "24h", "30d", "500ms" -> milliseconds. A number alone is refused: which unit?
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// RFC 3339 in UTC with seconds: 2026-07-06T00:40:32Z.
std::string format_time(std::chrono::system_clock::time_point time);

// "2026-07-06T00:40:32Z" or with an offset such as +02:00; seconds and their fraction may be left out, as may the time
// (midnight UTC).
Result<std::chrono::system_clock::time_point> parse_time(std::string_view text);
bool is_day(int year, int month, int day);  // of the calendar
bool is_day(std::string_view text);         // "2026-07-06", likewise

std::string_view trim(std::string_view text);  // spaces, tabs, CR, LF at both ends
std::string to_lower_ascii(std::string_view text);

}  // namespace weir
