#include "tools/sidecar/schedule.h"

#include <algorithm>

namespace weir::sidecar {
namespace {

// Between 95 and 105 per cent.
std::chrono::seconds jittered(std::chrono::milliseconds time, std::uint64_t chance) {
  const std::int64_t per_mille = 950 + static_cast<std::int64_t>(chance % 101);
  const std::int64_t seconds = time.count() * per_mille / 1'000'000;
  return std::chrono::seconds(std::max<std::int64_t>(1, seconds));
}

}  // namespace

std::chrono::seconds next_after_success(std::chrono::milliseconds every, std::uint64_t chance) {
  return jittered(every, chance);
}

std::chrono::seconds next_after_failure(std::chrono::milliseconds every, unsigned failures, std::uint64_t chance) {
  const unsigned doublings = std::min(failures == 0 ? 0U : failures - 1, 20U);
  const std::chrono::milliseconds backoff = kFirstRetry * (std::int64_t{1} << doublings);
  return jittered(std::min(backoff, every), chance);
}

std::chrono::milliseconds zone_interval(std::chrono::milliseconds every, std::int64_t zone_s) {
  if (zone_s <= 0) return every;
  return std::min<std::chrono::milliseconds>(every, std::max(std::chrono::seconds(zone_s), kShortestRefresh));
}

std::int64_t due_at(const ListState& state, std::string_view source, std::string_view reading) {
  if (state.failures > 0) return state.tried == source ? state.next_fetch_s : 0;
  const HeldVersion& held = state.held;
  if (!held.sha256.empty() && held.source == source && held.reading == reading) return state.next_fetch_s;
  const bool is_other = state.import.value == 0 || state.source != source || state.reading != reading;
  return is_other ? 0 : state.next_fetch_s;
}

}  // namespace weir::sidecar
