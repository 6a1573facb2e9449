// Forward and stub zones: who is asked, on which port, and what is counted.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/engine/engine.h"
#include "tests/simulation_support/small_world.h"
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

// Split DNS: what the world says of the names above a forward or stub zone, or said of a name in it before, is not what
// its own servers say.
TEST(ForwardZones, WhatTheCacheHoldsFromAboveTheZoneSaysNothingOfIt) {
  struct CachedRow {
    const char* what;
    const char* zone_cut;
    std::function<void(RrsetCache&, const Name& zone_cut, SteadyTime)> put;
  };
  const auto denied = [](const char* name, NegativeKind kind) {
    return [=](RrsetCache& cache, const Name& zone_cut, SteadyTime now) {
      Rrset soa;
      soa.owner = zone_cut;
      soa.type = RecordType::soa;
      soa.ttl_seconds = 300;
      soa.add(std::vector<std::uint8_t>(22));
      cache.put_negative(*Name::parse(name), RecordType::a, kind, {soa}, 300, zone_cut, Signatures::needed, now);
    };
  };
  const auto data = [](const char* name, RecordType type) {
    return [=](RrsetCache& cache, const Name& zone_cut, SteadyTime now) {
      SignedRrset data;
      data.rrset.owner = *Name::parse(name);
      data.rrset.type = type;
      data.rrset.ttl_seconds = 300;
      const Name target = *Name::parse("www.away.test");
      if (type == RecordType::a) data.rrset.add(std::vector<std::uint8_t>{192, 0, 2, 66});
      if (type != RecordType::a) data.rrset.add(target.wire());
      cache.put(data, Credibility::authoritative_answer, zone_cut, Signatures::needed, now);
    };
  };
  const CachedRow rows[] = {
      {"NXDOMAIN of an ancestor", "example", denied("corp.example", NegativeKind::nxdomain)},
      {"NXDOMAIN of the apex", "example", denied("ad.corp.example", NegativeKind::nxdomain)},
      {"NODATA of the name", "example", denied("www.ad.corp.example", NegativeKind::nodata)},
      {"data", "example", data("www.ad.corp.example", RecordType::a)},
      {"an alias", "corp.example", data("www.ad.corp.example", RecordType::cname)},
      {"a DNAME of an ancestor", "example", data("corp.example", RecordType::dname)},
      {"its own NXDOMAIN", "ad.corp.example", denied("www.ad.corp.example", NegativeKind::nxdomain)},
      {"its own data", "ad.corp.example", data("www.ad.corp.example", RecordType::a)},
      {"data of a zone below", "www.ad.corp.example", data("www.ad.corp.example", RecordType::a)},
  };
  for (const auto kind : {ForwardZone::Kind::forward, ForwardZone::Kind::stub}) {
    for (const CachedRow& row : rows) {
      SCOPED_TRACE(row.what);
      World world;
      const Name zone_cut = *Name::parse(row.zone_cut);
      row.put(world.rrsets, zone_cut, world.now.steady);
      world.options.forward_zones = {world.zone("ad.corp.example", {"192.0.2.1"}, kind)};
      Engine engine(world.options, world.rrsets, world.servers);
      engine.start({*Name::parse("www.ad.corp.example"), RecordType::a, RecordClass::in}, {}, world.now);
      const bool is_its_own = zone_cut.is_at_or_below(*Name::parse("ad.corp.example"));
      EXPECT_EQ(engine.take_results().size(), is_its_own ? 1U : 0U);
      const auto exchanges = engine.take_exchanges();
      EXPECT_EQ(std::ranges::count_if(
                    exchanges,
                    [](const Exchange& exchange) { return exchange.server.address == *IpAddress::parse("192.0.2.1"); }),
                is_its_own ? 0 : 1);
      EXPECT_EQ(world.counters->asked, is_its_own ? 0U : 1U);
    }
  }
}

// A server of a zone above may not say what is in a forward zone, also where an alias of its own leads there (RFC 2181
// section 5.4.1).
TEST(ForwardZones, AnAliasThatLeadsThereIsFollowedByTheZonesOwnServers) {
  using simulation::Reply;
  const std::string alias = "alias.example.org 60 CNAME app.internal.example.org";
  const Reply rows[] = {
      {.answer = {alias, "app.internal.example.org 600 A 203.0.113.9"}},
      {.rcode = Rcode::nxdomain, .answer = {alias}, .authority = {"example.org 300 SOA 300"}},
      {.answer = {alias}, .authority = {"example.org 300 SOA 300"}},
      {.answer = {alias, "app.internal.example.org 600 CNAME www.example.org", "www.example.org 600 A 203.0.113.9"}},
  };
  for (const Reply& reply : rows) {
    SCOPED_TRACE(reply.answer.back());
    simulation::SmallWorld world;
    world.network.add_zone("internal.example.org",
                           "internal.example.org 300 SOA 300\napp.internal.example.org 600 A 192.0.2.7", {"10.53.0.9"});
    world.network.behaviour("10.53.0.9").recursive = true;
    for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
      world.network.set_script(address, [&](const Message& query, const IpAddress&) {
        const bool asked = query.start.qname == *Name::parse("alias.example.org");
        return asked ? std::optional(simulation::make_reply(query, reply)) : std::nullopt;
      });
    }
    EngineOptions options = world.network.options();
    options.forward_zones = {World().zone("internal.example.org", {"10.53.0.9"}, ForwardZone::Kind::forward)};
    options.upstream_port = 53;
    world.start(options);
    for (const char* name : {"alias.example.org", "app.internal.example.org"}) {
      const ResolutionResult result = world.network.resolve(name, RecordType::a);
      EXPECT_EQ(result.rcode, Rcode::noerror) << name << "\n" << world.network.trace;
      ASSERT_FALSE(result.answer.empty()) << name;
      EXPECT_EQ(IpAddress::from_octets(*result.answer.back().records().begin()).to_text(), "192.0.2.7") << name;
    }
    EXPECT_EQ(world.network.packets_to["10.53.0.9"], 1U) << "then it is known";
  }
}

}  // namespace
}  // namespace weir::forward_test
