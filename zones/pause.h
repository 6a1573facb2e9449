// Filtering that rests for some clients until a moment (SEMANTICS section 3, rank 0).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/time.h"

namespace weir {

struct Pause {
  std::uint64_t id = 0;
  std::string author;
  std::string reason;
  std::vector<Prefix> clients;      // of these, and of these groups; both empty: everybody
  std::vector<std::string> groups;  // by name: they outlive a change of the definitions
  WallTime from;                    // a clock that was set back before it ends the pause rather than prolong it
  WallTime until;

  bool concerns(std::string_view group, const IpAddress& client) const;
  bool holds_at(WallTime moment) const { return from <= moment && moment < until; }
  bool operator==(const Pause&) const = default;
};

}  // namespace weir
