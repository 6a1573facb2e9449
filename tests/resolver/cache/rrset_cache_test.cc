#include "resolver/cache/rrset_cache.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::rrset_cache_test {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart = SteadyTime(1000h);

Name name(const std::string& text) {
  return *Name::parse(text);
}

SignedRrset address_of(const std::string& owner, std::uint8_t last, std::uint32_t ttl) {
  SignedRrset out;
  out.rrset.owner = name(owner);
  out.rrset.ttl_seconds = ttl;
  const std::uint8_t rdata[] = {192, 0, 2, last};
  out.rrset.add(rdata);
  return out;
}

std::optional<CachedRrset> find(const RrsetCache& cache, const std::string& owner, SteadyTime now,
                                Credibility at_least = Credibility::unauthoritative,
                                Signatures signatures = Signatures::not_needed) {
  return cache.find(name(owner), RecordType::a, at_least, signatures, now);
}

struct RrsetCacheTest : ::testing::Test {
  RrsetCache cache{1U << 20};

  void put(const SignedRrset& data, Credibility credibility = Credibility::authoritative_answer,
           SteadyTime now = kStart, SteadyTime not_after = SteadyTime::max()) {
    cache.put(data, credibility, name("example.org"), Signatures::not_needed, now, not_after);
  }
};

TEST_F(RrsetCacheTest, GivesBackWhatIsLeft) {
  put(address_of("www.example.org", 1, 300));
  const auto found = find(cache, "WWW.example.org", kStart + 100s);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->data.rrset.ttl_seconds, 200U);
  EXPECT_EQ(found->data.rrset.owner.to_text(), "WWW.example.org");
  EXPECT_EQ(found->data.rrset.size(), 1U);
  EXPECT_EQ(found->zone_cut, name("example.org"));
  EXPECT_TRUE(find(cache, "www.example.org", kStart + 299s));
  EXPECT_FALSE(find(cache, "www.example.org", kStart + 300s));
  EXPECT_FALSE(find(cache, "example.org", kStart));
  EXPECT_FALSE(
      cache.find(name("www.example.org"), RecordType::aaaa, Credibility::glue, Signatures::not_needed, kStart));
}

// Rounded up, an answer of an entry's last second lived on in the answer cache and downstream after it.
TEST_F(RrsetCacheTest, WhatIsLeftIsRoundedDown) {
  put(address_of("www.example.org", 1, 300));
  EXPECT_EQ(find(cache, "www.example.org", kStart + 1ms)->data.rrset.ttl_seconds, 299U);
  EXPECT_EQ(find(cache, "www.example.org", kStart + 299'500ms)->data.rrset.ttl_seconds, 0U);
}

// Kept for as long as the wildcard's records, the proof was sent to clients for hours after its own TTL.
TEST_F(RrsetCacheTest, AWildcardsRecordsEndWithTheirProof) {
  SignedRrset data = address_of("x.wild.example.org", 1, 3600);
  Rrset proof;
  proof.owner = name("wild.example.org");
  proof.type = RecordType::nsec;
  proof.ttl_seconds = 60;
  proof.add(name("z.example.org").wire());
  data.proofs.push_back(proof);
  put(data);
  EXPECT_EQ(find(cache, "x.wild.example.org", kStart)->data.rrset.ttl_seconds, 60U);
  EXPECT_FALSE(find(cache, "x.wild.example.org", kStart + 60s));
}

// They were sent with TTLs of their own (RFC 2181 section 5.2); what proves the entry lasts as long as it.
TEST_F(RrsetCacheTest, WhatStandsBesideHasItsOwnTtl) {
  SignedRrset data = address_of("www.example.org", 1, 100);
  data.proofs = {address_of("proof.example.org", 2, 100).rrset};
  data.authority = {address_of("long.example.org", 2, 3600).rrset};
  data.additional = {address_of("short.example.org", 3, 40).rrset, address_of("same.example.org", 3, 100).rrset};
  put(data);
  auto found = find(cache, "www.example.org", kStart + 30s);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->data.proofs.at(0).ttl_seconds, 70U);
  EXPECT_EQ(found->data.authority.at(0).ttl_seconds, 3570U);
  ASSERT_EQ(found->data.additional.size(), 2U);
  EXPECT_EQ(found->data.additional[0].ttl_seconds, 10U);
  EXPECT_EQ(found->data.additional[1].ttl_seconds, 70U);
  found = find(cache, "www.example.org", kStart + 41s);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->data.additional.size(), 1U) << "what has run out is left out";
  EXPECT_EQ(found->data.additional[0].owner, name("same.example.org"));
}

TEST_F(RrsetCacheTest, TtlsAreCappedAndClamped) {
  put(address_of("long.example.org", 1, 0x7FFFFFFF));
  EXPECT_EQ(find(cache, "long.example.org", kStart)->data.rrset.ttl_seconds, 86400U);
  put(address_of("clamped.example.org", 1, 3600), Credibility::authoritative_answer, kStart, kStart + 10s);
  EXPECT_EQ(find(cache, "clamped.example.org", kStart)->data.rrset.ttl_seconds, 10U);
  put(address_of("zero.example.org", 1, 0));
  EXPECT_FALSE(find(cache, "zero.example.org", kStart));
}

// RFC 2181 section 5.4.1.
TEST_F(RrsetCacheTest, LessCredibleDataNeverReplacesMoreCredible) {
  using enum Credibility;
  for (const Credibility known : {glue, unauthoritative, authoritative_answer}) {
    for (const Credibility offered : {glue, unauthoritative, authoritative_answer}) {
      cache.clear();
      put(address_of("a.example.org", 1, 60), known);
      put(address_of("a.example.org", 2, 300), offered);
      const auto found = find(cache, "a.example.org", kStart, glue);
      ASSERT_TRUE(found);
      const bool replaced = (*(*found->data.rrset.records().begin()).rbegin()) == 2;
      EXPECT_EQ(replaced, offered >= known);
      put(address_of("a.example.org", 3, 300), offered, kStart + 400s);  // what is dead stands in nobody's way
      EXPECT_TRUE(find(cache, "a.example.org", kStart + 400s, glue));
    }
  }
  put(address_of("g.example.org", 1, 60), glue);
  EXPECT_FALSE(find(cache, "g.example.org", kStart)) << "glue answers no question";
}

TEST_F(RrsetCacheTest, SignaturesAreThereOnlyIfAskedFor) {
  SignedRrset data = address_of("s.example.org", 1, 60);
  put(data);
  EXPECT_FALSE(find(cache, "s.example.org", kStart, Credibility::glue, Signatures::needed));
  data.signatures.owner = data.rrset.owner;
  data.signatures.type = RecordType::rrsig;
  data.signatures.type_covered = RecordType::a;
  data.signatures.add(std::vector<std::uint8_t>(20, 1));
  cache.put(data, Credibility::authoritative_answer, name("org"), Signatures::needed, kStart);
  const auto found = find(cache, "s.example.org", kStart, Credibility::glue, Signatures::needed);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->data.signatures.size(), 1U);
  EXPECT_EQ(found->data.signatures.type_covered, RecordType::a);
}

TEST_F(RrsetCacheTest, NegativeAnswers) {
  Rrset soa;
  soa.owner = name("example.org");
  soa.type = RecordType::soa;
  soa.add(std::vector<std::uint8_t>(22, 0));
  const auto deny = [&](const char* at, NegativeKind kind, std::uint32_t ttl) {
    cache.put_negative(name(at), RecordType::a, kind, {soa}, ttl, name("example.org"), Signatures::not_needed, kStart);
  };
  deny("empty.example.org", NegativeKind::nodata, 60);
  deny("none.example.org", NegativeKind::nxdomain, 60);
  deny("long.example.org", NegativeKind::nodata, 1'000'000);
  struct Row {
    const char* at;
    RecordType type;
    std::optional<NegativeKind> kind;
  };
  const Row rows[] = {{"empty.example.org", RecordType::a, NegativeKind::nodata},
                      {"empty.example.org", RecordType::aaaa, std::nullopt},
                      {"below.empty.example.org", RecordType::a, std::nullopt},
                      {"none.example.org", RecordType::a, NegativeKind::nxdomain},
                      {"NONE.example.org", RecordType::mx, NegativeKind::nxdomain},
                      {"a.b.none.example.org", RecordType::mx, NegativeKind::nxdomain},  // RFC 8020
                      {"example.org", RecordType::a, std::nullopt}};
  for (const Row& row : rows) {
    const auto found = cache.find_negative(name(row.at), row.type, Signatures::not_needed, kStart + 20s);
    ASSERT_EQ(found.has_value(), row.kind.has_value()) << row.at;
    if (!found) continue;
    EXPECT_EQ(found->kind, *row.kind) << row.at;
    EXPECT_EQ(found->ttl_seconds, 40U);
    EXPECT_EQ(found->zone_cut, name("example.org")) << row.at;
    ASSERT_EQ(found->authority.size(), 1U);
    EXPECT_EQ(found->authority[0].ttl_seconds, 40U);
  }
  EXPECT_EQ(cache.find_negative(name("long.example.org"), RecordType::a, Signatures::not_needed, kStart)->ttl_seconds,
            10'800U);
  EXPECT_FALSE(cache.find_negative(name("none.example.org"), RecordType::a, Signatures::not_needed, kStart + 60s));
  put(address_of("empty.example.org", 1, 60));  // there is something now
  EXPECT_FALSE(cache.find_negative(name("empty.example.org"), RecordType::a, Signatures::not_needed, kStart));
}

TEST_F(RrsetCacheTest, Delegations) {
  Delegation org{name("org"), {{name("a.nic.org"), {*IpAddress::parse("10.53.0.2")}}}, kStart + 100s};
  Delegation example{name("example.org"),
                     {{name("ns.example.org"), {*IpAddress::parse("10.53.0.5"), *IpAddress::parse("2001:db8::5")}},
                      {name("ns.example.net"), {}}},
                     kStart + 50s};
  cache.put_delegation(org, kStart);
  cache.put_delegation(example, kStart);
  const auto deepest = cache.closest_delegation(name("www.example.org"), kStart);
  ASSERT_TRUE(deepest);
  EXPECT_EQ(deepest->zone_cut, name("example.org"));
  ASSERT_EQ(deepest->servers.size(), 2U);
  EXPECT_EQ(deepest->servers[0].addresses, example.servers[0].addresses);
  EXPECT_TRUE(deepest->servers[1].addresses.empty());
  EXPECT_EQ(deepest->expires, kStart + 50s);
  EXPECT_EQ(cache.closest_delegation(name("www.example.org"), kStart + 50s)->zone_cut, name("org"));
  EXPECT_FALSE(cache.closest_delegation(name("www.example.net"), kStart));
  EXPECT_FALSE(cache.closest_delegation(name("org"), kStart + 100s));
}

TEST_F(RrsetCacheTest, FailuresLastLongerEachTime) {
  SteadyTime now = kStart;
  for (const std::uint32_t ttl : {5U, 10U, 20U, 40U, 80U, 160U, 300U, 300U}) {
    EXPECT_EQ(cache.put_failure(name("bad.org"), RecordType::a, EdeCode::network_error, "why", now), ttl);
    const auto found = cache.find_failure(name("bad.org"), RecordType::a, now + 1s);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ttl_seconds, ttl - 1);
    EXPECT_EQ(found->ede, EdeCode::network_error);
    EXPECT_EQ(found->text, "why");
    EXPECT_FALSE(cache.find_failure(name("bad.org"), RecordType::aaaa, now));
    now += std::chrono::seconds(ttl);
    EXPECT_FALSE(cache.find_failure(name("bad.org"), RecordType::a, now));
  }
  EXPECT_EQ(cache.put_failure(name("bad.org"), RecordType::a, {}, "", now + 301s), 5U) << "long ago is forgotten";
  cache.forget_failure(name("bad.org"), RecordType::a);
  EXPECT_EQ(cache.put_failure(name("bad.org"), RecordType::a, {}, "", now + 301s), 5U);
  now = kStart;
  for (const std::uint32_t ttl : {1U, 2U, 4U, 4U}) {  // of failures that must not last
    EXPECT_EQ(cache.put_failure(name("away.org"), RecordType::a, {}, "", now, 4), ttl);
    now += std::chrono::seconds(ttl);
  }
}

TEST_F(RrsetCacheTest, StaysWithinItsBoundAndKeepsWhatIsUsed) {
  RrsetCache small(64U << 10);
  const auto put_one = [&](int i) {
    small.put(address_of("n" + std::to_string(i) + ".example.org", 1, 3600), Credibility::authoritative_answer,
              name("example.org"), Signatures::not_needed, kStart);
  };
  put_one(0);
  for (int i = 1; i < 5000; ++i) {
    put_one(i);
    EXPECT_TRUE(find(small, "n0.example.org", kStart)) << i;
    ASSERT_LE(small.size_bytes(), small.capacity_bytes());
  }
  EXPECT_GT(small.entries(), 50U);
  EXPECT_LT(small.entries(), 800U);
  EXPECT_FALSE(find(small, "n1.example.org", kStart));
  SignedRrset huge = address_of("huge.example.org", 1, 60);
  huge.rrset.add(std::vector<std::uint8_t>(60'000, 1));
  small.put(huge, Credibility::authoritative_answer, Name(), Signatures::not_needed, kStart);
  EXPECT_FALSE(find(small, "huge.example.org", kStart)) << "one entry does not empty the cache";
  EXPECT_GT(small.entries(), 50U);
}

TEST_F(RrsetCacheTest, EraseAndClear) {
  put(address_of("a.example.org", 1, 60));
  put(address_of("b.a.example.org", 1, 60));
  cache.erase(name("A.example.org"));
  EXPECT_FALSE(find(cache, "a.example.org", kStart));
  EXPECT_TRUE(find(cache, "b.a.example.org", kStart));
  cache.clear();
  EXPECT_EQ(cache.entries(), 0U);
  EXPECT_EQ(cache.size_bytes(), 0U);
}

TEST_F(RrsetCacheTest, ManyThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 3000; ++i) {
        const std::string owner = "n" + std::to_string(i % 300) + ".example.org";
        put(address_of(owner, static_cast<std::uint8_t>(thread), 60));
        const auto found = find(cache, owner, kStart);
        if (found && found->data.rrset.size() != 1) ADD_FAILURE();  // another thread may clear between
        if (i % 500 == 0) cache.clear();
        cache.put_delegation({name(owner), {{name("x"), {}}}, kStart + 10s}, kStart);
        (void)cache.closest_delegation(name("w." + owner), kStart);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RrsetCacheTest, ASubtreeIsListedAndForgottenAndNothingBesideIt) {
  for (const char* owner : {"example.org", "www.example.org", "a.b.WWW.example.org", "notexample.org", "org", "."})
    put(address_of(owner, 1, 300));
  cache.put_negative(name("none.example.org"), RecordType::a, NegativeKind::nxdomain, {}, 60, name("example.org"),
                     Signatures::not_needed, kStart);
  cache.put_failure(name("bad.example.org"), RecordType::mx, EdeCode::bogus, "why", kStart);
  Delegation delegation;
  delegation.zone_cut = name("example.org");
  delegation.servers = {{name("ns.example.org"), {*IpAddress::parse("192.0.2.53")}}};
  delegation.expires = kStart + 100s;
  cache.put_delegation(delegation, kStart);
  put(address_of("gone.example.org", 1, 5));

  const auto listed = [&](const char* at, Below below) {
    std::string out;
    for (const CachedEntry& entry : cache.list(name(at), below, kStart + 10s, 100)) {
      out += (out.empty() ? "" : ", ") + (entry.name.is_root() ? "." : entry.name.to_text()) + ' ' +
             std::to_string(static_cast<int>(entry.kind)) + ' ' + std::to_string(entry.ttl_seconds);
    }
    return out;
  };
  // Kinds: 2 answer, 4 NXDOMAIN, 5 delegation, 6 failure.
  EXPECT_EQ(listed("EXAMPLE.org", Below::left_out), "example.org 5 90, example.org 2 290");
  EXPECT_EQ(listed("www.example.org", Below::included), "www.example.org 2 290, a.b.www.example.org 2 290");
  EXPECT_EQ(listed("nothing.example.org", Below::included), "");
  EXPECT_EQ(listed("none.example.org", Below::left_out), "none.example.org 4 50");
  EXPECT_EQ(cache.list(name("."), Below::included, kStart, 3).size(), 3U);
  const auto failed = cache.list(name("bad.example.org"), Below::left_out, kStart, 9).at(0);
  EXPECT_EQ(failed.ede, EdeCode::bogus);
  EXPECT_EQ(failed.text, "why");
  EXPECT_EQ(failed.type, RecordType::mx);
  EXPECT_EQ(cache.list(name("example.org"), Below::left_out, kStart, 9).at(0).servers.at(0).addresses.size(), 1U);

  EXPECT_EQ(cache.erase_subtree(name("WWW.example.org")), 2U);
  EXPECT_EQ(listed("www.example.org", Below::included), "");
  cache.erase_subtree(name("example.org"));
  EXPECT_EQ(listed(".", Below::included), ". 2 290, org 2 290, notexample.org 2 290");
  cache.erase_subtree(Name());
  EXPECT_EQ(cache.entries(), 0U);
}

}  // namespace
}  // namespace weir::rrset_cache_test
