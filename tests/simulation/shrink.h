// Makes a failing world small: takes queries, faults, zones, records and name servers away as long as it still fails.
#pragma once

#include "tests/simulation/simulation.h"

namespace weir::simulation {

struct Shrunk {
  world::WorldPlan plan;
  Schedule schedule;
  unsigned runs = 0;  // that it took
};

// `max_runs` bounds the work. The world that comes back fails as well, maybe for another reason.
Shrunk shrink(world::WorldPlan plan, Schedule schedule, unsigned max_runs = 1500);

}  // namespace weir::simulation
