#include "resolver/dnssec/zone_trust.h"

#include <thread>

#include "tests/resolver/dnssec/records.h"

namespace weir::zone_trust_test {
namespace {

using std::chrono::seconds;

SteadyTime second(int number) {
  return SteadyTime(seconds(number));
}

ZoneTrust trust_of(TrustState state, SteadyTime expires, std::string why = {}) {
  return {state, nullptr, std::nullopt, std::move(why), std::nullopt, expires};
}

TEST(ZoneTrustCache, KeepsWhatItIsGivenUntilItExpires) {
  ZoneTrustCache cache;
  const auto keys = std::make_shared<const ZoneKeys>(ZoneKeys{name("example"), {}});
  cache.put(name("example"), {TrustState::secure, keys, std::nullopt, {}, {}, second(100)});
  cache.put(name("broken.example"),
            {TrustState::bogus, nullptr, EdeCode::dnskey_missing, "why", name("x"), second(30)});
  ASSERT_TRUE(cache.find(name("EXAMPLE"), second(99)));
  EXPECT_EQ(cache.find(name("example"), second(99))->keys, keys);
  const auto broken = cache.find(name("broken.example"), second(29));
  ASSERT_TRUE(broken);
  EXPECT_EQ(broken->state, TrustState::bogus);
  EXPECT_EQ(broken->ede, EdeCode::dnskey_missing);
  EXPECT_EQ(broken->why, "why");
  EXPECT_EQ(broken->blamed, name("x"));
  EXPECT_FALSE(cache.find(name("broken.example"), second(30)));
  EXPECT_FALSE(cache.find(name("example"), second(100)));
  EXPECT_FALSE(cache.find(name("a.example"), second(0))) << "what is below has its own";
  EXPECT_FALSE(cache.find(Name(), second(0)));
}

TEST(ZoneTrustCache, ErasesASubtree) {
  ZoneTrustCache cache;
  for (const char* zone : {"example", "a.example", "b.A.example", "notexample", "."})
    cache.put(name(zone), trust_of(TrustState::insecure, second(100)));
  cache.erase_subtree(name("A.example"));
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_TRUE(cache.find(name("example"), second(0)));
  EXPECT_FALSE(cache.find(name("b.a.example"), second(0)));
  cache.erase_subtree(Name());
  EXPECT_EQ(cache.size(), 0U);
}

TEST(ZoneTrustCache, TheNewerWordCounts) {
  ZoneTrustCache cache;
  cache.put(name("example"), trust_of(TrustState::bogus, second(10)));
  cache.put(name("Example"), trust_of(TrustState::insecure, second(20)));
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.find(name("example"), second(15))->state, TrustState::insecure);
}

TEST(ZoneTrustCache, ErasesOneOrAll) {
  ZoneTrustCache cache;
  for (const char* zone : {"a", "b", "c"}) cache.put(name(zone), trust_of(TrustState::no_cut, second(10)));
  cache.erase(name("b"));
  cache.erase(name("d"));  // was never there
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_FALSE(cache.find(name("b"), second(0)));
  EXPECT_TRUE(cache.find(name("a"), second(0)));
  cache.put(name("b"), trust_of(TrustState::insecure, second(10)));
  EXPECT_EQ(cache.find(name("b"), second(0))->state, TrustState::insecure);
  cache.clear();
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_FALSE(cache.find(name("a"), second(0)));
}

TEST(ZoneTrustCache, IsBoundedAndTheLeastRecentlyUsedGoesFirst) {
  ZoneTrustCache cache(64);
  const Name used = name("used.example");
  cache.put(used, trust_of(TrustState::insecure, second(10)));
  for (int i = 0; i < 2000; ++i) {
    cache.put(name("z" + std::to_string(i) + ".example"), trust_of(TrustState::no_cut, second(10)));
    EXPECT_TRUE(cache.find(used, second(0))) << "after " << i;
  }
  EXPECT_LE(cache.size(), 64U);
  EXPECT_GE(cache.size(), 60U);
  EXPECT_FALSE(cache.find(name("z0.example"), second(0)));
  EXPECT_TRUE(cache.find(name("z1999.example"), second(0)));
}

TEST(ZoneTrustCache, ManyThreadsMayUseIt) {
  ZoneTrustCache cache(32);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      for (int i = 0; i < 2000; ++i) {
        const Name zone = name("z" + std::to_string((i * 7 + thread) % 50));
        cache.put(zone, trust_of(TrustState::insecure, second(10), "of " + zone.to_text()));
        if (const auto found = cache.find(zone, second(0))) {
          EXPECT_EQ(found->why, "of " + zone.to_text());
        }
        if (i % 5 == 0) cache.erase(zone);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.size(), 32U);
}

}  // namespace
}  // namespace weir::zone_trust_test
