#include "tools/sidecar/list_age.h"

#include <algorithm>

namespace weir::sidecar {

ListAge age_of(const ListState& state, std::chrono::milliseconds every, WallTime now) {
  ListAge out;
  const std::int64_t since_s = state.loaded_s != 0 ? state.loaded_s : state.first_tried_s;
  if (since_s == 0) return out;
  // A clock that was set back makes nothing younger than now.
  const auto passed = std::max(std::chrono::floor<std::chrono::seconds>(now - WallTime(std::chrono::seconds(since_s))),
                               std::chrono::seconds(0));
  out.is_stale = passed > every * kStaleIntervals;
  if (state.loaded_s != 0) out.age = passed;
  return out;
}

}  // namespace weir::sidecar
