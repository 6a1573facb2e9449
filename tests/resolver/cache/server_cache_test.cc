#include "resolver/cache/server_cache.h"

#include <gtest/gtest.h>

namespace weir::server_cache_test {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart = SteadyTime(1000h);
const IpAddress kServer = *IpAddress::parse("192.0.2.53");

TEST(ServerCache, SmoothsRttAndWaitsAccordingly) {
  ServerCache cache;
  const Name zone = *Name::parse("example.org");
  ServerStatus status = cache.find(kServer, zone, kStart);
  EXPECT_FALSE(status.known);
  EXPECT_EQ(status.retransmit_after, 250ms);
  cache.record_answer(kServer, 40ms, kStart);
  status = cache.find(kServer, zone, kStart);
  EXPECT_TRUE(status.known);
  EXPECT_EQ(status.srtt, 40ms);
  EXPECT_EQ(status.retransmit_after, 120ms);  // RFC 6298: SRTT + 4 RTTVAR, RTTVAR half the first RTT
  for (int i = 0; i < 50; ++i) cache.record_answer(kServer, 100ms, kStart);
  status = cache.find(kServer, zone, kStart);
  EXPECT_NEAR(static_cast<double>(status.srtt.count()), 100'000.0, 1000.0);
  EXPECT_GE(status.retransmit_after, 115ms);
  EXPECT_LE(status.retransmit_after, 140ms);
}

TEST(ServerCache, SilenceMakesPatientThenDeadAndAnAnswerHeals) {
  ServerCache cache;
  const Name zone;
  cache.record_answer(kServer, 20ms, kStart);
  cache.record_silence(kServer, kStart);
  cache.record_silence(kServer, kStart);
  EXPECT_FALSE(cache.find(kServer, zone, kStart).dead);
  EXPECT_GT(cache.find(kServer, zone, kStart).srtt, 100ms) << "others go first";
  EXPECT_FALSE(cache.claim_probe(kServer, kStart + 1h)) << "not dead yet";
  std::chrono::seconds rest = 1s;
  SteadyTime now = kStart;
  for (int i = 0; i < 10; ++i) {
    cache.record_silence(kServer, now);
    EXPECT_FALSE(cache.claim_probe(kServer, now + rest - 1ms)) << i;
    EXPECT_TRUE(cache.claim_probe(kServer, now + rest)) << i;
    EXPECT_FALSE(cache.claim_probe(kServer, now + rest)) << "one is enough";
    EXPECT_TRUE(cache.find(kServer, zone, now + rest).dead) << "until it answers";
    now += rest;
    rest = std::min<std::chrono::seconds>(rest * 2, 4s);
  }
  cache.record_answer(kServer, 20ms, now);
  EXPECT_FALSE(cache.find(kServer, zone, now).dead);
  EXPECT_FALSE(cache.claim_probe(kServer, now + 1h));
  EXPECT_LE(cache.find(kServer, zone, now).srtt, 20ms);
}

// A server that folds the case of names is silent over UDP and answers over TCP: it was taken for dead.
TEST(ServerCache, AnAnswerOverTcpHealsTooAndSaysNothingOfTheRtt) {
  ServerCache cache;
  cache.record_answer(kServer, 20ms, kStart);
  for (int i = 0; i < 5; ++i) cache.record_silence(kServer, kStart);
  ASSERT_TRUE(cache.find(kServer, Name(), kStart).dead);
  cache.record_alive(kServer);
  EXPECT_FALSE(cache.find(kServer, Name(), kStart).dead);
  EXPECT_EQ(cache.find(kServer, Name(), kStart).srtt, 20ms);
}

TEST(ServerCache, LamenessIsPerZoneAndEnds) {
  ServerCache cache;
  const Name zone = *Name::parse("example.org");
  cache.record_lame(kServer, zone, kStart);
  EXPECT_TRUE(cache.find(kServer, *Name::parse("EXAMPLE.org"), kStart).lame);
  EXPECT_FALSE(cache.find(kServer, *Name::parse("example.net"), kStart).lame);
  EXPECT_FALSE(cache.find(kServer, zone, kStart + 15min).lame);
  for (int i = 0; i < 20; ++i) cache.record_lame(kServer, *Name::parse("z" + std::to_string(i)), kStart);
  EXPECT_FALSE(cache.find(kServer, zone, kStart).lame) << "the oldest is forgotten";
  EXPECT_TRUE(cache.find(kServer, *Name::parse("z19"), kStart).lame);
}

TEST(ServerCache, CapabilitiesAreForgottenAfterAnHour) {
  ServerCache cache;
  cache.record_without_edns(kServer, kStart);
  cache.record_folds_case(kServer, kStart);
  EXPECT_TRUE(cache.find(kServer, Name(), kStart + 59min).without_edns);
  EXPECT_TRUE(cache.find(kServer, Name(), kStart + 59min).folds_case);
  EXPECT_FALSE(cache.find(kServer, Name(), kStart + 1h).without_edns);
  EXPECT_FALSE(cache.find(kServer, Name(), kStart + 1h).folds_case);
}

TEST(ServerCache, IsBounded) {
  ServerCache cache(160);
  for (std::uint32_t i = 0; i < 10'000; ++i) cache.record_answer(IpAddress::ipv4(0x0A000000 + i), 1ms, kStart);
  EXPECT_LE(cache.entries(), 160U);
  EXPECT_GT(cache.entries(), 100U);
  cache.clear();
  EXPECT_EQ(cache.entries(), 0U);
}

}  // namespace
}  // namespace weir::server_cache_test
