// How the resolver feels over a slow and lossy internet (tests/world/feel.h), in virtual time: time to answer and
// packets to servers, from empty caches, with questions at a steady pace. tests/versus measures the same on real
// sockets beside others; here a change of the engine shows in a second, and twice the same is the same.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/world/plan.h"

namespace weir::simulation {

struct Feel {
  std::vector<world::Time> latencies;  // one a question, in no order; those of 0 came from the cache
  std::uint64_t failed = 0;            // SERVFAIL, or no answer
  std::uint64_t packets = 0;
  std::uint64_t retries = 0;

  void add(const Feel& other);
  world::Time percentile(unsigned percent) const;
};

// The first `questions` of the world's; `trace`: what took longest is printed with what was asked for it.
Feel feel(const world::WorldPlan& plan, std::size_t questions, bool trace);

}  // namespace weir::simulation
