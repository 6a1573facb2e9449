// How long ago a list's source last gave what it has, and whether that is too long. Pure: the time is an argument.
//
// A version that a guard holds back is none that was loaded: who leaves one lying has an old list.
#pragma once

#include <chrono>
#include <optional>

#include "tools/sidecar/list_state.h"
#include "zones/base/time.h"

namespace weir::sidecar {

inline constexpr int kStaleIntervals = 3;

struct ListAge {
  std::optional<std::chrono::seconds> age;  // nothing: it never loaded
  bool is_stale = false;                    // for kStaleIntervals of its intervals, since the first attempt at least
};

// `every`: how often the list is asked for.
ListAge age_of(const ListState& state, std::chrono::milliseconds every, WallTime now);

}  // namespace weir::sidecar
