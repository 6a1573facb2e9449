#include "tests/world/feel.h"

#include <algorithm>
#include <set>

#include "tests/world/random.h"

namespace weir::world {
namespace {

constexpr unsigned kZones = 220;
constexpr unsigned kLossPercent = 2;
constexpr std::size_t kOneDeadOf = 10;

// Never the last of a zone's servers, and none of the root's, of a top-level domain's or of a zone that lacks glue.
void make_dead_or_lame(WorldPlan& plan) {
  Random random(plan.seed ^ 0xFEE1);
  std::vector<unsigned> alive(plan.zones.size());
  std::vector<std::set<unsigned>> servers_of(plan.zones.size());
  for (unsigned zone = 0; zone < plan.zones.size(); ++zone) {
    for (const unsigned host : plan.zones[zone].hosts) servers_of[zone].insert(plan.hosts[host].server);
    alive[zone] = static_cast<unsigned>(servers_of[zone].size());
  }
  std::vector<unsigned> order(plan.servers.size());
  for (unsigned i = 0; i < order.size(); ++i) std::swap(order[i] = i, order[random.below(i + 1)]);
  std::size_t left = plan.servers.size() / kOneDeadOf;
  for (const unsigned server : order) {
    plan.servers[server].faults.loss_percent = kLossPercent;
    const auto& zones = plan.servers[server].zones;
    const bool needed = std::ranges::any_of(zones, [&](unsigned zone) {
      const bool hard_to_reach = plan.zones[zone].parent <= 0 || plan.zones[zone].glue == Glue::partly;
      return hard_to_reach || (servers_of[zone].contains(server) && alive[zone] < 2);
    });
    if (left == 0 || needed || zones.empty()) continue;
    --left;
    for (const unsigned zone : zones) alive[zone] -= servers_of[zone].contains(server) ? 1 : 0;
    plan.servers[server].faults.manner =
        random.pick({Manner::silent, Manner::silent, Manner::refused, Manner::upward_referral});
  }
}

}  // namespace

WorldPlan feel_plan(std::uint64_t seed, const WorldOptions& options) {
  WorldOptions large = options;
  large.faults = large.changes = large.ipv6 = false;
  large.zones_min = large.zones_max = kZones;
  WorldPlan plan = generate(seed, large);
  make_dead_or_lame(plan);
  return plan;
}

}  // namespace weir::world
