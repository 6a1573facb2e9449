// Forward and stub zones: who is asked, on which port, and what is counted.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/engine/engine.h"
#include "zones/dns/message.h"

namespace weir::forward_test {
namespace {

using namespace std::chrono_literals;

struct World {
  RrsetCache rrsets{1U << 20};
  ServerCache servers;
  ZoneTrustCache zone_trust;
  std::mt19937_64 random{1};
  EngineOptions options;
  Now now{SteadyTime() + 1000h, WallTime() + 400'000h};
  std::shared_ptr<ForwardZoneCounters> counters = std::make_shared<ForwardZoneCounters>();

  World() {
    options.random = [this] { return static_cast<std::uint32_t>(random()); };
    options.upstream_port = 5300;
  }
  ForwardZone zone(const char* name, std::vector<const char*> servers, ForwardZone::Kind kind) const {
    ForwardZone out;
    out.name = *Name::parse(name);
    for (const char* server : servers) out.servers.emplace_back(*Endpoint::parse(server, 0));
    out.kind = kind;
    out.counters = counters;
    return out;
  }
};

const Question kQuestion{*Name::parse("www.example"), RecordType::a, RecordClass::in};

TEST(ForwardZones, ServersOfOneAddressAreToldApartByTheirPorts) {
  World world;
  world.options.forward_zones = {
      world.zone(".", {"192.0.2.1:5301", "192.0.2.1:5302", "192.0.2.1"}, ForwardZone::Kind::forward)};
  Engine engine(world.options, world.rrsets, world.servers);
  engine.start(kQuestion, {}, world.now);
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 3; ++i) {
    const auto exchanges = engine.take_exchanges();
    ASSERT_EQ(exchanges.size(), 1U) << "and no priming";
    EXPECT_EQ(exchanges[0].server.address, *IpAddress::parse("192.0.2.1"));
    ports.insert(exchanges[0].server.port);
    EXPECT_TRUE(read_message_start(exchanges[0].message)->flags.recursion_desired);
    EXPECT_FALSE(read_message_start(exchanges[0].message)->flags.checking_disabled);
    engine.receive(exchanges[0].id, {ExchangeFailure::network_error, {}}, world.now);
  }
  EXPECT_EQ(ports, (std::set<std::uint16_t>{5300, 5301, 5302}));
  const auto results = engine.take_results();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].rcode, Rcode::servfail);
  EXPECT_EQ(world.counters->asked, 1U);
  EXPECT_EQ(world.counters->unanswered, 1U);
  // What is known of one is not known of the other.
  world.servers.record_silence(*Endpoint::parse("192.0.2.1:5301", 0), world.now.steady);
  EXPECT_TRUE(world.servers.find(*Endpoint::parse("192.0.2.1:5301", 0), Name(), world.now.steady).known);
}

TEST(ForwardZones, WhoValidatesAsksForwardersWithCd) {
  World world;
  world.options.trust = std::make_shared<TrustRules>();
  world.options.zone_trust = &world.zone_trust;
  for (const auto kind : {ForwardZone::Kind::forward, ForwardZone::Kind::stub}) {
    world.options.forward_zones = {world.zone("example", {"192.0.2.1"}, kind)};
    Engine engine(world.options, world.rrsets, world.servers);
    engine.start(kQuestion, {}, world.now);
    for (const Exchange& exchange : engine.take_exchanges()) {
      if (exchange.server.address != *IpAddress::parse("192.0.2.1")) continue;  // priming
      const MessageFlags flags = read_message_start(exchange.message)->flags;
      EXPECT_EQ(flags.checking_disabled, kind == ForwardZone::Kind::forward);
      EXPECT_EQ(flags.recursion_desired, kind == ForwardZone::Kind::forward);
    }
  }
}

TEST(ForwardZones, NewOnesHoldForWhatBeginsAfterThem) {
  World world;
  Engine engine(world.options, world.rrsets, world.servers);
  engine.set_forward_zones({world.zone("example", {"192.0.2.9"}, ForwardZone::Kind::forward)});
  engine.start(kQuestion, {}, world.now);
  const auto exchanges = engine.take_exchanges();
  ASSERT_FALSE(exchanges.empty());
  EXPECT_EQ(exchanges[0].server.to_text(), "192.0.2.9:5300");
  engine.set_forward_zones({});
  engine.start({*Name::parse("mail.example"), RecordType::a, RecordClass::in}, {}, world.now);
  for (const Exchange& exchange : engine.take_exchanges())
    EXPECT_NE(exchange.server.address, *IpAddress::parse("192.0.2.9"));
}

}  // namespace
}  // namespace weir::forward_test
