// Ten of twenty authoritative servers die for a minute while questions come, and return: nothing that a live server
// could answer fails, and soon after their return nothing is left of it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation_support/small_world.h"

namespace weir::simulation::deaths_test {
namespace {

using namespace std::chrono_literals;

constexpr int kServers = 20;
constexpr int kDying = 10;  // the first ones
constexpr int kZones = 40;
constexpr auto kEvery = 25ms;  // a question, for a new name of the next zone

struct Asked {
  int zone = 0;
  SteadyTime at;
  SteadyTime answered;
  Rcode rcode = Rcode::servfail;
};

class Deaths {
 public:
  explicit Deaths(std::uint64_t seed) : world_(seed) {
    std::string delegations;
    for (int zone = 0; zone < kZones; ++zone) {
      for (const int server : servers_of(zone)) {
        const std::string name = "s" + std::to_string(server) + ".test";
        delegations += zone_name(zone) + " 3600 NS " + name + "\n";
      }
    }
    for (int server = 0; server < kServers; ++server) {
      delegations += "s" + std::to_string(server) + ".test 3600 A " + address(server) + "\n";
      world_.network.set_script(address(server), answer);
      world_.network.behaviour(address(server)).delay = std::chrono::milliseconds(5 + 7 * (server % 5));
    }
    world_.network.add_records("test", delegations);
    world_.start();
  }

  // One to four servers a zone; of zones with the same number some lose all of theirs, some none.
  static std::vector<int> servers_of(int zone) {
    std::vector<int> out;
    for (int i = 0; i <= zone % 4; ++i) out.push_back((zone * 3 + i * (zone % 3 == 0 ? 1 : 6)) % kServers);
    return out;
  }
  static bool keeps_a_server(int zone) {
    return std::ranges::any_of(servers_of(zone), [](int server) { return server >= kDying; });
  }
  static std::string zone_name(int zone) { return "z" + std::to_string(zone) + ".test"; }
  static std::string address(int server) { return "10.53.2." + std::to_string(server + 1); }

  // Half of them fall silent, half of their hosts say that nobody listens.
  void set_dead(bool dead) {
    for (int server = 0; server < kDying; ++server) {
      Behaviour& behaviour = world_.network.behaviour(address(server));
      (server % 2 == 0 ? behaviour.silent : behaviour.unreachable) = dead;
    }
  }
  void ask_for(std::chrono::milliseconds time) {
    for (const SteadyTime end = now() + time; now() < end;) {
      const int zone = static_cast<int>(asked_.size()) % kZones;
      const std::string name = "n" + std::to_string(asked_.size()) + "." + zone_name(zone);
      const ResolutionId id =
          world_.engine->start({*Name::parse(name), RecordType::a, RecordClass::in}, {}, world_.network.now());
      index_.emplace(id, asked_.size());
      asked_.push_back({zone, now(), {}, Rcode::servfail});
      world_.network.pass(kEvery);
    }
  }
  const std::vector<Asked>& asked() {
    world_.network.run();
    for (const ResolutionResult& result : world_.network.results) {
      const auto found = index_.find(result.id);
      if (found == index_.end()) continue;
      asked_[found->second].rcode = result.rcode;
      asked_[found->second].answered = world_.network.finished_at.at(result.id);
    }
    return asked_;
  }
  SteadyTime now() const { return world_.network.now().steady; }
  FakeNetwork& network() { return world_.network; }

 private:
  static std::optional<std::vector<std::uint8_t>> answer(const Message& query, const IpAddress&) {
    const std::string name = query.start.qname.folded().to_text();
    if (query.start.qtype == RecordType::a) return make_reply(query, {.answer = {name + " 60 A 192.0.2.1"}});
    return make_reply(query, {.authority = {name.substr(name.find('z')) + " 60 SOA 60"}});
  }

  SmallWorld world_;
  std::vector<Asked> asked_;
  std::map<ResolutionId, std::size_t> index_;
};

TEST(DeathsUnderLoad, EveryZoneWithALiveServerResolves) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Deaths deaths(seed);
    deaths.ask_for(10s);
    deaths.set_dead(true);
    const SteadyTime died = deaths.now();
    deaths.network().reset_counts();
    deaths.ask_for(60s);
    unsigned wasted = 0;
    for (int server = 0; server < kDying; ++server) wasted += deaths.network().packets_to[Deaths::address(server)];
    deaths.set_dead(false);
    const SteadyTime returned = deaths.now();
    deaths.network().reset_counts();
    deaths.ask_for(5s);
    for (int server = 0; server < kDying; ++server) {
      EXPECT_GT(deaths.network().packets_to[Deaths::address(server)], 0U) << "not asked again: " << server;
    }
    deaths.ask_for(5s);

    unsigned lost = 0;
    std::chrono::nanoseconds longest{0};
    for (const Asked& asked : deaths.asked()) {
      const bool all_dead = asked.at < returned && asked.answered >= died && !Deaths::keeps_a_server(asked.zone);
      lost += asked.rcode == Rcode::servfail ? 1U : 0U;
      EXPECT_LE(asked.answered - asked.at, 5s);
      if (all_dead) continue;
      EXPECT_EQ(asked.rcode, Rcode::noerror)
          << Deaths::zone_name(asked.zone) << ", " << (asked.at - died) / 1ms << " ms after they died";
      longest = std::max<std::chrono::nanoseconds>(longest, asked.answered - asked.at);
      if (asked.at >= returned + 5s) {
        EXPECT_LE(asked.answered - asked.at, 200ms) << Deaths::zone_name(asked.zone);
      }
    }
    EXPECT_GT(lost, 0U) << "no zone lost all of its servers: this test shows nothing";
    EXPECT_LE(longest, 2s);
    // 2400 questions in that minute; a dead server costs a probe each 4 s, and the zones without a live one their
    // tries.
    EXPECT_LE(wasted, 3000U);
  }
}

// What clients ask for again and again while nobody answers resolves within 5 s of the servers' return.
TEST(DeathsUnderLoad, NoFailureOutlivesTheServersReturnForLong) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SmallWorld world(seed);
    world.start();
    ASSERT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::noerror);
    const auto set_silent = [&](bool silent) {
      for (const char* address : {"10.53.0.5", "10.53.0.6"}) world.network.behaviour(address).silent = silent;
    };
    set_silent(true);
    for (const SteadyTime end = world.network.now().steady + 60s; world.network.now().steady < end;) {
      EXPECT_EQ(world.network.resolve("www.example.org", RecordType::txt).rcode, Rcode::servfail);
      world.network.pass(500ms);
    }
    set_silent(false);
    const SteadyTime returned = world.network.now().steady;
    while (world.network.resolve("www.example.org", RecordType::txt).rcode != Rcode::noerror) {
      ASSERT_LE(world.network.now().steady - returned, 5s);
      world.network.pass(100ms);
    }
  }
}

// Seven of eight servers are dead, and nobody knows yet: three tries of a client are enough.
TEST(DeathsUnderLoad, OneOfEightServersIsFoundInThreeTries) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SmallWorld world(seed);
    std::string delegation;
    for (int server = 1; server <= 8; ++server) {
      const std::string name = "n" + std::to_string(server) + ".large.org";
      delegation += "large.org 3600 NS " + name + "\n" + name + " 3600 A 10.53.3." + std::to_string(server) + "\n";
    }
    world.network.add_records("org", delegation);
    world.network.add_zone("large.org", "large.org 300 SOA 300\nwww.large.org 60 A 192.0.2.1", {"10.53.3.8"});
    world.start();
    unsigned tries = 1;
    while (world.network.resolve("www.large.org", RecordType::a).rcode != Rcode::noerror) {
      ASSERT_LT(tries++, 3U);
      world.network.pass(2s);  // a stub resolver's patience
    }
  }
}

// All servers of a zone refused for a while (they were loading it): they are asked again before the zone is given up.
TEST(DeathsUnderLoad, RefusedByAllForAMomentIsNotForLong) {
  SmallWorld world;
  world.start();
  ASSERT_EQ(world.network.resolve("nothing.org", RecordType::a).rcode, Rcode::nxdomain);
  const auto refuse = [&](std::optional<Rcode> rcode) {
    for (const char* address : {"10.53.0.5", "10.53.0.6"}) world.network.behaviour(address).rcode = rcode;
  };
  refuse(Rcode::refused);
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::servfail);
  refuse(std::nullopt);
  world.network.pass(4s);
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).rcode, Rcode::noerror);
}

}  // namespace
}  // namespace weir::simulation::deaths_test
