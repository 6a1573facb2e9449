// Worlds that are small enough to be counted, all of them: every way to sign a tree of depth 3, alias chains of up to
// four links over it, and each fault of a server alone.
#pragma once

#include <string>

#include "tests/simulation/schedule.h"

namespace weir::simulation {

class SmallWorlds {
 public:
  std::uint64_t count() const;
  std::string name(std::uint64_t number) const;
  world::WorldPlan plan(std::uint64_t number) const;
};

// Each question of the plan twice, for all who might ask it: plain, with DO, with CD.
Schedule ask_everything(const world::WorldPlan& plan);

}  // namespace weir::simulation
