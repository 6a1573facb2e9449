#include "tests/simulation/churn.h"

#include <malloc.h>

#include <algorithm>

namespace weir::simulation {
namespace {

using std::chrono::hours;

// The allocator counts what its thread keeps at hand as in use, and goes on filling that for a day or two: 1 % in eight
// worlds, 0.3 % without it (GLIBC_TUNABLES=glibc.malloc.tcache_count=0). One octet and a half a question is found.
constexpr double kNoise = 1.02;

Schedule random_names(const world::WorldPlan& plan, hours length, std::chrono::milliseconds pause) {
  world::Random random(plan.seed);
  Schedule out;
  for (Time at{0}; at < length; at += pause) {
    ClientQuery query;
    query.at = at;
    query.question = random.pick(plan.questions);
    const auto fresh = query.question.name.child("c" + std::to_string(out.queries.size()));
    if (fresh && random.chance(70)) query.question.name = *fresh;
    query.dnssec_ok = random.chance(50);
    query.checking_disabled = random.chance(5);
    query.number = out.queries.size();
    out.queries.push_back(std::move(query));
  }
  return out;
}

}  // namespace

ChurnResult churn(std::uint64_t seed, hours length, std::chrono::milliseconds pause) {
  // What a world has been and will be stays in memory, so that one that changes grows.
  const world::WorldPlan plan = world::generate(seed, {.zones_min = 10, .zones_max = 20, .changes = false});
  const Schedule schedule = random_names(plan, length, pause);
  ChurnResult out;
  std::vector<std::size_t> heap;
  RunOptions options;
  options.sample_every = std::chrono::minutes(30);
  options.sample = [&](Time time, const Held& held) {
    heap.push_back(mallinfo2().uordblks);
    out.figures += std::to_string(std::chrono::duration_cast<std::chrono::minutes>(time).count()) +
                   " min: " + std::to_string(heap.back() >> 10) + " KiB in use: " + std::to_string(held.rrsets) +
                   " RRsets of " + std::to_string(held.rrset_bytes >> 10) + " KiB, " + std::to_string(held.servers) +
                   " servers, " + std::to_string(held.zones) + " zones' trust, " + std::to_string(held.denials) +
                   " denials, " + std::to_string(held.in_flight) + " resolutions; ledger " +
                   std::to_string(held.ledger) + "\n";
  };
  out.run = run(plan, schedule, options);
  // The first quarter fills the caches; after it the heap of the last quarter is that of the second.
  const auto quarter = [&](std::size_t number) {
    const auto begin = heap.begin() + static_cast<std::ptrdiff_t>(heap.size() * number / 4);
    const auto end = heap.begin() + static_cast<std::ptrdiff_t>(heap.size() * (number + 1) / 4);
    return begin == end ? 0 : *std::max_element(begin, end);
  };
  if (heap.size() < 8) {
    out.grown = "too short to tell";
  } else if (static_cast<double>(quarter(3)) > static_cast<double>(quarter(1)) * kNoise) {
    out.grown = "the heap grew from " + std::to_string(quarter(1) >> 10) + " to " + std::to_string(quarter(3) >> 10) +
                " KiB between the second and the last quarter";
  }
  return out;
}

}  // namespace weir::simulation
