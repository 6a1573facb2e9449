// When a list is fetched next. Pure: times and chance are arguments.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "tools/sidecar/list_state.h"

namespace weir::sidecar {

inline constexpr std::chrono::seconds kFirstRetry{60};
inline constexpr std::chrono::seconds kShortestRefresh{10};

// After a fetch that went well: `every`, five per cent sooner or later, so that a thousand sidecars started
// by one power cut do not ask a publisher at the same second. `chance` is any number.
std::chrono::seconds next_after_success(std::chrono::milliseconds every, std::uint64_t chance);

// After the `failures`-th failure in a row (from 1): one minute, two, four, ..., never more than `every`,
// with the same jitter.
std::chrono::seconds next_after_failure(std::chrono::milliseconds every, unsigned failures, std::uint64_t chance);

// A zone's own word on how often it is asked for, never more than `every` nor less than kShortestRefresh; `zone_s` = 0:
// it has none.
std::chrono::milliseconds zone_interval(std::chrono::milliseconds every, std::int64_t zone_s);

// When a list that is read from `source` as `reading` says is due: seconds since 1970, 0 for at once. At once means
// never imported, or defined otherwise than at the last import; but what failed waits for its next turn, until it is
// given another source, and what a guard holds until it is defined otherwise than it was then.
std::int64_t due_at(const ListState& state, std::string_view source, std::string_view reading);

}  // namespace weir::sidecar
