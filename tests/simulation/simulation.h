// One world, one schedule, one resolver, in virtual time. What goes wrong is said in words, and a hash of everything
// that happened tells whether two runs were the same to the octet.
#pragma once

#include <functional>
#include <string>

#include "tests/simulation/schedule.h"
#include "tests/world/world.h"

namespace weir::simulation {

struct Tally {
  std::uint64_t worlds = 0, questions = 0, answers = 0, failures_allowed = 0, authentic = 0, packets = 0, faults = 0,
                validations = 0, bogus = 0, from_cache = 0;
  void add(const Tally& other);
};

// What is held in memory: entries, of the resolver's caches and of this program's own books.
struct Held {
  std::size_t rrsets = 0, rrset_bytes = 0, servers = 0, zones = 0, denials = 0, in_flight = 0, ledger = 0;
};

struct RunOptions {
  bool trace = false;
  // Called this often, with the time: for what is measured in a long run. The caches are small then.
  Time sample_every{0};
  std::function<void(Time, const Held&)> sample = {};
};

struct RunResult {
  std::string failure;  // empty: all was right. Its first line says what, the rest what was expected
  std::string trace;    // a line an event, where it was asked for
  std::uint64_t hash = 0;
  Tally tally;
};

RunResult run(const world::WorldPlan& plan, const Schedule& schedule, const RunOptions& options = {});
RunResult run_seed(std::uint64_t seed, const world::WorldOptions& world = {}, const RunOptions& options = {});

}  // namespace weir::simulation
