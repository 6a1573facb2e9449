// Servers that err, and attackers who answer for them: what is believed, what is asked again, and where.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/simulation_support/small_world.h"

namespace weir::simulation::misbehaving_servers_test {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::uint8_t>;

// Both servers of example.org are made to misbehave alike, unless the row says otherwise.
struct Row {
  const char* name;
  std::function<void(FakeNetwork&)> misbehave;
  Rcode rcode;
  unsigned max_packets;  // of the question, with root and TLD warm
};

void both(FakeNetwork& network, const std::function<void(Behaviour&)>& change) {
  change(network.behaviour("10.53.0.5"));
  change(network.behaviour("10.53.0.6"));
}

// An answer that is cut over TCP too was taken for one without data: a denial that nobody had made.
TEST(MisbehavingServers, TruncationOverTcpIsNoDenial) {
  SmallWorld world;
  world.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
    world.network.set_script(address, [](const Message& query, const IpAddress&) {
      return std::optional(make_reply(query, {.flags = 0x8600}));
    });
  }
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::servfail);
}

TEST(MisbehavingServers, AreWorkedAroundOrGivenUp) {
  using Edns = Behaviour::Edns;
  const Row rows[] = {
      {"truncates", [](auto& n) { both(n, [](auto& b) { b.truncate_udp = true; }); }, Rcode::noerror, 3},
      {"truncates, first server has no TCP",
       [](auto& n) {
         both(n, [](auto& b) { b.truncate_udp = true; });
         n.behaviour("10.53.0.5").refuse_tcp = true;
       },
       Rcode::noerror, 6},
      {"truncates, no TCP at all", [](auto& n) { both(n, [](auto& b) { b.truncate_udp = b.refuse_tcp = true; }); },
       Rcode::servfail, 8},
      // It may be the cookie alone that they dislike.
      {"FORMERR to EDNS", [](auto& n) { both(n, [](auto& b) { b.edns = Edns::formerr; }); }, Rcode::noerror, 4},
      {"NOTIMP to EDNS", [](auto& n) { both(n, [](auto& b) { b.edns = Edns::notimp; }); }, Rcode::noerror, 3},
      {"BADVERS to EDNS", [](auto& n) { both(n, [](auto& b) { b.edns = Edns::badvers; }); }, Rcode::noerror, 3},
      {"FORMERR without question", [](auto& n) { both(n, [](auto& b) { b.edns = Edns::headless_formerr; }); },
       Rcode::noerror, 3},
      {"folds the case", [](auto& n) { both(n, [](auto& b) { b.letters = Behaviour::Case::folded; }); }, Rcode::noerror,
       3},
      {"one lame", [](auto& n) { n.behaviour("10.53.0.5").rcode = Rcode::refused; }, Rcode::noerror, 3},
      {"one SERVFAIL", [](auto& n) { n.behaviour("10.53.0.6").rcode = Rcode::servfail; }, Rcode::noerror, 3},
      {"one recursive", [](auto& n) { n.behaviour("10.53.0.6").recursive = true; }, Rcode::noerror, 3},
      {"one refers upwards", [](auto& n) { n.behaviour("10.53.0.5").upward_referral = true; }, Rcode::noerror, 3},
      {"all refer upwards", [](auto& n) { both(n, [](auto& b) { b.upward_referral = true; }); }, Rcode::servfail, 3},
      {"all REFUSED", [](auto& n) { both(n, [](auto& b) { b.rcode = Rcode::refused; }); }, Rcode::servfail, 3},
      {"all SERVFAIL", [](auto& n) { both(n, [](auto& b) { b.rcode = Rcode::servfail; }); }, Rcode::servfail, 3},
      {"one silent", [](auto& n) { n.behaviour("10.53.0.5").silent = true; }, Rcode::noerror, 3},
      {"both silent", [](auto& n) { both(n, [](auto& b) { b.silent = true; }); }, Rcode::servfail, 8},
      {"one forged packet first", [](auto& n) { both(n, [](auto& b) { b.wrong_ids_first = 1; }); }, Rcode::noerror, 2},
      {"two forged packets: TCP", [](auto& n) { both(n, [](auto& b) { b.wrong_ids_first = 2; }); }, Rcode::noerror, 3},
      {"junk first", [](auto& n) { both(n, [](auto& b) { b.junk_first = true; }); }, Rcode::noerror, 2},
      {"slow", [](auto& n) { both(n, [](auto& b) { b.delay = 900ms; }); }, Rcode::noerror, 4},
  };
  for (const Row& row : rows) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(std::string(row.name) + ", seed " + std::to_string(seed));
      SmallWorld world(seed);
      world.start();
      ASSERT_EQ(world.network.resolve("nothing.org", RecordType::a).rcode, Rcode::nxdomain);  // warms root and org
      world.network.run();
      row.misbehave(world.network);
      world.network.reset_counts();
      world.network.trace.clear();
      const SteadyTime before = world.network.now().steady;
      const ResolutionResult result = world.network.resolve("www.example.org", RecordType::a);
      EXPECT_EQ(to_text(result.rcode), to_text(row.rcode)) << result.ede_text << "\n" << world.network.trace;
      EXPECT_LE(world.network.packets, row.max_packets) << world.network.trace;
      EXPECT_EQ(result.upstream_packets, world.network.packets);
      EXPECT_LE(world.network.now().steady - before, 5s);
      EXPECT_EQ(result.ede.has_value(), row.rcode == Rcode::servfail);
      world.network.run();
      EXPECT_EQ(world.network.outstanding(), 0U);
    }
  }
}

TEST(MisbehavingServers, CapabilitiesAreRemembered) {
  SmallWorld world;
  world.start();
  both(world.network, [](Behaviour& b) { b.edns = Behaviour::Edns::formerr; });
  world.network.resolve("www.example.org", RecordType::a);
  world.network.resolve("alias.example.org", RecordType::a);
  world.network.reset_counts();
  world.network.resolve("deep.a.b.c.example.org", RecordType::txt);
  const unsigned first = world.network.packets;
  world.network.reset_counts();
  world.network.resolve("odd.example.org", RecordType::txt);
  EXPECT_LE(world.network.packets, 2U);
  EXPECT_GE(first, 1U);
}

TEST(MisbehavingServers, LameServersAreNotAskedAgain) {
  SmallWorld world;
  world.start();
  world.network.behaviour("10.53.0.5").rcode = Rcode::refused;
  for (int i = 0; i < 20; ++i) world.network.resolve("n" + std::to_string(i) + ".example.org", RecordType::a);
  EXPECT_LE(world.network.packets_to["10.53.0.5"], 2U);
}

TEST(MisbehavingServers, OneNameThatIsRefusedDoesNotCostTheZone) {
  SmallWorld world;
  world.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
    world.network.set_script(address,
                             [](const Message& query, const IpAddress&) -> std::optional<std::vector<std::uint8_t>> {
                               if (query.start.qname != *Name::parse("secret.example.org")) return std::nullopt;
                               return make_reply(query, {.flags = 0x8000, .rcode = Rcode::refused});
                             });
  }
  EXPECT_EQ(world.network.resolve("secret.example.org", RecordType::a).rcode, Rcode::servfail);
  world.network.reset_counts();
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::noerror) << world.network.trace;
  EXPECT_EQ(world.network.packets, 1U);
}

TEST(MisbehavingServers, FastServersArePreferredAndSlowOnesExplored) {
  SmallWorld world;
  world.start();
  world.network.behaviour("10.53.0.5").delay = 200ms;
  for (int i = 0; i < 300; ++i) world.network.resolve("n" + std::to_string(i) + ".example.org", RecordType::a);
  EXPECT_GT(world.network.packets_to["10.53.0.6"], 250U);
  EXPECT_GE(world.network.packets_to["10.53.0.5"], 2U);
}

// RFC 9156 section 3: servers that deny empty non-terminals, or drop what they do not know.
TEST(MisbehavingServers, MinimisationFallsBackToTheWholeName) {
  for (const bool deny : {true, false}) {
    SmallWorld world;
    world.start();
    both(world.network, [deny](Behaviour& b) { (deny ? b.nxdomain_for_minimised : b.drop_minimised) = true; });
    const ResolutionResult result = world.network.resolve("deep.a.b.c.example.org", RecordType::a);
    EXPECT_EQ(result.rcode, Rcode::noerror) << world.network.trace;
    EXPECT_EQ(result.answer.size(), 1U);
  }
}

// They serve a zone below the empty non-terminal too: its denials do not make the name above it one that is not there.
TEST(MisbehavingServers, AZoneBelowADeniedNameShowsThatItIsThere) {
  SmallWorld world;
  world.network.add_records("example.org", "sub.mid.example.org 3600 NS ns1.example.org");
  world.network.add_zone("sub.mid.example.org", R"(
      sub.mid.example.org 3600 SOA 300
      sub.mid.example.org 3600 NS ns1.example.org
      www.sub.mid.example.org 600 A 192.0.2.9)",
                         {"10.53.0.5", "10.53.0.6"});
  world.start();
  both(world.network, [](Behaviour& b) { b.nxdomain_for_minimised = true; });
  EXPECT_EQ(world.network.resolve("nope.sub.mid.example.org", RecordType::a).rcode, Rcode::nxdomain);
  const ResolutionResult below = world.network.resolve("www.sub.mid.example.org", RecordType::a);
  EXPECT_EQ(below.rcode, Rcode::noerror) << world.network.trace;
  EXPECT_EQ(below.answer.size(), 1U);
}

TEST(MisbehavingServers, MinimisationHidesTheNameFromAncestors) {
  SmallWorld world;
  world.start();
  world.network.resolve("www.example.org", RecordType::txt);
  EXPECT_EQ(world.network.trace.find("10.53.0.1:53 www"), std::string::npos);
  EXPECT_NE(world.network.trace.find("10.53.0.2:53 "), std::string::npos);
  std::string lower = world.network.trace;
  std::ranges::transform(lower, lower.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  EXPECT_NE(lower.find("10.53.0.1:53 org/a"), std::string::npos) << lower;
  EXPECT_NE(lower.find("10.53.0.2:53 example.org/a"), std::string::npos) << lower;
  EXPECT_EQ(lower.find("10.53.0.2:53 www"), std::string::npos) << lower;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// RFC 9156 section 2.1 leaves the type of minimised questions open; QTYPE may be hidden until the name is known.
TEST(MisbehavingServers, MinimisedQuestionsAreOfTheTypeThatIsSet) {
  SmallWorld world;
  EngineOptions options = world.network.options();
  options.minimised_type = RecordType::ns;
  options.hide_qtype = true;
  world.start(options);
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::txt).rcode, Rcode::noerror);
  const std::string trace = lower(world.network.trace);
  EXPECT_NE(trace.find(" example.org/ns"), std::string::npos) << trace;
  EXPECT_NE(trace.find(" www.example.org/ns"), std::string::npos) << trace;
  EXPECT_NE(trace.find(" www.example.org/txt"), std::string::npos) << trace;
  EXPECT_EQ(trace.find(" org/a"), std::string::npos) << trace;
}

TEST(MisbehavingServers, PoisonBesideAnswersIsNotKept) {
  SmallWorld world;
  world.start();
  both(world.network, [](Behaviour& b) {
    b.extra_authority = {"org 86400 NS evil.example.org", "example.org 86400 NS evil.example.org",
                         "com 86400 NS evil.example.org"};
    b.extra_additional = {"evil.example.org 86400 A 10.66.0.1", "a.nic.org 86400 A 10.66.0.1",
                          "www.glueless.test 86400 A 10.66.0.1"};
  });
  world.network.resolve("www.example.org", RecordType::a);
  world.network.resolve("missing.example.org", RecordType::a);
  const Now now = world.network.now();
  const auto org = world.network.rrsets.closest_delegation(*Name::parse("other.org"), now.steady);
  ASSERT_TRUE(org);
  EXPECT_EQ(org->servers.front().name.to_text(), "a.nic.org");
  const auto zone = world.network.rrsets.closest_delegation(*Name::parse("x.example.org"), now.steady);
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->servers.size(), 2U);
  EXPECT_EQ(world.network.resolve("www.glueless.test", RecordType::a).answer.size(), 1U);
  EXPECT_EQ(world.network.packets_to["10.66.0.1"], 0U);
}

// A zone moves, and its old servers refuse it at once: its delegation is kept for days, and nobody waits for that.
TEST(MisbehavingServers, AZoneThatMovedIsAskedForAgain) {
  SmallWorld world;
  world.start();
  std::string address = "10.53.0.5";
  world.network.set_script("10.53.0.2", [&](const Message& query, const IpAddress&) -> std::optional<Octets> {
    if (!query.start.qname.is_at_or_below(*Name::parse("example.org"))) return std::nullopt;
    Reply referral;
    referral.authority = {"example.org 172800 NS ns1.example.org"};
    referral.additional = {"ns1.example.org 172800 A " + address};
    return make_reply(query, referral);
  });
  ASSERT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::noerror);
  world.network.behaviour("10.53.0.5").rcode = Rcode::refused;
  world.network.reset_counts();
  EXPECT_EQ(world.network.resolve("deep.a.b.c.example.org", RecordType::a).rcode, Rcode::servfail);
  EXPECT_EQ(world.network.packets_to["10.53.0.2"], 0U) << "the parent has said so a moment ago";

  // It has not moved: the parent is asked once, and the server no second time.
  world.network.pass(3600s);
  world.network.reset_counts();
  EXPECT_EQ(world.network.resolve("alias.example.org", RecordType::a).rcode, Rcode::servfail);
  EXPECT_EQ(world.network.packets_to["10.53.0.2"], 1U);
  EXPECT_EQ(world.network.packets_to["10.53.0.5"], 1U);
  EXPECT_EQ(world.network.resolve("odd.example.org", RecordType::a).rcode, Rcode::servfail);
  EXPECT_EQ(world.network.packets_to["10.53.0.2"], 1U);

  address = "10.53.0.6";
  world.network.pass(3600s);
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::txt).rcode, Rcode::noerror);
  EXPECT_EQ(world.engine->counters().rechecked_delegations, 2U);
}

// A child's server speaks for names of its parent in a CNAME chain: they are asked for where they belong.
TEST(MisbehavingServers, ChainsOutOfTheZoneAreAskedAfresh) {
  SmallWorld world;
  world.start();
  const auto lie = [](const Message& query, const IpAddress&) -> std::optional<std::vector<std::uint8_t>> {
    if (query.start.qname != *Name::parse("far.example.org")) return std::nullopt;
    return make_reply(query,
                      {.answer = {"far.example.org 60 CNAME www.glueless.test", "www.glueless.test 60 A 10.66.0.1"}});
  };
  world.network.set_script("10.53.0.5", lie);
  world.network.set_script("10.53.0.6", lie);
  const ResolutionResult result = world.network.resolve("far.example.org", RecordType::a);
  ASSERT_EQ(result.answer.size(), 2U);
  EXPECT_EQ(IpAddress::from_octets(*result.answer[1].records().begin()).to_text(), "192.0.2.3");
}

TEST(MisbehavingServers, GlueThatLeadsToOurselvesIsNotAsked) {
  SmallWorld world;
  world.start();
  world.network.add_records("org", R"(
    self.org 3600 NS a.self.org
    self.org 3600 NS b.self.org
    self.org 3600 NS c.self.org
    a.self.org 3600 A 127.0.0.1
    b.self.org 3600 A 0.0.0.0
    c.self.org 3600 AAAA ::1
    c.self.org 3600 A 224.0.0.5)");
  EXPECT_EQ(world.network.resolve("www.self.org", RecordType::a).rcode, Rcode::servfail);
  for (const char* address : {"127.0.0.1", "0.0.0.0", "::1", "224.0.0.5"}) {
    EXPECT_EQ(world.network.packets_to[address], 0U) << address;
  }
}

}  // namespace
}  // namespace weir::simulation::misbehaving_servers_test
