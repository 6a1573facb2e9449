#include "resolver/dnssec/denial_cache.h"

#include "resolver/dnssec/denial.h"
#include "tests/resolver/dnssec/signed_zone.h"

namespace weir::denial_cache_test {
namespace {

using std::chrono::seconds;
using Kind = DenialCache::Synthesised::Kind;

const char* const kZone =
    "example. 300 SOA ns. h. 1 2 3 4 300\n"
    "secure.example. 3600 NS ns.secure.example.\n"
    "secure.example. 3600 DS 1 13 2 00\n"
    "insecure.example. 3600 NS ns.insecure.example.\n"
    "www.example. 3600 A 192.0.2.1\n"
    "alias.example. 3600 CNAME www.example.\n"
    "x.ent.example. 3600 A 192.0.2.1\n"
    "*.wild.example. 3600 A 192.0.2.1\n"
    "there.wild.example. 3600 TXT here\n"
    "tree.example. 3600 DNAME www.example.\n";

std::string text_of(const std::optional<DenialCache::Synthesised>& found) {
  if (!found) return "-";
  return found->kind == Kind::nodata ? "NODATA" : found->kind == Kind::nxdomain ? "NXDOMAIN" : "wildcard";
}

class DenialCacheTest : public ::testing::Test {
 protected:
  void learn(const SignedZone& zone, const std::vector<SignedRrset>& records, bool with_soa = true) {
    std::optional<SignedRrset> soa;
    if (with_soa) soa = zone.get(zone.apex().to_text(), RecordType::soa);
    cache_.put(zone.apex(), records, soa, now_);
  }
  void learn(const SignedZone& zone, const std::string& owner) { learn(zone, zone.proofs(name(owner))); }
  // The whole chain.
  static std::vector<SignedRrset> chain(const SignedZone& zone) {
    std::vector<SignedRrset> out;
    std::vector<Rrset> all = zone.all();
    for (const Rrset& rrset : all) {
      if (rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3)
        out.push_back(*zone.find(rrset.owner, rrset.type));
    }
    return out;
  }
  std::optional<DenialCache::Synthesised> find(const std::string& owner, RecordType type = RecordType::a) {
    Budget budget{SteadyTime{}};
    return cache_.find(name(owner), type, now_, budget);
  }
  std::string found(const std::string& owner, RecordType type = RecordType::a) { return text_of(find(owner, type)); }

  DenialCache cache_;
  SteadyTime now_{};
};

struct FindRow {
  const char* name;
  RecordType type;
  const char* found;
  const char* with_opt_out;
};

// With all of a zone's chain known, every name gets what the zone itself would say of it, or nothing.
TEST_F(DenialCacheTest, SaysWhatTheZoneWouldSay) {
  using enum RecordType;
  const FindRow rows[] = {
      {"none.example", a, "NXDOMAIN", "-"},
      {"NONE.Example", a, "NXDOMAIN", "-"},
      {"a.b.c.none.example", mx, "NXDOMAIN", "-"},
      {"zzz.example", a, "NXDOMAIN", "-"},
      {"0.example", a, "NXDOMAIN", "-"},
      {"below.www.example", a, "NXDOMAIN", "-"},
      {"y.ent.example", a, "NXDOMAIN", "-"},
      {"www.example", mx, "NODATA", "NODATA"},
      {"www.example", ds, "NODATA", "NODATA"},
      {"example", mx, "NODATA", "NODATA"},
      {"ent.example", a, "NODATA", "NODATA"},
      {"wild.example", a, "NODATA", "NODATA"},
      {"there.wild.example", a, "NODATA", "NODATA"},
      {"q.wild.example", mx, "NODATA", "-"},
      {"q.wild.example", a, "wildcard", "-"},
      {"r.q.wild.example", a, "wildcard", "-"},
      {"x.there.wild.example", a, "NXDOMAIN", "-"},
      {"tree.example", a, "NODATA", "NODATA"},
      // What is there is not denied.
      {"www.example", a, "-", "-"},
      {"alias.example", a, "-", "-"},
      {"there.wild.example", txt, "-", "-"},
      {"example", soa, "-", "-"},
      {"*.wild.example", a, "-", "-"},
      // A DNAME answers for what is below it.
      {"x.tree.example", a, "-", "-"},
      // The parent's side of a cut says nothing of the child, but whether there is a DS.
      {"secure.example", a, "-", "-"},
      {"secure.example", ds, "-", "-"},
      {"secure.example", ns, "-", "-"},
      {"www.secure.example", a, "-", "-"},
      {"insecure.example", a, "-", "-"},
      {"insecure.example", ds, "NODATA", "-"},
      {"a.b.insecure.example", a, "-", "-"},
      {"a.insecure.example", ds, "-", "-"},
      // Other zones.
      {"org", a, "-", "-"},
      {"example.org", a, "-", "-"},
  };
  for (const DenialBy denial : {DenialBy::nsec, DenialBy::nsec3, DenialBy::nsec3_opt_out}) {
    cache_.clear();
    const SignedZone zone("example", kZone, {.denial = denial, .salt = "aabb", .iterations = 1});
    learn(zone, chain(zone));
    for (const FindRow& row : rows) {
      SCOPED_TRACE(std::string(row.name) + "/" + to_text(row.type) + ", denial " +
                   std::to_string(static_cast<int>(denial)));
      const bool opt_out = denial == DenialBy::nsec3_opt_out;
      EXPECT_EQ(found(row.name, row.type), opt_out ? row.with_opt_out : row.found);
    }
  }
}

// The proof goes downstream: SOA first, each RRset with its RRSIGs, and it proves what is claimed.
TEST_F(DenialCacheTest, TheAnswerHoldsItsProof) {
  for (const DenialBy denial : {DenialBy::nsec, DenialBy::nsec3}) {
    cache_.clear();
    const SignedZone zone("example", kZone, {.denial = denial});
    learn(zone, chain(zone));
    const auto nxdomain = find("none.example");
    ASSERT_TRUE(nxdomain);
    EXPECT_EQ(nxdomain->zone, name("example"));
    EXPECT_EQ(nxdomain->ttl_seconds, 300U);
    ASSERT_GE(nxdomain->authority.size(), 4U);
    EXPECT_EQ(nxdomain->authority[0].type, RecordType::soa);
    EXPECT_EQ(nxdomain->authority[1].type_covered, RecordType::soa);
    Budget budget{SteadyTime{}};
    Denial proof(zone.apex(), budget);
    for (std::size_t i = 0; i < nxdomain->authority.size(); i += 2) {
      EXPECT_EQ(nxdomain->authority[i + 1].type, RecordType::rrsig);
      EXPECT_EQ(nxdomain->authority[i + 1].type_covered, nxdomain->authority[i].type);
      EXPECT_EQ(nxdomain->authority[i + 1].owner, nxdomain->authority[i].owner);
      proof.add(nxdomain->authority[i]);
    }
    EXPECT_EQ(proof.name_error(name("none.example")), Proof::proven);
    const auto wildcard = find("q.wild.example");
    ASSERT_TRUE(wildcard);
    EXPECT_EQ(wildcard->wildcard, name("*.wild.example"));
    for (const Rrset& rrset : wildcard->authority) EXPECT_NE(rrset.type, RecordType::soa);
  }
}

// Of one denial that was asked for: the names beside it, and no others.
TEST_F(DenialCacheTest, OneProofAnswersForTheNamesItCovers) {
  const SignedZone zone("example", kZone);
  EXPECT_EQ(found("none.example"), "-");
  learn(zone, "none.example");  // covered from insecure to secure; *.example from the apex to alias
  EXPECT_EQ(cache_.size(), 2U);
  EXPECT_EQ(found("none.example"), "NXDOMAIN");
  EXPECT_EQ(found("other.example"), "NXDOMAIN");
  EXPECT_EQ(found("a.other.example", RecordType::mx), "NXDOMAIN");
  EXPECT_EQ(found("zzz.example"), "-") << "nobody asked there yet";
  EXPECT_EQ(found("bbb.example"), "-");
  learn(zone, "www.example");
  EXPECT_EQ(found("www.example", RecordType::aaaa), "NODATA");
  EXPECT_EQ(found("zzz.example"), "NXDOMAIN");
  learn(zone, "www.example");
  EXPECT_EQ(cache_.size(), 3U) << "known already";
}

// A wildcard's answer comes with the NSEC3 around the next closer name alone (RFC 5155 section 8.8): that there is a
// wildcard proves its encloser, so that names in the same span need no question (RFC 8198 section 5.3).
TEST_F(DenialCacheTest, AKnownWildcardProvesItsEncloser) {
  for (const DenialBy denial : {DenialBy::nsec3, DenialBy::nsec3_opt_out}) {
    cache_.clear();
    const SignedZone zone("example", kZone, {.denial = denial});
    // A name whose span is not the encloser's own.
    std::vector<SignedRrset> next_closer;
    std::string owner;
    for (int i = 0; next_closer.empty() && i < 50; ++i) {
      owner = "q" + std::to_string(i) + ".wild.example";
      for (const SignedRrset& record : zone.proofs(name(owner))) {
        Budget budget{SteadyTime{}};
        Denial alone(zone.apex(), budget);
        alone.add(record.rrset);
        const bool covers = is_proven(alone.wildcard_answer(name(owner), name("wild.example")));
        if (covers && !is_proven(alone.no_data(name("wild.example"), RecordType::a))) next_closer = {record};
      }
    }
    ASSERT_EQ(next_closer.size(), 1U);
    cache_.put(zone.apex(), next_closer, std::nullopt, now_);
    EXPECT_EQ(found(owner), "-") << "nobody said that there is a wildcard";
    cache_.put(zone.apex(), next_closer, std::nullopt, now_, name("*.wild.example"));
    EXPECT_EQ(found(owner), denial == DenialBy::nsec3 ? "wildcard" : "-");
    EXPECT_EQ(found("deep.er." + owner), denial == DenialBy::nsec3 ? "wildcard" : "-");
    EXPECT_EQ(found("wild.example"), "-");
    EXPECT_EQ(found("q.example"), "-") << "not below that wildcard";
  }
}

TEST_F(DenialCacheTest, ADenialNeedsTheSoaAndAWildcardDoesNot) {
  const SignedZone zone("example", kZone);
  learn(zone, chain(zone), false);
  EXPECT_EQ(found("none.example"), "-");
  EXPECT_EQ(found("www.example", RecordType::mx), "-");
  EXPECT_EQ(found("q.wild.example"), "wildcard");
  learn(zone, std::vector<SignedRrset>());
  EXPECT_EQ(found("none.example"), "NXDOMAIN") << "a SOA that came later";
}

TEST_F(DenialCacheTest, RecordsAgeAndExpire) {
  const SignedZone zone("example", kZone);
  std::vector<SignedRrset> records = zone.proofs(name("none.example"));
  records[0].rrset.ttl_seconds = 100;
  learn(zone, records);
  EXPECT_EQ(find("none.example")->ttl_seconds, 100U);
  now_ += seconds(60);
  const auto aged = find("none.example");
  ASSERT_TRUE(aged);
  EXPECT_EQ(aged->ttl_seconds, 40U);
  for (const Rrset& rrset : aged->authority) EXPECT_LE(rrset.ttl_seconds, 40U);
  now_ += seconds(40);
  EXPECT_EQ(found("none.example"), "-");
  learn(zone, "none.example");
  EXPECT_EQ(find("none.example")->ttl_seconds, 300U) << "they came anew";
  // The SOA ends before the rest.
  SignedRrset soa = zone.get("example", RecordType::soa);
  soa.rrset.ttl_seconds = 10;
  cache_.put(zone.apex(), {}, soa, now_);
  EXPECT_EQ(find("none.example")->ttl_seconds, 10U);
  now_ += seconds(10);
  EXPECT_EQ(found("none.example"), "-");
}

TEST_F(DenialCacheTest, HashedRecordsExpireBeforeTheirSoa) {
  const SignedZone zone("example", kZone, {.denial = DenialBy::nsec3});
  std::vector<SignedRrset> records = chain(zone);
  for (SignedRrset& record : records) record.rrset.ttl_seconds = 100;
  learn(zone, records);
  now_ += seconds(99);
  EXPECT_EQ(found("none.example"), "NXDOMAIN");
  now_ += seconds(1);
  EXPECT_EQ(found("none.example"), "-");
  EXPECT_EQ(found("www.example", RecordType::mx), "-");
}

TEST_F(DenialCacheTest, NoDenialLivesLongerThanItsLimit) {
  const SignedZone zone("example", "example. 999999 SOA ns. h. 1 2 3 4 999999\n");
  learn(zone, chain(zone));
  EXPECT_EQ(find("none.example")->ttl_seconds, limit_of(Limit::negative_ttl_s));
  now_ += seconds(limit_of(Limit::negative_ttl_s));
  EXPECT_EQ(found("none.example"), "-");
}

TEST_F(DenialCacheTest, EachZoneSpeaksForItself) {
  const SignedZone parent("example", kZone);
  const SignedZone child("secure.example", "secure.example. 300 SOA ns. h. 1 2 3 4 300\n");
  learn(child, chain(child));
  EXPECT_EQ(found("none.secure.example"), "NXDOMAIN");
  EXPECT_EQ(found("secure.example", RecordType::mx), "NODATA");
  EXPECT_EQ(found("secure.example", RecordType::ds), "-") << "a zone does not deny its own DS";
  EXPECT_EQ(found("none.example"), "-");
  learn(parent, chain(parent));
  EXPECT_EQ(find("none.secure.example")->zone, name("secure.example"));
  EXPECT_EQ(find("none.example")->zone, name("example"));
  EXPECT_EQ(found("secure.example", RecordType::ds), "-") << "there is one";
  const SignedZone island("insecure.example", "insecure.example. 300 SOA ns. h. 1 2 3 4 300\n");
  learn(island, chain(island));
  EXPECT_EQ(found("insecure.example", RecordType::ds), "NODATA");
  EXPECT_EQ(find("insecure.example", RecordType::ds)->zone, name("example")) << "the parent's word";
}

TEST_F(DenialCacheTest, ANewSaltReplacesTheOldChain) {
  const SignedZone old("example", kZone, {.denial = DenialBy::nsec3, .salt = "aa"});
  learn(old, chain(old));
  const std::size_t whole = cache_.size();
  EXPECT_EQ(found("none.example"), "NXDOMAIN");
  for (const Signing& signing : {Signing{.denial = DenialBy::nsec3, .salt = "bb"},
                                 Signing{.denial = DenialBy::nsec3, .salt = "bb", .iterations = 1}}) {
    const SignedZone anew("example", kZone, signing);
    learn(anew, anew.proofs(name("www.example")));
    EXPECT_EQ(cache_.size(), 1U);
    EXPECT_EQ(found("none.example"), "-");
    EXPECT_EQ(found("www.example", RecordType::mx), "NODATA");
    learn(anew, chain(anew));
    EXPECT_EQ(cache_.size(), whole);
    EXPECT_EQ(found("none.example"), "NXDOMAIN");
  }
}

// How many are too many those say who checked the records: TrustRules::max_nsec3_iterations.
TEST_F(DenialCacheTest, IterationsThatWereAcceptedAreHashed) {
  const SignedZone zone("example", kZone, {.denial = DenialBy::nsec3, .iterations = kMaxNsec3Iterations + 1});
  learn(zone, chain(zone));
  EXPECT_EQ(found("none.example"), "NXDOMAIN");
}

// CVE-2023-50868: whoever asks for long names pays for their hashes, and what he needs later is left to him.
TEST_F(DenialCacheTest, HashesArePaidFor) {
  const SignedZone zone("example", kZone, {.denial = DenialBy::nsec3});
  learn(zone, chain(zone));
  Budget budget{SteadyTime{}};
  EXPECT_EQ(text_of(cache_.find(name("none.example"), RecordType::a, now_, budget)), "NXDOMAIN");
  EXPECT_GE(budget.spent(Limit::nsec3_hashes), 3U);
  EXPECT_LE(budget.spent(Limit::nsec3_hashes), 6U);
  std::string deep = "none.example";
  for (int i = 0; i < 100; ++i) deep.insert(0, "a.");
  Budget of_deep{SteadyTime{}};
  EXPECT_EQ(text_of(cache_.find(name(deep), RecordType::a, now_, of_deep)), "-");
  EXPECT_GE(of_deep.left(Limit::nsec3_hashes), 90U);
  EXPECT_FALSE(of_deep.reached());
  Budget little{SteadyTime{}};
  little.charge(Limit::nsec3_hashes, limit_of(Limit::nsec3_hashes) - 50);
  EXPECT_EQ(text_of(cache_.find(name("none.example"), RecordType::a, now_, little)), "-");
  EXPECT_EQ(little.left(Limit::nsec3_hashes), 50U);
}

TEST_F(DenialCacheTest, ErasesOneZoneOrAll) {
  const SignedZone one("one", "one. 300 SOA ns. h. 1 2 3 4 300\n");
  const SignedZone two("two", "two. 300 SOA ns. h. 1 2 3 4 300\n");
  learn(one, chain(one));
  learn(two, chain(two));
  EXPECT_EQ(cache_.size(), 2U);
  cache_.erase(name("ONE"));
  cache_.erase(name("three"));  // was never there
  EXPECT_EQ(cache_.size(), 1U);
  EXPECT_EQ(found("none.one"), "-");
  EXPECT_EQ(found("none.two"), "NXDOMAIN");
  learn(one, chain(one));
  EXPECT_EQ(found("none.one"), "NXDOMAIN");
  cache_.clear();
  EXPECT_EQ(cache_.size(), 0U);
  EXPECT_EQ(found("none.two"), "-");
}

// An NSEC of any zone, so that a test need not sign: nothing here looks at signatures.
SignedRrset nsec(const std::string& owner, const std::string& next, unsigned ttl = 300) {
  return {rrset_of(owner + ". " + std::to_string(ttl) + " NSEC " + next + ". A"), {}};
}

TEST_F(DenialCacheTest, IsBoundedAndTheZoneUsedLeastRecentlyGoesFirst) {
  DenialCache cache(1600);  // 100 a shard
  Budget budget{SteadyTime{}};
  const SignedRrset soa{rrset_of("used. 300 SOA ns. h. 1 2 3 4 300"), {}};
  cache.put(name("used"), {nsec("used", "used")}, soa, now_);
  for (int zone = 0; zone < 600; ++zone) {
    const std::string apex = "z" + std::to_string(zone);
    for (int i = 0; i < 10; ++i) {
      const std::string owner = std::string(1, static_cast<char>('a' + i)) + "." + apex;
      cache.put(name(apex), {nsec(owner, "x." + owner)}, std::nullopt, now_);
    }
    EXPECT_LE(cache.size(), 1600U);
    EXPECT_EQ(text_of(cache.find(name("none.used"), RecordType::a, now_, budget)), "NXDOMAIN") << "after " << zone;
  }
  EXPECT_GE(cache.size(), 1200U);
  // One zone alone may not fill it either.
  for (int i = 0; i < 500; ++i) {
    const std::string owner = "n" + std::to_string(i) + ".big";
    cache.put(name("big"), {nsec(owner, "x." + owner)}, std::nullopt, now_);
  }
  EXPECT_LE(cache.size(), 1600U);
}

// They are counted in records: zones without any would pile up, and stand before what their parents know.
TEST_F(DenialCacheTest, AZoneWithoutRecordsIsNotKept) {
  const SignedZone zone("example", kZone);
  learn(zone, chain(zone));
  EXPECT_EQ(found("x.none.example"), "NXDOMAIN");
  cache_.put(name("none.example"), {nsec("none.example", "none.example", 0)},
             SignedRrset{rrset_of("none.example. 0 SOA ns. h. 1 2 3 4 0"), {}}, now_);
  EXPECT_EQ(found("x.none.example"), "NXDOMAIN");
}

}  // namespace
}  // namespace weir::denial_cache_test
