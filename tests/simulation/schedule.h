// What clients ask and when, and how the wall clock jumps: made from the world's seed, a plain value for the shrinker.
#pragma once

#include <vector>

#include "tests/world/plan.h"

namespace weir::simulation {

using world::Time;

struct ClientQuery {
  Time at{};
  Question question;
  bool dnssec_ok = false, checking_disabled = false, recursion_desired = true, authentic_data = false;
  bool edns = true;
  bool tcp = false;
  unsigned client = 1;
  unsigned repeats = 0;      // after the answer's TTL has just run out, so many times
  std::uint64_t number = 0;  // of the query in the whole schedule: its own random numbers
};

struct ClockJump {
  Time at{};
  std::chrono::seconds by{};
};

struct Schedule {
  std::vector<ClientQuery> queries;  // in order of time
  std::vector<ClockJump> jumps;
};

Schedule make_schedule(const world::WorldPlan& plan);
std::string describe(const ClientQuery& query);

}  // namespace weir::simulation
