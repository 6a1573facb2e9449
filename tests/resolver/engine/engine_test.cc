// The engine's promises to its caller: one result each, no exchange left over, equal inputs give equal outputs.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/simulation_support/small_world.h"

namespace weir::simulation::engine_test {
namespace {

using namespace std::chrono_literals;

Question question(const std::string& name, RecordType type = RecordType::a) {
  return {*Name::parse(name), type, RecordClass::in};
}

TEST(Engine, EqualQuestionsShareTheWorkAndEachGetsItsResult) {
  SmallWorld world;
  world.start();
  std::vector<ResolutionId> asked;
  for (int i = 0; i < 10; ++i) {
    const char* name = i % 2 == 0 ? "www.example.org" : "WWW.Example.ORG";
    asked.push_back(world.engine->start(question(name), {}, world.network.now()));
  }
  world.engine->cancel(asked[0], world.network.now());
  world.engine->cancel(asked[9], world.network.now());
  world.network.run();
  EXPECT_EQ(world.network.results.size(), 8U);
  for (std::size_t i = 0; i < world.network.results.size(); ++i) {
    EXPECT_EQ(world.network.results[i].id, asked[i + 1]);
    EXPECT_EQ(world.network.results[i].rcode, Rcode::noerror);
  }
  EXPECT_EQ(world.engine->counters().joined, 9U);
  EXPECT_EQ(world.network.packets_to["10.53.0.5"] + world.network.packets_to["10.53.0.6"], 1U);
}

TEST(Engine, ExchangesAreSharedBetweenDifferentQuestions) {
  SmallWorld world;
  world.start();
  for (const char* name : {"www.example.org", "alias.example.org", "odd.example.org"}) {
    world.engine->start(question(name), {}, world.network.now());
  }
  world.network.run();
  EXPECT_EQ(world.network.results.size(), 3U);
  EXPECT_LE(world.network.packets_to["10.53.0.1"], 2U);  // priming, and "org" once for all three
  EXPECT_EQ(world.network.packets_to["10.53.0.2"], 1U);
}

TEST(Engine, TheLastClientToLeaveEndsTheWork) {
  SmallWorld world;
  world.start();
  world.network.resolve("nothing.org", RecordType::a);
  world.network.run();
  const ResolutionId id = world.engine->start(question("www.example.org"), {}, world.network.now());
  EXPECT_TRUE(world.engine->next_timeout());
  world.network.collect();
  EXPECT_EQ(world.network.outstanding(), 1U);
  world.engine->cancel(id, world.network.now());
  world.network.collect();
  EXPECT_EQ(world.network.outstanding(), 0U);
  EXPECT_EQ(world.engine->in_flight(), 0U);
  EXPECT_FALSE(world.engine->next_timeout());
  world.engine->cancel(id, world.network.now());  // twice does no harm
}

TEST(Engine, CachedAnswersAreReadyAtOnceAndAgeAway) {
  SmallWorld world;
  world.start();
  for (const auto& [name, rcode] :
       {std::pair{"alias.example.org", Rcode::noerror}, {"none.example.org", Rcode::nxdomain}}) {
    world.network.resolve(name, RecordType::a);
    world.network.run();
    world.network.pass(20s);
    world.network.reset_counts();
    world.engine->start(question(name), {}, world.network.now());
    const auto results = world.engine->take_results();
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[0].rcode, rcode);
    EXPECT_EQ(results[0].upstream_packets, 0U);
    EXPECT_LE(results[0].ttl, rcode == Rcode::noerror ? 40s : 280s);
    EXPECT_GE(results[0].ttl, 30s);
    EXPECT_EQ(results[0].aliases.size(), rcode == Rcode::noerror ? 1U : 0U);
  }
  world.network.pass(60s);
  world.network.reset_counts();
  world.network.resolve("alias.example.org", RecordType::a);
  EXPECT_EQ(world.network.packets, 1U);  // the alias alone: what it points to lives longer
}

// RFC 8020: what is below a name that does not exist does not exist.
TEST(Engine, NxdomainCoversWhatIsBelow) {
  SmallWorld world;
  world.start();
  world.network.resolve("none.example.org", RecordType::a);
  world.network.reset_counts();
  EXPECT_EQ(world.network.resolve("a.b.none.example.org", RecordType::mx).rcode, Rcode::nxdomain);
  EXPECT_EQ(world.network.packets, 0U);
}

TEST(Engine, NegativeAnswersCarryTheSoaWithTheLesserTtl) {
  SmallWorld world;
  world.start();
  const ResolutionResult result = world.network.resolve("www.example.org", RecordType::mx);
  ASSERT_EQ(result.authority.size(), 1U);
  EXPECT_EQ(result.authority[0].type, RecordType::soa);
  EXPECT_EQ(result.authority[0].ttl_seconds, 300U);
  EXPECT_EQ(result.ttl, 300s);
  EXPECT_EQ(result.zone_cut.to_text(), "example.org");
}

TEST(Engine, AliasLinksNameTheZonesTheyCameFrom) {
  SmallWorld world;
  world.start();
  const ResolutionResult result = world.network.resolve("www.tree.example.org", RecordType::a);
  ASSERT_EQ(result.aliases.size(), 1U);
  EXPECT_EQ(result.aliases[0].owner.to_text(), "www.tree.example.org");
  EXPECT_EQ(result.aliases[0].target.to_text(), "www.glueless.test");
  EXPECT_EQ(result.aliases[0].type, RecordType::dname);
  EXPECT_EQ(result.aliases[0].zone_cut.to_text(), "example.org");
  EXPECT_EQ(result.zone_cut.to_text(), "glueless.test");
  EXPECT_EQ(result.ttl, 120s);
}

TEST(Engine, AFailedChainStillTellsItsLinks) {
  SmallWorld world;
  world.start();
  world.network.behaviour("10.53.0.7").silent = true;
  const ResolutionResult result = world.network.resolve("far.example.org", RecordType::a);
  EXPECT_EQ(result.rcode, Rcode::servfail);
  ASSERT_EQ(result.aliases.size(), 1U);
  EXPECT_EQ(result.aliases[0].target.to_text(), "www.glueless.test");
  EXPECT_TRUE(result.answer.empty());
}

// RFC 6672 section 2.2.
TEST(Engine, ADnameThatMakesTheNameTooLong) {
  SmallWorld world;
  world.start();
  const std::string label(60, 'x');
  world.network.add_records("example.org", "long.example.org 60 DNAME " + label + "." + label + "." + label + ".org");
  const ResolutionResult result = world.network.resolve(label + "." + label + ".long.example.org", RecordType::a);
  EXPECT_EQ(result.rcode, Rcode::yxdomain) << world.network.trace;
  ASSERT_EQ(result.answer.size(), 1U);
  EXPECT_EQ(result.answer[0].type, RecordType::dname);
}

// RFC 9520: not asked again for a while, and longer with each failure in a row.
TEST(Engine, FailuresAreRememberedLongerEachTime) {
  SmallWorld world;
  world.start();
  world.network.behaviour("10.53.0.7").silent = true;
  std::chrono::seconds last{0};
  for (int i = 0; i < 8; ++i) {
    const ResolutionResult result = world.network.resolve("www.glueless.test", RecordType::a);
    EXPECT_EQ(result.rcode, Rcode::servfail);
    EXPECT_GE(result.ttl, last);
    EXPECT_LE(result.ttl, 4s);
    last = result.ttl;
    world.network.reset_counts();
    EXPECT_EQ(world.network.resolve("www.glueless.test", RecordType::a).ede, EdeCode::cached_error);
    EXPECT_EQ(world.network.packets, 0U);
    world.network.pass(result.ttl);
  }
  EXPECT_EQ(last, 4s) << "so that it resolves again soon after its servers are back";
  world.network.behaviour("10.53.0.7").silent = false;
  EXPECT_EQ(world.network.resolve("www.glueless.test", RecordType::a).rcode, Rcode::noerror);
}

// The time grows with each attempt: what the caches alone say again is none.
TEST(Engine, AnAliasLoopThatTheCachesHoldIsNoNewFailure) {
  SmallWorld world;
  world.network.add_records("example.org",
                            "loop1.example.org 600 CNAME loop2.example.org\n"
                            "loop2.example.org 600 CNAME loop1.example.org");
  world.start();
  const ResolutionResult first = world.network.resolve("loop1.example.org", RecordType::a);
  EXPECT_EQ(first.rcode, Rcode::servfail);
  EXPECT_EQ(first.ttl, 5s);
  world.network.run();
  world.network.reset_counts();
  for (int i = 0; i < 8; ++i) {
    const ResolutionResult again = world.network.resolve("loop1.example.org", RecordType::a);
    EXPECT_EQ(again.rcode, Rcode::servfail);
    EXPECT_LE(again.ttl, first.ttl);
  }
  EXPECT_EQ(world.network.packets, 0U);
  world.network.pass(first.ttl);
  EXPECT_EQ(world.network.resolve("loop1.example.org", RecordType::a).ttl, 10s) << "it lasts";
}

TEST(Engine, WhatFailedBehindAnAliasIsNotAskedAgainEither) {
  SmallWorld world;
  world.start();
  world.network.behaviour("10.53.0.7").silent = true;
  EXPECT_EQ(world.network.resolve("far.example.org", RecordType::a).rcode, Rcode::servfail);
  world.network.run();
  world.network.reset_counts();
  EXPECT_EQ(world.network.resolve("far.example.org", RecordType::a).rcode, Rcode::servfail);
  EXPECT_EQ(world.network.packets, 0U) << world.network.trace;
}

TEST(Engine, AFaultInsideEndsThatResolutionAlone) {
  unsigned failed = 0;
  for (const int good_draws : {0, 1, 5, 9, 14}) {  // before the one that fails: in start(), and with answers
    SCOPED_TRACE(good_draws);
    SmallWorld world;
    int left = good_draws;
    EngineOptions options = world.network.options();
    options.random = [&, draws = options.random] {
      if (left-- == 0) throw std::out_of_range("planted");
      return draws();
    };
    world.network.expect_faults();
    world.start(std::move(options));
    const ResolutionResult result = world.network.resolve("www.example.org", RecordType::a);
    world.network.run();
    ASSERT_LT(left, 0) << "it was never reached";
    EXPECT_EQ(world.engine->counters().broken_invariants, 1U);
    const bool ended = result.rcode == Rcode::servfail;  // else it was the priming beside it
    EXPECT_EQ(result.ede_text, ended ? "a fault inside: planted" : "");
    failed += ended ? 1U : 0U;
    EXPECT_EQ(world.network.resolve("deep.a.b.c.example.org", RecordType::a).rcode, Rcode::noerror);
    world.network.run();
    EXPECT_EQ(world.network.outstanding(), 0U);
    EXPECT_EQ(world.engine->in_flight(), 0U);
  }
  EXPECT_GE(failed, 2U);
}

TEST(Engine, PrimingReplacesTheHints) {
  SmallWorld world;
  world.start();
  world.network.resolve("www.example.org", RecordType::a);
  world.network.run();
  const auto root = world.network.rrsets.closest_delegation(Name(), world.network.now().steady);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->servers.front().name.to_text(), "a.root");  // the hint calls it hint0.root
  ASSERT_EQ(root->servers.front().addresses.size(), 1U);
}

TEST(Engine, ADeadRootFailsInTimeAndIsAskedAgain) {
  SmallWorld world;
  world.start();
  world.network.behaviour("10.53.0.1").silent = true;
  const SteadyTime before = world.network.now().steady;
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::servfail);
  EXPECT_LE(world.network.now().steady - before, 5s);
  world.network.behaviour("10.53.0.1").silent = false;
  EXPECT_EQ(world.network.resolve("alias.example.org", RecordType::a).rcode, Rcode::noerror) << world.network.trace;
}

TEST(Engine, WhatCannotBeAskedIsRefused) {
  SmallWorld world;
  world.start();
  for (const RecordType type : {RecordType::axfr, RecordType::ixfr, RecordType::tsig, RecordType::opt}) {
    EXPECT_EQ(world.network.resolve("example.org", type).rcode, Rcode::notimp);
  }
  EXPECT_EQ(world.network.packets, 0U);
}

TEST(Engine, TypeSettingsOfTransportFamilies) {
  SmallWorld world;
  world.network.add_records("org", "six.org 3600 NS ns.six.org\nns.six.org 3600 AAAA 2001:db8::5");
  world.network.add_zone("six.org", "six.org 60 SOA 60\nwww.six.org 60 A 192.0.2.6", {"2001:db8::5"});
  EngineOptions options = world.network.options();
  options.use_ipv6 = false;
  world.start(options);
  EXPECT_EQ(world.network.resolve("www.six.org", RecordType::a).rcode, Rcode::servfail);
  SmallWorld both;
  both.network.add_records("org", "six.org 3600 NS ns.six.org\nns.six.org 3600 AAAA 2001:db8::5");
  both.network.add_zone("six.org", "six.org 60 SOA 60\nwww.six.org 60 A 192.0.2.6", {"2001:db8::5"});
  both.start();
  EXPECT_EQ(both.network.resolve("www.six.org", RecordType::a).rcode, Rcode::noerror);
}

// A host without IPv6: every IPv6 server fails at once, at every level, and nobody notices.
TEST(Engine, AnUnreachableAddressFamilyDoesNoHarm) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SmallWorld world(seed);
    std::string root;
    std::string zone;
    for (int i = 0; i < 12; ++i) {
      const std::string address = "2001:db8::" + std::to_string(i + 1);
      root += "org 86400 NS s" + std::to_string(i) + ".nic.org\ns" + std::to_string(i) + ".nic.org 86400 AAAA " +
              address + "\n";
      zone += "example.org 86400 NS t" + std::to_string(i) + ".example.org\nt" + std::to_string(i) +
              ".example.org 86400 AAAA " + address + "\n";
      world.network.behaviour(address).unreachable = true;
    }
    world.network.add_records(".", root);
    world.network.add_records("org", zone);
    world.start();
    EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::noerror) << world.network.trace;
  }
}

TEST(Engine, EqualSeedsGiveEqualTraces) {
  const auto play = [](std::uint64_t seed) {
    SmallWorld world(seed);
    world.start();
    world.network.behaviour("10.53.0.5").loss = 0.3;
    world.network.behaviour("10.53.0.6").wrong_ids_first = 1;
    for (int i = 0; i < 50; ++i) {
      world.engine->start(question("n" + std::to_string(i) + ".example.org"), {}, world.network.now());
      world.engine->start(question("www.tree.example.org"), {}, world.network.now());
    }
    world.network.run();
    return world.network.trace;
  };
  EXPECT_EQ(play(7), play(7));
  EXPECT_NE(play(7), play(8));
}

// 2000 questions into a random world with random loss: each gets exactly one result, in time, and nothing is left.
TEST(Engine, Soak) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SmallWorld world(seed);
    FakeNetwork& network = world.network;
    std::string delegations;
    for (unsigned i = 0; i < 60; ++i) {
      const std::string zone = "z" + std::to_string(i) + ".org";
      std::string records = zone + " 300 SOA 30\nwww." + zone + " 30 A 192.0.2.1\n";
      std::vector<std::string> addresses;
      for (unsigned server = 0; server < 1 + network.random() % 4; ++server) {
        const std::string address = "10.54." + std::to_string(i) + "." + std::to_string(server);
        const unsigned elsewhere = network.random() % 60;
        const bool glue = network.random() % 3 != 0;
        const std::string name = "ns" + std::to_string(server) + ".z" + std::to_string(glue ? i : elsewhere) + ".org";
        delegations += zone + " 60 NS " + name + "\n";
        if (glue) delegations += name + " 60 A " + address + "\n";
        records += zone + " 60 NS " + name + "\n" + name + " 60 A " + address + "\n";
        addresses.push_back(address);
        Behaviour& behaviour = network.behaviour(address);
        behaviour.loss = network.random() % 4 == 0 ? 0.5 : 0.05;
        behaviour.delay = std::chrono::milliseconds(1 + network.random() % 400);
        behaviour.silent = network.random() % 8 == 0;
        behaviour.unreachable = network.random() % 8 == 0;
        behaviour.truncate_udp = network.random() % 8 == 0;
        behaviour.refuse_tcp = network.random() % 8 == 0;
        behaviour.edns = static_cast<Behaviour::Edns>(network.random() % 12 < 5 ? network.random() % 6 : 0);
        behaviour.junk_first = network.random() % 8 == 0;
        behaviour.wrong_ids_first = network.random() % 8 == 0 ? 1 + network.random() % 3 : 0;
        behaviour.upward_referral = network.random() % 12 == 0;
        behaviour.nxdomain_for_minimised = network.random() % 12 == 0;
        if (network.random() % 12 == 0) behaviour.rcode = static_cast<Rcode>(network.random() % 12);
        if (network.random() % 8 == 0) behaviour.letters = Behaviour::Case::folded;
      }
      for (unsigned alias = 0; alias < 3; ++alias) {
        records += "a" + std::to_string(alias) + "." + zone + " 10 CNAME a" + std::to_string(network.random() % 3) +
                   ".z" + std::to_string(network.random() % 60) + ".org\n";
      }
      records += "d." + zone + " 10 DNAME z" + std::to_string(network.random() % 60) + ".org\n";
      network.add_zone(zone, records, addresses);
    }
    network.add_records("org", delegations);
    world.start();
    std::map<ResolutionId, SteadyTime> asked;
    std::set<ResolutionId> cancelled;
    std::size_t seen = 0;
    unsigned good = 0;
    const auto check = [&] {
      for (; seen < network.results.size(); ++seen) {
        const ResolutionResult& result = network.results[seen];
        const auto known = asked.find(result.id);
        ASSERT_NE(known, asked.end()) << "a second result";
        ASSERT_LE(network.finished_at.at(result.id) - known->second, 5s);
        EXPECT_LE(result.upstream_packets, 64U);
        good += result.rcode == Rcode::noerror;
        asked.erase(known);
      }
    };
    static constexpr const char* kPrefixes[] = {"www.", "a0.", "a1.", "x.d.", "none.", "", "q.w.e.r.t."};
    for (int i = 0; i < 2000; ++i) {
      const std::string name =
          std::string(kPrefixes[network.random() % 7]) + "z" + std::to_string(network.random() % 60) + ".org";
      const RecordType type = network.random() % 5 == 0 ? RecordType::aaaa : RecordType::a;
      const ResolutionId id = world.engine->start(question(name, type), {}, network.now());
      asked.emplace(id, network.now().steady);
      network.collect();
      check();
      if (network.random() % 10 == 0 && asked.contains(id)) {
        world.engine->cancel(id, world.network.now());
        asked.erase(id);
      }
      network.pass(std::chrono::milliseconds(network.random() % 40));
      check();
    }
    network.run();
    check();
    EXPECT_TRUE(asked.empty());
    EXPECT_GT(good, 150U);
    EXPECT_EQ(world.engine->in_flight(), 0U);
    EXPECT_EQ(network.outstanding(), 0U);
    EXPECT_FALSE(world.engine->next_timeout());
  }
}

TEST(RootHints, BuiltIn) {
  const auto hints = built_in_root_hints();
  ASSERT_EQ(hints.size(), 13U);
  for (const RootServer& server : hints) EXPECT_EQ(server.addresses.size(), 2U);
}

TEST(RootHints, FilesAndTheirFaults) {
  struct HintsRow {
    const char* text;
    const char* error;  // nullptr: none
  };
  const HintsRow rows[] = {
      {"; named.root\n.  3600000 NS A.ROOT-SERVERS.NET.\nA.ROOT-SERVERS.NET. 3600000 A 198.41.0.4\n"
       "A.ROOT-SERVERS.NET. 3600000 AAAA 2001:503:ba3e::2:30\n",
       nullptr},
      {". IN NS ns.root\nns.root IN A 10.53.0.1\n", nullptr},
      {".\tNS\tns.root\nns.root A 10.53.0.999\n", ":2:11: "},
      {"org NS ns.root\n", ":1:1: NS record of 'org'"},
      {". NS ns.root\nns.root TXT x\n", ":2:9: "},
      {". NS ns.root\nns.root AAAA 10.53.0.1\n", ":2:14: "},
      {". NS\n", ":1:3: expected"},
      {".  60 IN NS ns.root more ; x\n", ":1:21: expected"},
      {"; nothing\n", "no root server"},
  };
  const std::string file = ::testing::TempDir() + "weir_root_hints";
  for (const HintsRow& row : rows) {
    SCOPED_TRACE(row.text);
    std::ofstream(file) << row.text;
    const auto hints = read_root_hints(file);
    EXPECT_EQ(hints.has_value(), row.error == nullptr);
    if (row.error != nullptr && !hints) {
      EXPECT_NE(hints.error().message.find(row.error), std::string::npos) << hints.error().message;
    }
  }
  EXPECT_EQ(read_root_hints(file + ".missing").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::simulation::engine_test
