#include "tests/simulation/shrink.h"

#include <algorithm>

namespace weir::simulation {
namespace {

class Shrinker {
 public:
  Shrinker(world::WorldPlan plan, Schedule schedule, unsigned max_runs) : max_runs_(max_runs) {
    best_.plan = std::move(plan);
    best_.schedule = std::move(schedule);
  }

  Shrunk go() {
    for (bool smaller = true; smaller && best_.runs < max_runs_;) {
      smaller = take_queries();
      smaller = take_faults() || smaller;
      smaller = take_zones() || smaller;
      smaller = take_records() || smaller;
      smaller = take_hosts() || smaller;
      smaller = plain_queries() || smaller;
    }
    return std::move(best_);
  }

 private:
  // Keeps the change where the world still fails with it.
  template <class Change>
  bool attempt(const Change& change) {
    if (best_.runs >= max_runs_) return false;
    Shrunk tried = best_;
    if (!change(tried)) return false;
    ++best_.runs;
    if (run(tried.plan, tried.schedule).failure.empty()) return false;
    tried.runs = best_.runs;
    best_ = std::move(tried);
    return true;
  }

  // Ever smaller pieces of a list.
  template <class List>
  bool take_pieces(const List& list) {
    bool smaller = false;
    for (std::size_t piece = std::max<std::size_t>(list(best_).size() / 2, 1); piece > 0; piece /= 2) {
      for (std::size_t at = 0; at < list(best_).size();) {
        const bool gone = attempt([&](Shrunk& tried) {
          auto& items = list(tried);
          const auto begin = items.begin() + static_cast<std::ptrdiff_t>(at);
          const auto count = std::min(piece, items.size() - at);
          items.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
          return true;
        });
        smaller = smaller || gone;
        if (!gone) at += piece;
      }
    }
    return smaller;
  }

  bool take_queries() {
    const bool smaller = take_pieces([](Shrunk& of) -> auto& { return of.schedule.queries; });
    return take_pieces([](Shrunk& of) -> auto& { return of.schedule.jumps; }) || smaller;
  }

  bool take_faults() {
    bool smaller = false;
    for (std::size_t i = 0; i < best_.plan.servers.size(); ++i) {
      smaller = attempt([&](Shrunk& tried) {
                  world::Faults& faults = tried.plan.servers[i].faults;
                  const world::Faults sound{.round_trip = faults.round_trip, .jitter = faults.jitter};
                  if (faults == sound) return false;
                  faults = sound;
                  return true;
                }) ||
                smaller;
    }
    return smaller;
  }

  static bool is_needed(const world::WorldPlan& plan, unsigned zone) {
    for (unsigned other = 0; other < plan.zones.size(); ++other) {
      const world::ZonePlan& at = plan.zones[other];
      if (at.removed || other == zone) continue;
      if (at.parent == static_cast<int>(zone)) return true;
      std::vector<unsigned> hosts = at.hosts;
      if (at.move) hosts.insert(hosts.end(), at.move->hosts.begin(), at.move->hosts.end());
      if (std::ranges::any_of(hosts, [&](unsigned host) { return plan.hosts[host].zone == zone; })) return true;
    }
    return false;
  }

  bool take_zones() {
    bool smaller = false;
    for (auto zone = static_cast<unsigned>(best_.plan.zones.size() - 1); zone > 0; --zone) {
      const auto change = [&](const auto& edit) {
        smaller = attempt([&](Shrunk& tried) { return edit(tried.plan.zones[zone]); }) || smaller;
      };
      smaller = attempt([&](Shrunk& tried) {
                  if (tried.plan.zones[zone].removed || is_needed(tried.plan, zone)) return false;
                  return tried.plan.zones[zone].removed = true;
                }) ||
                smaller;
      change([](world::ZonePlan& plan) { return std::exchange(plan.move, std::nullopt).has_value(); });
      change([](world::ZonePlan& plan) { return std::exchange(plan.key_roll, std::nullopt).has_value(); });
      change([](world::ZonePlan& plan) {
        return std::exchange(plan.delegated_until, world::kForever) != world::kForever;
      });
      change([](world::ZonePlan& plan) {
        if (plan.flaw == world::Flaw::too_many_iterations) plan.iterations = 0;
        return std::exchange(plan.flaw, world::Flaw::none) != world::Flaw::none;
      });
      change([](world::ZonePlan& plan) {
        plan.has_ds = false;
        return std::exchange(plan.is_signed, false);
      });
    }
    return smaller;
  }

  bool take_records() {
    bool smaller = false;
    for (std::size_t zone = 0; zone < best_.plan.zones.size(); ++zone) {
      smaller = take_pieces([&](Shrunk& of) -> auto& { return of.plan.zones[zone].records; }) || smaller;
    }
    return smaller;
  }

  bool take_hosts() {
    bool smaller = false;
    for (std::size_t zone = 0; zone < best_.plan.zones.size(); ++zone) {
      for (std::size_t host = 0;
           best_.plan.zones[zone].hosts.size() > 1 && host < best_.plan.zones[zone].hosts.size();) {
        const bool gone = attempt([&](Shrunk& tried) {
          auto& hosts = tried.plan.zones[zone].hosts;
          hosts.erase(hosts.begin() + static_cast<std::ptrdiff_t>(host));
          return true;
        });
        smaller = smaller || gone;
        if (!gone) ++host;
      }
    }
    return smaller;
  }

  bool plain_queries() {
    bool smaller = false;
    for (std::size_t i = 0; i < best_.schedule.queries.size(); ++i) {
      const auto change = [&](const auto& edit) {
        smaller = attempt([&](Shrunk& tried) { return edit(tried.schedule.queries[i]); }) || smaller;
      };
      change([](ClientQuery& query) { return std::exchange(query.tcp, false); });
      change([](ClientQuery& query) { return std::exchange(query.authentic_data, false); });
      change([](ClientQuery& query) { return std::exchange(query.dnssec_ok, false); });
      change([](ClientQuery& query) { return std::exchange(query.checking_disabled, false); });
      change([](ClientQuery& query) { return std::exchange(query.repeats, 0U) != 0; });
    }
    return smaller;
  }

  unsigned max_runs_;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(world::WorldPlan plan, Schedule schedule, unsigned max_runs) {
  return Shrinker(std::move(plan), std::move(schedule), max_runs).go();
}

}  // namespace weir::simulation
