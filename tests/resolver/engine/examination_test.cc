// Resolutions that somebody looks at: their trace, caches of their own, and rules that change beside them.
#include <gtest/gtest.h>

#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/dnssec/denial_cache.h"
#include "tests/resolver/dnssec/signed_zone.h"
#include "tests/simulation_support/fake_network.h"

namespace weir::simulation::examination_test {
namespace {

using namespace std::chrono_literals;

// 10.53.0.1 serves the signed root, 10.53.0.2 the signed zone `example`.
struct Net {
  FakeNetwork network;
  ZoneTrustCache zone_trust;
  DenialCache denials;
  std::deque<SignedZone> zones;
  std::unique_ptr<Engine> engine;

  Net() {
    const Signing signing{.inception = 1'799'000'000, .expiration = 1'801'000'000};
    const auto add = [&](const std::string& apex, const std::string& records, const std::string& address) {
      const SignedZone& zone = zones.emplace_back(apex, records, signing);
      network.add_signed_zone(zone.apex(), zone.all(),
                              [&zone](const Name& owner) { return SignedZone::flat(zone.proofs(owner)); }, {address});
    };
    add("example",
        "example. 3600 SOA ns. h. 1 2 3 4 300\nexample. 3600 NS ns.example.\nns.example. 3600 A 10.53.0.2\n"
        "www.example. 600 A 192.0.2.1\n",
        "10.53.0.2");
    add(".",
        ". 3600 SOA ns. h. 1 2 3 4 300\n. 3600 NS ns.root.\nns.root. 3600 A 10.53.0.1\n"
        "example. 3600 NS ns.example.\nns.example. 3600 A 10.53.0.2\n" +
            zones[0].ds_line(),
        "10.53.0.1");
    EngineOptions options = network.options();
    options.trust = rules();
    options.zone_trust = &zone_trust;
    options.denials = &denials;
    engine = std::make_unique<Engine>(std::move(options), network.rrsets, network.servers);
    network.attach(*engine);
  }

  std::shared_ptr<TrustRules> rules() const {
    auto out = std::make_shared<TrustRules>();
    out->anchors.add(Name(), RecordType::dnskey, zones[1].signer().dnskey());
    return out;
  }
  ResolutionResult ask(const Examination& examination, Origin origin = {}) {
    origin.examination = std::make_shared<Examination>(examination);
    return network.resolve("www.example", RecordType::a, origin);
  }
};

std::vector<std::string> kinds(const ResolutionTrace& trace, unsigned depth) {
  std::vector<std::string> out;
  for (const TraceEvent& event : trace.events()) {
    if (event.depth == depth) out.emplace_back(to_text(event.kind));
  }
  return out;
}

using Kinds = std::vector<std::string>;

TEST(Examination, TheTraceTellsEachStep) {
  Net net;
  const auto trace = std::make_shared<ResolutionTrace>();
  EXPECT_EQ(net.ask({.trace = trace}).security, Security::secure);
  EXPECT_EQ(kinds(*trace, 0),
            (Kinds{"zone_cut", "asked", "answered", "referral", "asked", "answered", "validated", "finished"}));
  const Kinds of_keys = kinds(*trace, 1);
  EXPECT_EQ(std::ranges::count(of_keys, "asked"), 2) << "the keys of the root and of example";
  for (const TraceEvent& event : trace->events()) {
    if (event.kind == TraceKind::answered) {
      ASSERT_TRUE(event.server && event.rtt);
      EXPECT_EQ(*event.rtt, 10ms);
    }
  }
  // From the caches: nobody is asked, and the verdict is known.
  const auto again = std::make_shared<ResolutionTrace>();
  EXPECT_EQ(net.ask({.trace = again}).upstream_packets, 0U);
  EXPECT_EQ(kinds(*again, 0).front(), "cached");
}

TEST(Examination, AFreshResolutionBelievesNothingAndTeachesNothing) {
  Net net;
  const ResolutionResult first = net.ask({.fresh = true});
  EXPECT_EQ(first.security, Security::secure);
  EXPECT_FALSE(net.network.rrsets.find(name("www.example"), RecordType::a, Credibility::glue, Signatures::not_needed,
                                       net.network.now().steady));
  EXPECT_EQ(net.zone_trust.size(), 0U);
  net.network.resolve("www.example", RecordType::a);
  EXPECT_EQ(net.ask({}).upstream_packets, 0U);
  EXPECT_EQ(net.ask({.fresh = true}).upstream_packets, first.upstream_packets);
  // A failure of its own is no failure for others.
  net.network.behaviour("10.53.0.2").rcode = Rcode::refused;
  EXPECT_EQ(net.ask({.fresh = true}).rcode, Rcode::servfail);
  EXPECT_EQ(net.ask({}).rcode, Rcode::noerror);
}

TEST(Examination, IsSharedWithNobody) {
  Net net;
  Origin looked_at;
  looked_at.examination = std::make_shared<Examination>(Examination{.fresh = true});
  const Question question{name("www.example"), RecordType::a, RecordClass::in};
  net.engine->start(question, {}, net.network.now());
  net.engine->start(question, looked_at, net.network.now());
  net.engine->start(question, {}, net.network.now());
  net.network.collect();
  net.network.run();
  EXPECT_EQ(net.network.results.size(), 3U);
  EXPECT_EQ(net.engine->counters().joined, 1U);
  EXPECT_EQ(net.engine->in_flight(), 0U);
}

TEST(Examination, RulesOfItsOwn) {
  Net net;
  auto other = net.rules();
  ASSERT_TRUE(
      other->negative_anchors.add({name("example"), net.network.now().wall + 1h, "test"}, net.network.now().wall));
  EXPECT_EQ(net.ask({.fresh = true, .rules = other}).security, Security::insecure);
  EXPECT_EQ(net.ask({.fresh = true}).security, Security::secure);
}

TEST(Examination, NewRulesHoldForWhatBeginsAndDoNotPullTheOldFromUnderWhatRuns) {
  Net net;
  const Question question{name("www.example"), RecordType::a, RecordClass::in};
  auto insecure = net.rules();
  ASSERT_TRUE(
      insecure->negative_anchors.add({name("example"), net.network.now().wall + 1h, "test"}, net.network.now().wall));
  net.engine->start(question, {}, net.network.now());
  net.network.collect();
  net.network.pass(25ms);  // it waits for the root's keys by now
  EXPECT_EQ(net.engine->in_flight(), 1U);
  net.engine->set_trust(insecure);
  net.network.run();
  ASSERT_EQ(net.network.results.size(), 1U);
  EXPECT_EQ(net.network.results[0].security, Security::secure);
  net.network.rrsets.clear();
  net.zone_trust.clear();
  EXPECT_EQ(net.network.resolve("www.example", RecordType::a).security, Security::insecure);
}

TEST(Examination, ATraceHasAnEnd) {
  ResolutionTrace trace;
  for (std::uint64_t i = 0; i < limit_of(Limit::trace_events) + 5; ++i) trace.add({});
  EXPECT_EQ(trace.events().size(), limit_of(Limit::trace_events));
  EXPECT_EQ(trace.dropped(), 5U);
}

}  // namespace
}  // namespace weir::simulation::examination_test
