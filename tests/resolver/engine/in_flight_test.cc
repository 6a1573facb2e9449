#include "resolver/engine/in_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "resolver/engine/exchanges.h"
#include "tests/simulation_support/small_world.h"

namespace weir::simulation::in_flight_test {
namespace {

TEST(InFlight, AQuestionIsOneEnginesUntilItEnds) {
  InFlight in_flight;
  int woken = 0;
  const EngineNumber first = in_flight.enter([] { FAIL() << "waits for nobody"; });
  const EngineNumber second = in_flight.enter([&] { ++woken; });
  EXPECT_TRUE(in_flight.begin(7, first));
  EXPECT_TRUE(in_flight.begin(7, first));  // again, over its own silence
  EXPECT_FALSE(in_flight.begin(7, second));
  EXPECT_FALSE(in_flight.begin(7, second));
  EXPECT_TRUE(in_flight.begin(8, second));
  in_flight.end(7, second);  // not its to end
  in_flight.end(7, first);
  EXPECT_EQ(woken, 0);
  in_flight.end(7, first);
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(in_flight.begin(7, second));
  in_flight.end(7, second);
  in_flight.end(8, second);
  EXPECT_EQ(in_flight.size(), 0U);
}

TEST(InFlight, ThreadsHandQuestionsOnAndLoseNone) {
  constexpr unsigned kEngines = 4;
  InFlight in_flight;
  std::atomic<unsigned> wakes[kEngines] = {};
  std::atomic<int> out[16] = {};
  std::vector<EngineNumber> numbers;
  for (auto& wake : wakes) numbers.push_back(in_flight.enter([&wake] { ++wake; }));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kEngines; ++i) {
    threads.emplace_back([&, i] {
      for (unsigned round = 0; round < 20'000; ++round) {
        const std::uint64_t question = round % 16;
        if (!in_flight.begin(question, numbers[i])) continue;
        EXPECT_EQ(++out[question], 1);
        --out[question];
        in_flight.end(question, numbers[i]);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(in_flight.size(), 0U);
}

// CVE-2025-5994: two workers need the same name server's address.
TEST(InFlight, TwoEnginesAskOnceAndBothAnswer) {
  SmallWorld world;
  InFlight in_flight;
  bool woken = false;
  EngineOptions options = world.network.options();
  options.in_flight = &in_flight;
  options.engine_number = in_flight.enter([] {});
  EngineOptions second_options = options;
  second_options.engine_number = in_flight.enter([&] { woken = true; });
  world.start(options);
  world.network.resolve("nothing.glueless.test", RecordType::a);  // its delegation is known, and has one server
  world.network.run();
  Engine second(second_options, world.network.rrsets, world.network.servers);

  const Question question{*Name::parse("www.glueless.test"), RecordType::a, RecordClass::in};
  world.engine->start(question, {}, world.network.now());
  world.network.collect();
  EXPECT_EQ(in_flight.size(), 1U);
  second.start(question, {}, world.network.now());
  EXPECT_TRUE(second.take_exchanges().empty());
  EXPECT_EQ(second.in_flight(), 1U);
  world.network.run();
  EXPECT_TRUE(woken);
  second.wake(world.network.now());
  const auto results = second.take_results();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].rcode, Rcode::noerror);
  EXPECT_EQ(results[0].upstream_packets, 0U);
  EXPECT_TRUE(second.take_exchanges().empty());
  EXPECT_EQ(in_flight.size(), 0U);
}

// A probe counts as a question like others, so that its end is not another's; but nobody joins it: it goes without what
// an attacker would have to guess.
TEST(InFlight, AProbeOfADeadServerIsClaimedAndNobodyJoinsIt) {
  SmallWorld world;
  InFlight in_flight;
  EngineOptions options = world.network.options();
  options.in_flight = &in_flight;
  options.engine_number = in_flight.enter([] {});
  world.start(options);
  world.network.resolve("nothing.example.org", RecordType::a);
  world.network.run();
  const IpAddress dead = *IpAddress::parse("10.53.0.5");
  world.network.behaviour("10.53.0.5").silent = true;
  for (int i = 0; i < 10; ++i) world.network.servers.record_silence(dead, world.network.now().steady);
  ASSERT_TRUE(world.network.servers.find(dead, *Name::parse("example.org"), world.network.now().steady).dead);
  world.network.pass(std::chrono::minutes(20));

  world.network.reset_counts();
  world.engine->start({*Name::parse("www.example.org"), RecordType::a, RecordClass::in}, {}, world.network.now());
  world.network.collect();
  world.network.pass(std::chrono::milliseconds(1));
  EXPECT_EQ(world.network.packets_to["10.53.0.5"], 1U) << world.network.trace;
  EXPECT_EQ(world.network.outstanding(), 2U);
  EXPECT_EQ(in_flight.size(), 2U);

  Exchanges exchanges(53, 10, nullptr, EngineNumber{});
  OutstandingExchange probe;
  probe.server = dead;
  probe.query.qname = *Name::parse("example.org");
  probe.query.type = RecordType::soa;
  const UpstreamQuery same = probe.query;
  exchanges.open(std::move(probe), WorkId{});
  EXPECT_EQ(exchanges.join(dead, UpstreamTransport::udp, same, WorkId{1}), nullptr);
  world.network.run();
  EXPECT_EQ(in_flight.size(), 0U);
}

}  // namespace
}  // namespace weir::simulation::in_flight_test
