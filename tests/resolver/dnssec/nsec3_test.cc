#include "resolver/dnssec/nsec3.h"

#include "tests/resolver/dnssec/records.h"

namespace weir::nsec3_test {
namespace {

std::string base32hex(const Nsec3Hash& hash) {
  std::string out;
  for (unsigned i = 0; i < 32; ++i) {
    unsigned value = 0;
    for (unsigned bit = i * 5; bit < i * 5 + 5; ++bit) value = value << 1 | (hash[bit / 8] >> (7 - bit % 8) & 1U);
    out += "0123456789abcdefghijklmnopqrstuv"[value];
  }
  return out;
}

TEST(Nsec3Hash, IsThatOfRfc5155AppendixA) {
  const Octets salt{0xAA, 0xBB, 0xCC, 0xDD};
  const std::pair<const char*, const char*> rows[] = {
      {"example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
      {"a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
      {"ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"},
      {"ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
      {"ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r"},
      {"w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h"},
      {"*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
      {"x.w.example", "b4um86eghhds6nea196smvmlo4ors995"},
      {"y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc"},
      {"x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s"},
      {"XX.Example", "t644ebqk9bibcna874givr6joj62mlhv"},
      {"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"},
  };
  for (const auto& [text, hash] : rows) EXPECT_EQ(base32hex(nsec3_hash(name(text), 12, salt)), hash) << text;
}

const char* const kRecord =
    "0P9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA";

TEST(Nsec3, IsReadFieldByField) {
  const Rrset rrset = rrset_of(kRecord);
  const auto nsec3 = parse_nsec3(rrset.owner, *rrset.records().begin(), name("example"));
  ASSERT_TRUE(nsec3);
  EXPECT_EQ(base32hex(nsec3->owner), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
  EXPECT_EQ(base32hex(nsec3->next), "2t7b4g4vsa5smi47k61mv5bv1a22bojr");
  EXPECT_TRUE(nsec3->opt_out);
  EXPECT_EQ(nsec3->iterations, 12);
  EXPECT_EQ(nsec3->salt.size(), 4U);
  EXPECT_TRUE(nsec3->types.has(RecordType::soa));
  EXPECT_FALSE(nsec3->types.has(RecordType::a));
}

TEST(Nsec3, OfAnotherKindIsNothing) {
  const Octets good = rdata_of(kRecord);
  const Name owner = name("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example");
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Octets rdata = good;
    rdata[at] = value;
    return rdata;
  };
  struct Row {
    const char* what;
    Name owner;
    Octets rdata;
    Name zone;
    bool ok;
  };
  const Row rows[] = {
      {"good", owner, good, name("example"), true},
      {"hash algorithm 2", owner, changed(0, 2), name("example"), false},
      {"flag 2", owner, changed(1, 2), name("example"), false},
      {"flags 3", owner, changed(1, 3), name("example"), false},
      {"no flags", owner, changed(1, 0), name("example"), true},
      {"salt past the end", owner, changed(4, 200), name("example"), false},
      {"a hash of 19 octets", owner, changed(9, 19), name("example"), false},
      {"owner two labels below the signer (CVE-2026-52688)", owner, good, Name(), false},
      {"owner not below the signer", owner, good, name("other"), false},
      {"the signer itself", name("example"), good, name("example"), false},
      {"a label that is no hash", name("www.example"), good, name("example"), false},
      {"a letter past v", name("wp9mhaveqvm6t7vbl5lop2u3t2rp3tom.example"), good, name("example"), false},
      {"a label of 33", name("00p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example"), good, name("example"), false},
      {"the root zone's", name("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"), good, Name(), true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(parse_nsec3(row.owner, row.rdata, row.zone).has_value(), row.ok);
  }
  const std::size_t without_types = 1 + 1 + 2 + 1 + 4 + 1 + 20;
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(parse_nsec3(owner, std::span(good).first(size), name("example")).has_value(), size == without_types)
        << size;
  }
}

TEST(Nsec3, CoversBetweenItsHashes) {
  const auto hash = [](std::uint8_t first) {
    Nsec3Hash out{};
    out[0] = first;
    return out;
  };
  struct Row {
    std::uint8_t owner, next, covered;
    bool covers;
  };
  const Row rows[] = {
      {10, 20, 15, true},  {10, 20, 10, false}, {10, 20, 20, false}, {10, 20, 9, false},  {10, 20, 21, false},
      {20, 10, 25, true},  {20, 10, 5, true},   {20, 10, 15, false}, {20, 10, 20, false}, {20, 10, 10, false},
      {10, 10, 10, false}, {10, 10, 11, true},  {10, 10, 9, true},
  };
  for (const Row& row : rows) {
    Nsec3 nsec3;
    nsec3.owner = hash(row.owner);
    nsec3.next = hash(row.next);
    EXPECT_EQ(nsec3.covers(hash(row.covered)), row.covers)
        << int{row.owner} << ' ' << int{row.next} << ' ' << int{row.covered};
  }
}

TEST(Nsec3Hasher, PaysOnceForEachName) {
  Budget budget{SteadyTime{}};
  const Octets salt(8, 1);
  Nsec3Hasher hasher(1, salt, budget);
  EXPECT_EQ(hasher.hash(name("a.example")), nsec3_hash(name("a.example"), 1, salt));
  EXPECT_EQ(hasher.hash(name("A.example")), nsec3_hash(name("a.example"), 1, salt));
  EXPECT_EQ(budget.spent(Limit::nsec3_hashes), 1U);
  for (std::uint64_t i = 1; i < limit_of(Limit::nsec3_hashes); ++i) {
    EXPECT_TRUE(hasher.hash(name("x" + std::to_string(i))));
  }
  EXPECT_FALSE(hasher.hash(name("one.more")));
  EXPECT_EQ(budget.reached(), Limit::nsec3_hashes);
  EXPECT_TRUE(hasher.hash(name("a.example"))) << "what is known costs nothing";
}

TEST(Nsec3Hasher, LongSaltsCostMore) {
  const std::pair<std::size_t, unsigned> rows[] = {{0, 1}, {8, 1}, {35, 1}, {36, 2}, {99, 2}, {100, 3}, {255, 5}};
  for (const auto& [size, cost] : rows) EXPECT_EQ(nsec3_hash_cost(Octets(size)), cost) << size;
  Budget budget{SteadyTime{}};
  const Octets salt(255, 1);
  Nsec3Hasher hasher(1, salt, budget);
  EXPECT_TRUE(hasher.hash(name("a")));
  EXPECT_EQ(budget.spent(Limit::nsec3_hashes), 5U);
}

}  // namespace
}  // namespace weir::nsec3_test
