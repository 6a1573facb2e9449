// A day of virtual time under churn: names that nobody asked before, one after the other, into small caches. Nothing
// may grow once they are full.
#pragma once

#include <string>

#include "tests/simulation/simulation.h"

namespace weir::simulation {

struct ChurnResult {
  RunResult run;
  std::string figures;  // a line each half hour: time, heap in use, entries of each cache
  std::string grown;    // empty: nothing has
};

ChurnResult churn(std::uint64_t seed, std::chrono::hours length, std::chrono::milliseconds pause);

}  // namespace weir::simulation
