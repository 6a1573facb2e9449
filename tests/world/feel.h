// A large world without flaws, for how a resolver feels: round trips of 5 to 150 ms, 2 % of all packets lost, a tenth
// of the servers dead or lame, but not all of a zone's.
#pragma once

#include "tests/world/plan.h"

namespace weir::world {

WorldPlan feel_plan(std::uint64_t seed, const WorldOptions& options);

}  // namespace weir::world
