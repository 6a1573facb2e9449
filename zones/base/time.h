// The pair of times that the engine, the filter and the tests pass around.
//
// Nothing below resolver/server and tools/ reads a clock: `now` is an argument.
#pragma once

#include <chrono>

namespace weir {

using SteadyTime = std::chrono::steady_clock::time_point;  // TTLs, RTTs, deadlines
using WallTime = std::chrono::system_clock::time_point;    // signatures, schedules, provenance

struct Now {
  SteadyTime steady;
  WallTime wall;
};

}  // namespace weir
