#include <algorithm>
#include <map>

#include "tests/world/generator.h"
#include "tests/world/keys.h"

namespace weir::world {
namespace {

const std::vector<std::string> kTops{"com", "org", "net", "dev", "nl", "info", "se"};
const std::vector<std::string> kLabels{"alpha", "bravo", "delta", "echo",  "hotel", "india",   "lima",
                                       "mike",  "oscar", "papa",  "romeo", "tango", "uniform", "zulu"};

unsigned depth_of(const WorldPlan& plan, unsigned zone) {
  unsigned out = 0;
  for (int at = plan.zones[zone].parent; at >= 0; at = plan.zones[static_cast<unsigned>(at)].parent) ++out;
  return out;
}

}  // namespace

Generator::Generator(std::uint64_t seed, const WorldOptions& options) : options_(options), random_(seed) {
  plan_.seed = seed;
  plan_.wall_start = options.wall_start;
  plan_.horizon = random_.pick<Time>(
      {std::chrono::minutes(5), std::chrono::minutes(40), std::chrono::hours(6), std::chrono::hours(50)});
  plan_.forger = *IpAddress::parse("10.53.255.66");
}

WorldPlan Generator::make() {
  make_zones();
  for (unsigned zone = 0; zone < plan_.zones.size(); ++zone) make_hosts(zone);
  for (unsigned zone = 0; zone < plan_.zones.size(); ++zone) {
    for (const unsigned host : plan_.zones[zone].hosts) serve(plan_.hosts[host].server, zone);
  }
  if (options_.changes) make_moves();
  make_records();
  make_questions();
  if (options_.faults && random_.chance(70)) make_faults();
  return std::move(plan_);
}

unsigned Generator::add_server() {
  const auto number = static_cast<std::uint32_t>(plan_.servers.size() + 1);
  ServerPlan server;
  server.addresses.push_back(IpAddress::ipv4(10U << 24 | 53U << 16 | number));
  if (options_.ipv6 && random_.chance(30)) {
    server.addresses.push_back(*IpAddress::parse("fd53::" + std::to_string(number)));
  }
  server.faults.round_trip = std::chrono::milliseconds(random_.between(5, 150));
  server.faults.jitter = std::chrono::microseconds(random_.below(4000));
  plan_.servers.push_back(std::move(server));
  return number - 1;
}

void Generator::serve(unsigned server, unsigned zone) {
  auto& zones = plan_.servers[server].zones;
  if (std::ranges::find(zones, zone) == zones.end()) zones.push_back(zone);
}

void Generator::make_zones() {
  const unsigned count = random_.between(options_.zones_min, options_.zones_max);
  const unsigned tops = std::min(count - 1, random_.between(1, 4));
  for (unsigned i = 0; i < count; ++i) {
    ZonePlan zone;
    if (i > 0 && i <= tops) {
      zone.parent = 0;
      zone.apex = *Name::parse(kTops[(i + plan_.seed) % kTops.size()]);
    } else if (i > 0) {
      unsigned parent = 0;
      do {
        parent = random_.between(1, i - 1);
      } while (depth_of(plan_, parent) >= 5);
      zone.parent = static_cast<int>(parent);
      Name at = plan_.zones[parent].apex;
      if (random_.chance(12)) at = *at.child("mid");  // an empty non-terminal on the way
      zone.apex = *at.child(random_.pick(kLabels) + (random_.chance(50) ? "" : std::to_string(i)));
      const bool taken =
          std::ranges::any_of(plan_.zones, [&](const ZonePlan& other) { return other.apex == zone.apex; });
      if (taken) zone.apex = *at.child("z" + std::to_string(i));
    }
    choose_signing(zone);
    zone.ns_ttl = random_.pick({60U, 300U, 3600U, 86'400U});
    zone.soa_ttl = random_.pick({60U, 900U, 3600U});
    zone.negative_ttl = random_.pick({0U, 5U, 60U, 300U, 3600U, 86'400U});
    if (zone.parent <= 0) zone.ns_ttl = 86'400;
    if (zone.parent < 0) zone.negative_ttl = 300;
    plan_.zones.push_back(std::move(zone));
  }
}

void Generator::choose_signing(ZonePlan& zone) {
  const bool root = zone.parent < 0;
  zone.is_signed = root || random_.chance(zone.parent == 0 ? 85 : 60);
  zone.key = random_.below(kKeyPool / 2) * 2;
  if (!zone.is_signed) return;
  zone.has_ds = !root && random_.chance(88);
  zone.algorithm = random_.pick({Algorithm::ecdsap256sha256, Algorithm::ecdsap256sha256, Algorithm::ecdsap256sha256,
                                 Algorithm::ecdsap256sha256, Algorithm::rsasha256, Algorithm::ed25519});
  zone.denial = random_.pick({Denial::nsec, Denial::nsec, Denial::nsec3, Denial::nsec3_opt_out});
  if (zone.denial != Denial::nsec) {
    zone.iterations = static_cast<std::uint16_t>(random_.pick({0U, 0U, 1U, 10U}));
    if (random_.chance(30)) zone.salt = {0xAB, 0xCD};
  }
  if (root || zone.parent == 0 || !zone.has_ds || !options_.faults || !random_.chance(22)) {
    const bool rolls = !root && options_.changes && zone.algorithm != Algorithm::rsasha256 && random_.chance(10);
    if (rolls) zone.key_roll = moment();
    return;
  }
  zone.flaw =
      random_.pick({Flaw::wrong_ds, Flaw::no_signatures, Flaw::broken_signatures, Flaw::expired, Flaw::not_yet_valid,
                    Flaw::no_denials, Flaw::no_denials, Flaw::unknown_algorithm, Flaw::too_many_iterations});
  if (zone.flaw == Flaw::too_many_iterations) {
    zone.iterations = 100;
    if (zone.denial == Denial::nsec) zone.denial = Denial::nsec3;
  }
}

Time Generator::moment() {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(plan_.horizon).count();
  return std::chrono::milliseconds(whole / 10 +
                                   static_cast<long>(random_.next() % static_cast<std::uint64_t>(whole)) * 4 / 5);
}

unsigned Generator::add_host(const Name& name, unsigned zone, unsigned server) {
  plan_.hosts.push_back({name, zone, server, random_.pick({60U, 300U, 3600U, 86'400U})});
  return static_cast<unsigned>(plan_.hosts.size() - 1);
}

// Hosts are named in the zone itself, in its parent, or in zones made before it, so that no two zones need each other.
void Generator::make_hosts(unsigned index) {
  ZonePlan& zone = plan_.zones[index];
  const unsigned count = index == 0 ? random_.between(2, 3) : random_.between(1, 4);
  zone.glue = random_.pick({Glue::complete, Glue::complete, Glue::partly, Glue::sibling});
  for (unsigned i = 0; i < count; ++i) {
    unsigned server = 0;
    const bool shared = index > 0 && random_.chance(30);
    const unsigned kind = index == 0 ? 0 : random_.below(10);
    if (kind >= 7 && !plan_.hosts.empty()) {
      const unsigned host = random_.below(static_cast<unsigned>(plan_.hosts.size()));
      const bool usable = plan_.hosts[host].zone < index && plan_.hosts[host].zone > 0;
      if (usable && std::ranges::find(zone.hosts, host) == zone.hosts.end()) {
        zone.hosts.push_back(host);
        continue;
      }
    }
    server = shared ? random_.below(static_cast<unsigned>(plan_.servers.size())) : add_server();
    if (kind >= 5 && zone.parent > 0) {
      const auto parent = static_cast<unsigned>(zone.parent);
      const auto name = plan_.zones[parent].apex.child("ns-" + std::to_string(index) + "-" + std::to_string(i));
      zone.hosts.push_back(add_host(*name, parent, server));
    } else {
      zone.hosts.push_back(add_host(*zone.apex.child("ns" + std::to_string(i)), index, server));
    }
  }
  const bool own = std::ranges::all_of(zone.hosts, [&](unsigned host) { return plan_.hosts[host].zone == index; });
  if (own && index > 0 && zone.parent > 0 && zone.flaw == Flaw::none && options_.faults && random_.chance(5)) {
    zone.flaw = Flaw::unreachable;
  }
  // The one that has its glue left out must not be the only one.
  if (zone.glue == Glue::partly && zone.hosts.size() < 2) zone.glue = Glue::complete;
}

void Generator::make_moves() {
  for (unsigned index = 1; index < plan_.zones.size(); ++index) {
    ZonePlan& zone = plan_.zones[index];
    if (zone.parent <= 0) continue;
    if (random_.chance(8)) {
      Move move{moment(), {}};
      const auto parent = static_cast<unsigned>(zone.parent);
      const unsigned server = add_server();
      serve(server, index);
      move.hosts.push_back(add_host(*plan_.zones[parent].apex.child("new" + std::to_string(index)), parent, server));
      zone.move = std::move(move);
    } else if (random_.chance(8)) {
      zone.delegated_until = moment();
    }
  }
}

WorldPlan generate(std::uint64_t seed, const WorldOptions& options) {
  return Generator(seed, options).make();
}

}  // namespace weir::world
