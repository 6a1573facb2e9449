// How many exchanges may be outstanding, for one server, one zone, the clients of one prefix and in all; and who waits
// first when there are too many.
#include <gtest/gtest.h>

#include "tests/simulation_support/small_world.h"

namespace weir::simulation::bounds_test {
namespace {

using namespace std::chrono_literals;

Question question(const std::string& name) {
  return {*Name::parse(name), RecordType::a, RecordClass::in};
}

Origin client(const std::string& prefix) {
  Origin origin;
  origin.prefix = *Prefix::parse(prefix);
  return origin;
}

struct Crowd : SmallWorld {
  std::map<ResolutionId, SteadyTime> asked;

  explicit Crowd(std::size_t max_exchanges, std::vector<IpAddress> own_addresses = {}) {
    EngineOptions options = network.options();
    options.max_exchanges = max_exchanges;
    options.qname_minimisation = false;
    options.own_addresses = std::move(own_addresses);
    start(std::move(options));
    for (const char* name : {"www.example.org", "www.glueless.test"}) network.resolve(name, RecordType::a);
    network.run();
    network.results.clear();
    network.reset_counts();
  }
  ResolutionId ask(const std::string& name, const std::string& prefix = "198.51.100.0/24") {
    const ResolutionId id = engine->start(question(name), client(prefix), network.now());
    asked.emplace(id, network.now().steady);
    network.collect();
    return id;
  }
  std::uint64_t reached(Limit limit) const { return engine->counters().limits.of(limit); }
  void expect_all_answered() {
    network.run();
    EXPECT_EQ(network.results.size(), asked.size());
    for (const auto& [id, at] : asked) {
      ASSERT_TRUE(network.finished_at.contains(id));
      EXPECT_LE(network.finished_at.at(id) - at, 5s);
    }
    EXPECT_EQ(network.outstanding(), 0U);
    EXPECT_EQ(engine->in_flight(), 0U);
  }
};

TEST(Bounds, AServerThatSitsOnItsAnswersHoldsNoMoreThanItsShare) {
  Crowd crowd(8192);
  crowd.network.behaviour("10.53.0.7").delay = 50ms;
  const auto room = static_cast<std::size_t>(limit_of(Limit::exchanges_per_server));
  for (std::size_t i = 0; i < 3 * room; ++i) crowd.ask("n" + std::to_string(i) + ".glueless.test");
  EXPECT_EQ(crowd.network.outstanding(), room);
  EXPECT_GE(crowd.reached(Limit::exchanges_per_server), 2 * room);
  const ResolutionId other = crowd.ask("none.example.org");  // nobody else waits for it
  crowd.network.pass(20ms);
  EXPECT_TRUE(crowd.network.finished_at.contains(other));
  EXPECT_EQ(crowd.network.results.size(), 1U);
  crowd.expect_all_answered();
  for (const ResolutionResult& result : crowd.network.results) EXPECT_EQ(result.rcode, Rcode::nxdomain);
}

TEST(Bounds, ASilentServerIsWaitedForNoLongerThanAllowed) {
  Crowd crowd(8192);
  crowd.network.behaviour("10.53.0.7").silent = true;
  for (std::size_t i = 0; i < 1200; ++i) crowd.ask("n" + std::to_string(i) + ".glueless.test");
  crowd.expect_all_answered();
  for (const ResolutionResult& result : crowd.network.results) EXPECT_EQ(result.rcode, Rcode::servfail);
}

TEST(Bounds, AZoneHoldsNoMoreThanItsShareHoweverManyServersItHas) {
  Crowd crowd(8192);
  std::string referral;
  std::vector<std::string> addresses;
  for (int i = 1; i <= 4; ++i) {
    const std::string name = "n" + std::to_string(i) + ".wide.org";
    addresses.push_back("10.53.1." + std::to_string(i));
    referral += "wide.org 3600 NS " + name + "\n" + name + " 3600 A " + addresses.back() + "\n";
  }
  crowd.network.add_records("org", referral);
  crowd.network.add_zone("wide.org", "wide.org 3600 SOA 300", addresses);
  for (const std::string& address : addresses) crowd.network.behaviour(address).delay = 50ms;
  for (const char* name : {"1.wide.org", "2.wide.org", "3.wide.org", "4.wide.org"}) {  // all servers are known then
    crowd.ask(name);
    crowd.network.run();
  }
  const auto room = static_cast<std::size_t>(limit_of(Limit::exchanges_per_zone));
  for (std::size_t i = 0; i < 2 * room; ++i) crowd.ask("n" + std::to_string(i) + ".wide.org");
  EXPECT_EQ(crowd.network.outstanding(), room);
  EXPECT_EQ(crowd.reached(Limit::exchanges_per_zone), room);
  crowd.expect_all_answered();
}

TEST(Bounds, OnePrefixLeavesHalfToOthers) {
  Crowd crowd(20);
  crowd.network.behaviour("10.53.0.7").delay = 50ms;
  for (int i = 0; i < 100; ++i) crowd.ask("n" + std::to_string(i) + ".glueless.test");
  EXPECT_EQ(crowd.network.outstanding(), 10U);
  EXPECT_EQ(crowd.reached(Limit::exchanges_per_prefix), 90U);
  for (int i = 0; i < 10; ++i) crowd.ask("m" + std::to_string(i) + ".glueless.test", "203.0.113.0/24");
  EXPECT_EQ(crowd.network.outstanding(), 20U);
  crowd.expect_all_answered();
}

TEST(Bounds, UnderOverloadThePrefixThatCostsMostWaitsFirst) {
  Crowd crowd(20);
  crowd.network.behaviour("10.53.0.7").delay = 50ms;
  for (const char* prefix : {"198.51.100.0/24", "203.0.113.0/24"}) {
    for (int i = 0; i < 10; ++i) crowd.ask(std::string(prefix, 3) + std::to_string(i) + ".glueless.test", prefix);
  }
  EXPECT_EQ(crowd.network.outstanding(), 20U);  // all there are
  for (int i = 0; i < 5; ++i) crowd.ask("more" + std::to_string(i) + ".glueless.test", "198.51.100.0/24");
  const ResolutionId modest = crowd.ask("modest.glueless.test", "192.0.2.0/24");  // last to come
  EXPECT_EQ(crowd.reached(Limit::exchanges_in_flight), 6U);
  crowd.expect_all_answered();
  unsigned later = 0;
  for (const auto& [id, finished] : crowd.network.finished_at)
    later += finished >= crowd.network.finished_at.at(modest);
  EXPECT_GE(later, 6U) << "it came last, and those of the costly prefix still wait";
}

TEST(Bounds, WhoLeavesWhileWaitingLeavesNothingBehind) {
  Crowd crowd(4);
  crowd.network.behaviour("10.53.0.7").delay = 50ms;
  std::vector<ResolutionId> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(crowd.ask("n" + std::to_string(i) + ".glueless.test"));
  for (std::size_t i = 0; i < ids.size(); i += 2) {
    crowd.engine->cancel(ids[i], crowd.network.now());
    crowd.asked.erase(ids[i]);
  }
  crowd.expect_all_answered();
}

TEST(Bounds, NobodyIsToldToAskUs) {
  Crowd crowd(8192, {*IpAddress::parse("10.53.0.99")});
  crowd.network.add_records("org", "odd.org 3600 NS ns.odd.org\nns.odd.org 3600 A 10.53.0.99");
  const ResolutionResult result = crowd.network.resolve("www.odd.org", RecordType::a);
  EXPECT_EQ(result.rcode, Rcode::servfail);
  EXPECT_EQ(crowd.network.packets_to["10.53.0.99"], 0U);
}

}  // namespace
}  // namespace weir::simulation::bounds_test
