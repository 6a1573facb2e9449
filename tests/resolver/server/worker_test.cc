#include "resolver/server/worker.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/resolver/server/worker_world.h"
#include "zones/link/decision.h"

namespace weir::test::worker_test {
namespace {

std::vector<std::string> addresses(const std::vector<std::uint8_t>& reply) {
  std::vector<std::string> out;
  const auto message = read_message(reply);
  if (!message) return {"malformed"};
  for (const Rrset& rrset : message->answer) {
    if (rrset.type != RecordType::a && rrset.type != RecordType::aaaa) continue;
    for (const auto rdata : rrset.records()) out.push_back(IpAddress::from_octets(rdata).to_text());
  }
  return out;
}

Rcode rcode_of(const std::vector<std::uint8_t>& reply) {
  const auto message = read_message(reply);
  return message ? message->rcode : Rcode::badcookie;
}

std::optional<EdeCode> ede_of(const std::vector<std::uint8_t>& reply) {
  const auto message = read_message(reply);
  return message && message->edns ? message->edns->ede : std::nullopt;
}

using Texts = std::vector<std::string>;

struct WorkerTest : testing::Test {
  WorkerTest() {
    internet.add("www.test", RecordType::a, "192.0.2.1");
    internet.add("cloaked.test", RecordType::cname, "tracker.ads.test");
    internet.add("tracker.ads.test", RecordType::a, "192.0.2.66");
    internet.add("bad-address.test", RecordType::a, "203.0.113.9");
    internet.add("short.test", RecordType::a, "192.0.2.3", 1);
    for (int i = 0; i < 8; ++i) internet.add("big.test", RecordType::txt, std::string(200, static_cast<char>('a' + i)));
    internet.fail("broken.test");
    internet.start();
  }
  std::shared_ptr<HandMadeGeneration> rules(std::uint64_t number, std::uint64_t epoch) {
    auto made = std::make_shared<HandMadeGeneration>(number, epoch);
    made->block("ads.test");
    return made;
  }

  FakeInternet internet;
};

TEST_F(WorkerTest, ResolvesThenAnswersFromTheCacheInTheClientsCase) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  const auto first = client.ask({.name = "www.test", .edns = true});
  EXPECT_EQ(addresses(first), Texts{"192.0.2.1"});
  EXPECT_EQ(world.metric(Metric::missed), 1U);
  const unsigned asked = internet.asked("www.test");
  const auto second = client.ask({.name = "WwW.TeSt", .edns = true, .id = 0x4321});
  EXPECT_EQ(addresses(second), Texts{"192.0.2.1"});
  EXPECT_EQ(world.metric(Metric::missed), 1U);
  EXPECT_EQ(world.metric(Metric::cached), 1U);
  EXPECT_EQ(internet.asked("www.test"), asked);
  const auto message = read_message(second);
  EXPECT_EQ(message->start.id, 0x4321);
  EXPECT_EQ(message->start.qname.to_text(), "WwW.TeSt");
  EXPECT_EQ(message->answer.at(0).owner.to_text(), "WwW.TeSt");
  EXPECT_TRUE(message->start.flags.recursion_available);
  EXPECT_FALSE(message->start.flags.authentic_data);
}

// SEMANTICS 4: **Order of work**: QNAME and client rules before any recursion
TEST_F(WorkerTest, BlocksWithoutAskingAnybody) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  for (const char* name : {"ads.test", "tracker.ads.test", "x.y.ads.test"}) {
    const auto reply = client.ask({.name = name, .edns = true});
    EXPECT_EQ(addresses(reply), Texts{"0.0.0.0"}) << name;
    EXPECT_EQ(ede_of(reply), EdeCode::blocked) << name;
  }
  EXPECT_EQ(internet.asked("ads.test"), 0U);
  EXPECT_EQ(world.metric(Metric::blocked), 3U);
}

TEST_F(WorkerTest, RandomNamesBelowABlockedOneCostOneLookUp) {
  World world(internet);
  const auto generation = rules(1, 1);
  world.install(generation);
  const Client client(world.udp());
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(addresses(client.ask({.name = "r" + std::to_string(i) + ".ads.test"})), Texts{"0.0.0.0"});
  EXPECT_EQ(generation->lookups.load(), 1U);
}

TEST_F(WorkerTest, WhatAGenerationDeniesFromMemoryIsNotRemembered) {
  for (const bool filters : {false, true}) {
    World world(internet);
    const auto generation = rules(1, 1);
    generation->filters = filters;
    world.install(generation);
    const Client client(world.udp());
    const auto lookups_of = [&](const std::string& name, const std::string& address) {
      const unsigned before = generation->lookups.load();
      // Judged before it is resolved, and when the answer is there.
      EXPECT_EQ(addresses(client.ask({.name = name})), Texts{address});
      return generation->lookups.load() - before;
    };
    EXPECT_EQ(lookups_of("www.test", "192.0.2.1"), filters ? 2U : 1U);
    EXPECT_EQ(lookups_of("r1.ads.test", "0.0.0.0"), 1U);
    EXPECT_EQ(lookups_of("r2.ads.test", "0.0.0.0"), 0U) << "what matches is remembered";
  }
}

// SEMANTICS 4: chain and address rules after.
// SEMANTICS 5.0: The engine follows chains without asking the filter
TEST_F(WorkerTest, BlocksAnAliasTargetAlsoFromTheCache) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(addresses(client.ask({.name = "cloaked.test"})), Texts{"0.0.0.0"}) << i;
  EXPECT_EQ(world.metric(Metric::missed), 1U);
}

// SEMANTICS 5.5: the matches sit beside it with the names epoch
TEST_F(WorkerTest, AChangedRuleReachesCachedAnswersWithoutAFlush) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  EXPECT_EQ(addresses(client.ask({.name = "www.test"})), Texts{"192.0.2.1"});
  EXPECT_EQ(addresses(client.ask({.name = "bad-address.test"})), Texts{"203.0.113.9"});
  EXPECT_EQ(addresses(client.ask({.name = "cloaked.test"})), Texts{"0.0.0.0"});
  const unsigned asked = internet.asked("www.test");

  auto stricter = std::make_shared<HandMadeGeneration>(2, 2);
  stricter->block("www.test").block_address("203.0.113.0/24");
  world.install(stricter);
  EXPECT_EQ(addresses(client.ask({.name = "www.test"})), Texts{"0.0.0.0"});
  EXPECT_EQ(addresses(client.ask({.name = "bad-address.test"})), Texts{"0.0.0.0"});
  EXPECT_EQ(addresses(client.ask({.name = "cloaked.test"})), Texts{"192.0.2.66"});
  const unsigned lookups = stricter->lookups.load();
  EXPECT_EQ(addresses(client.ask({.name = "cloaked.test"})), Texts{"192.0.2.66"});
  EXPECT_EQ(stricter->lookups.load(), lookups) << "the new matches were not written back";

  world.install(std::make_shared<HandMadeGeneration>(3, 3));
  EXPECT_EQ(addresses(client.ask({.name = "www.test"})), Texts{"192.0.2.1"});
  EXPECT_EQ(internet.asked("www.test"), asked);
}

TEST_F(WorkerTest, DefaultDenyAppliesToCachedNames) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  EXPECT_EQ(addresses(client.ask({.name = "www.test"})), Texts{"192.0.2.1"});
  auto deny = rules(2, 1);
  deny->set.policies[0].default_action = DefaultAction::deny;
  world.install(deny);
  EXPECT_EQ(addresses(client.ask({.name = "www.test"})), Texts{"0.0.0.0"});
  EXPECT_EQ(addresses(client.ask({.name = "never-asked.test"})), Texts{"0.0.0.0"});
  EXPECT_EQ(internet.asked("never-asked.test"), 0U);
}

TEST_F(WorkerTest, NoPolicyNoAnswer) {
  World world(internet);
  const Client client(world.udp());
  const auto reply = client.ask({.name = "www.test", .edns = true});
  EXPECT_EQ(rcode_of(reply), Rcode::servfail);
  EXPECT_EQ(ede_of(reply), EdeCode::not_ready);

  auto unloaded = rules(1, 1);
  unloaded->unloaded = {kFirstDefinedList};
  unloaded->set.policies[0].until_loaded = UntilLoaded::refuse;
  world.install(unloaded);
  EXPECT_EQ(ede_of(client.ask({.name = "www.test", .edns = true})), EdeCode::not_ready);
  EXPECT_EQ(internet.asked("www.test"), 0U);
}

// SEMANTICS 4: 18 *Prohibited* with REFUSED for access control
TEST_F(WorkerTest, StrangersAreRefused) {
  World world(internet, {.allow_clients = {*Prefix::parse("127.0.0.2")}});
  world.install(rules(1, 1));
  const Client stranger(world.udp());
  const auto reply = stranger.ask({.name = "www.test", .edns = true});
  EXPECT_EQ(rcode_of(reply), Rcode::refused);
  EXPECT_EQ(ede_of(reply), EdeCode::prohibited);
  const Client guest(world.udp(), "127.0.0.2");
  EXPECT_EQ(addresses(guest.ask({.name = "www.test"})), Texts{"192.0.2.1"});
}

// SEMANTICS 5.5: The cache holds unfiltered, validated data
TEST_F(WorkerTest, GroupsSeeDifferentAnswersFromOneCache) {
  World world(internet);
  auto grouped = rules(1, 1);
  Policy open;
  open.name = "open";
  grouped->set.policies.push_back(open);
  grouped->set.groups.push_back({"staff", {*Prefix::parse("127.0.0.7")}, 1});
  world.install(grouped);
  const Client pupil(world.udp());
  const Client staff(world.udp(), "127.0.0.7");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(addresses(staff.ask({.name = "cloaked.test"})), Texts{"192.0.2.66"});
    EXPECT_EQ(addresses(pupil.ask({.name = "cloaked.test"})), Texts{"0.0.0.0"});
  }
}

TEST_F(WorkerTest, TruncatesForUdpAndSendsAllByTcp) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  for (int i = 0; i < 2; ++i) {  // as a miss, then from the cache
    const auto small = client.ask({.name = "big.test", .type = RecordType::txt});
    ASSERT_LE(small.size(), 512U);
    EXPECT_TRUE(read_message(small)->start.flags.truncated);
    EXPECT_TRUE(read_message(small)->answer.empty());
  }
  const int stream = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to = loopback(world.tcp().port);
  ASSERT_EQ(connect(stream, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  // Pipelined: one that misses and one that is cached.
  std::vector<std::uint8_t> sent;
  for (const char* name : {"short.test", "big.test"}) {
    const auto query = encode_query({.name = name, .type = name[0] == 'b' ? RecordType::txt : RecordType::a});
    sent.push_back(0);
    sent.push_back(static_cast<std::uint8_t>(query.size()));
    sent.insert(sent.end(), query.begin(), query.end());
  }
  ASSERT_EQ(write(stream, sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
  std::set<std::string> seen;
  std::vector<std::uint8_t> got;
  while (seen.size() < 2) {
    pollfd ready{stream, POLLIN, 0};
    ASSERT_GT(poll(&ready, 1, 10000), 0);
    std::uint8_t chunk[4096];
    const ssize_t size = read(stream, chunk, sizeof chunk);
    ASSERT_GT(size, 0);
    got.insert(got.end(), chunk, chunk + size);
    while (got.size() >= 2 && got.size() >= 2U + (got[0] << 8 | got[1])) {
      const std::size_t length = static_cast<std::size_t>(got[0] << 8 | got[1]);
      const auto message = read_message(std::span(got).subspan(2, length));
      ASSERT_TRUE(message);
      EXPECT_FALSE(message->start.flags.truncated);
      std::size_t records = 0;
      for (const Rrset& rrset : message->answer) records += rrset.size();
      EXPECT_EQ(records, message->start.qtype == RecordType::txt ? 8U : 1U);
      seen.insert(message->start.qname.to_text());
      got.erase(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(length + 2));
    }
  }
  close(stream);
}

TEST_F(WorkerTest, MissesFindTheirOwnerAndTheirWayBack) {
  World world(internet, {.workers = 3});
  world.install(rules(1, 1));
  // Many source ports, so that each worker's socket gets some; many names, so that each owns some.
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(world.udp()));
    clients.back()->send(encode_query({.name = "n" + std::to_string(i) + ".test"}));
  }
  for (int i = 0; i < 60; ++i) {
    const auto reply = clients[static_cast<std::size_t>(i)]->receive();
    ASSERT_FALSE(reply.empty()) << i;
    EXPECT_EQ(rcode_of(reply), Rcode::noerror);
    EXPECT_EQ(read_message(reply)->start.qname.to_text(), "n" + std::to_string(i) + ".test");
  }
  EXPECT_GT(world.metric(Metric::handed_over), 0U);
}

TEST_F(WorkerTest, EqualQuestionsShareOneResolution) {
  World world(internet);
  world.install(rules(1, 1));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(world.udp()));
    clients.back()->send(encode_query({.name = "www.test", .id = static_cast<std::uint16_t>(i)}));
  }
  for (int i = 0; i < 20; ++i) {
    const auto reply = clients[static_cast<std::size_t>(i)]->receive();
    ASSERT_EQ(addresses(reply), Texts{"192.0.2.1"});
    EXPECT_EQ(read_message(reply)->start.id, i);
  }
  EXPECT_LE(internet.asked("www.test"), 2U);  // A, and perhaps one minimised question
}

TEST_F(WorkerTest, AFailureIsRemembered) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  const auto first = client.ask({.name = "broken.test", .edns = true});
  EXPECT_EQ(rcode_of(first), Rcode::servfail);
  EXPECT_TRUE(ede_of(first).has_value());
  const unsigned asked = internet.asked("broken.test");
  EXPECT_GT(asked, 0U);
  EXPECT_EQ(rcode_of(client.ask({.name = "broken.test", .edns = true})), Rcode::servfail);
  EXPECT_EQ(internet.asked("broken.test"), asked);
}

TEST_F(WorkerTest, WildcardSocketsAnswerFromTheAddressAsked) {
  World world(internet, {.listen = "0.0.0.0:0"});
  world.install(rules(1, 1));
  const std::uint16_t port = world.udp().port;
  for (const char* address : {"127.0.0.1", "127.0.0.53"}) {
    // A connected client gets nothing that comes from another address.
    const Client client({*IpAddress::parse(address), port});
    EXPECT_EQ(addresses(client.ask({.name = "www.test"})), Texts{"192.0.2.1"}) << address;
    EXPECT_EQ(addresses(client.ask({.name = std::string("m") + address[8] + ".www.test"})), Texts{}) << address;
  }
}

TEST_F(WorkerTest, SmallThings) {
  World world(internet);
  world.install(rules(1, 1));
  const Client client(world.udp());
  EXPECT_EQ(addresses(client.ask({.name = "localhost"})), Texts{"127.0.0.1"});
  EXPECT_EQ(addresses(client.ask({.name = "a.LOCALHOST", .type = RecordType::aaaa})), Texts{"::1"});
  EXPECT_EQ(rcode_of(client.ask({.name = "x.invalid"})), Rcode::nxdomain);
  EXPECT_EQ(rcode_of(client.ask({.name = "www.test", .recursion_desired = false})), Rcode::refused);
  auto chaos = encode_query({.name = "version.bind", .type = RecordType::txt});
  chaos[chaos.size() - 1] = 3;
  client.send(chaos);
  EXPECT_EQ(rcode_of(client.receive()), Rcode::refused);
  // What is no query gets no answer; what follows it does.
  const std::uint8_t noise[] = {1, 2, 3};
  client.send(noise);
  auto response = encode_query({.name = "www.test"});
  response[2] |= 0x80;
  client.send(response);
  const auto next = client.ask({.name = "www.test", .id = 77});
  EXPECT_EQ(read_message(next)->start.id, 77);
}

TEST_F(WorkerTest, DropSaysNothing) {
  World world(internet);
  auto dropping = rules(1, 1);
  dropping->block("gone.test", Action::drop);
  dropping->set.lists.back().own_actions = true;
  world.install(dropping);
  const Client client(world.udp());
  client.send(encode_query({.name = "gone.test", .id = 1}));
  EXPECT_EQ(read_message(client.ask({.name = "www.test", .id = 2}))->start.id, 2);
  EXPECT_EQ(world.metric(Metric::dropped), 1U);
}

}  // namespace
}  // namespace weir::test::worker_test
