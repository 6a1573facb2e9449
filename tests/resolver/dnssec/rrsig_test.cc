#include "resolver/dnssec/rrsig.h"

#include "tests/resolver/dnssec/records.h"

namespace weir::rrsig_test {
namespace {

const char* const kText =
    "www.Example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 Example.net. qx6wLYqmh+l9oCKTN6qIc+"
    "bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==";

TEST(Rrsig, IsReadFieldByField) {
  const Octets rdata = rdata_of(kText);
  const auto rrsig = parse_rrsig(rdata);
  ASSERT_TRUE(rrsig);
  EXPECT_EQ(rrsig->type_covered, RecordType::a);
  EXPECT_EQ(rrsig->algorithm, DnssecAlgorithm::ecdsap256sha256);
  EXPECT_EQ(rrsig->labels, 3);
  EXPECT_EQ(rrsig->original_ttl_seconds, 3600U);
  EXPECT_EQ(rrsig->expiration, 1284026679U);
  EXPECT_EQ(rrsig->inception, 1281607479U);
  EXPECT_EQ(rrsig->key_tag, 55648);
  EXPECT_EQ(rrsig->signer, name("example.net"));
  EXPECT_EQ(rrsig->signature.size(), 64U);
  EXPECT_EQ(rrsig->signature.data() + 64, rdata.data() + rdata.size());
}

TEST(Rrsig, CutOffIsNothing) {
  const Octets rdata = rdata_of(kText);
  for (std::size_t size = 0; size < rdata.size() - 64; ++size) {
    EXPECT_FALSE(parse_rrsig(std::span(rdata).first(size))) << size;
  }
  Octets pointer(18, 0);
  pointer.insert(pointer.end(), {0xC0, 0x04, 1, 2, 3, 4});  // a signer that points into the record
  EXPECT_FALSE(parse_rrsig(pointer));
}

// It says who should have signed, and is no good: what it covers is not unsigned.
TEST(Rrsig, AnEmptySignatureIsStillOne) {
  const Octets rdata = rdata_of(kText);
  const auto rrsig = parse_rrsig(std::span(rdata).first(rdata.size() - 64));
  ASSERT_TRUE(rrsig);
  EXPECT_EQ(rrsig->signer, name("example.net"));
  EXPECT_TRUE(rrsig->signature.empty());
}

TEST(Rrsig, TimesAreSerialNumbers) {
  constexpr std::int64_t kWrap = std::int64_t{1} << 32;
  struct Row {
    const char* what;
    std::uint32_t inception;
    std::uint32_t expiration;
    std::int64_t now;
    int skew;
    SignatureTime time;
    std::uint32_t left;
  };
  const Row rows[] = {
      {"the first second", 1000, 2000, 1000, 0, SignatureTime::valid, 1000},
      {"the last second", 1000, 2000, 2000, 0, SignatureTime::valid, 0},
      {"a second too early", 1000, 2000, 999, 0, SignatureTime::not_yet_valid, 1001},
      {"a second too late", 1000, 2000, 2001, 0, SignatureTime::expired, 0},
      {"too early, but within the skew", 1000, 2000, 990, 10, SignatureTime::valid, 1010},
      {"too late, but within the skew", 1000, 2000, 2010, 10, SignatureTime::valid, 0},
      {"more than the skew too late", 1000, 2000, 2011, 10, SignatureTime::expired, 0},
      {"ends before it begins", 2000, 1000, 1500, 0, SignatureTime::expired, 0},
      {"over the wrap of 2106", 0xFFFFFF00, 0x100, kWrap - 1, 0, SignatureTime::valid, 0x101},
      {"after the wrap", 0xFFFFFF00, 0x100, kWrap + 0x100, 0, SignatureTime::valid, 0},
      {"after the wrap, too late", 0xFFFFFF00, 0x100, kWrap + 0x101, 0, SignatureTime::expired, 0},
      {"before the wrap, too early", 0xFFFFFF00, 0x100, kWrap - 0x101, 0, SignatureTime::not_yet_valid, 0x201},
      {"of the epoch after next", 1000, 2000, kWrap + 1500, 0, SignatureTime::valid, 500},
      {"half the circle apart: undefined, so invalid", 0, 0x80000000, 10, 0, SignatureTime::expired, 0x7FFFFFF6},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Rrsig rrsig;
    rrsig.inception = row.inception;
    rrsig.expiration = row.expiration;
    const WallTime now = seconds_since_1970(row.now);
    EXPECT_EQ(time_of(rrsig, now, std::chrono::seconds(row.skew)), row.time);
    EXPECT_EQ(seconds_left(rrsig, now), row.left);
    EXPECT_EQ(time_of(rrsig, now + std::chrono::milliseconds(999), std::chrono::seconds(row.skew)), row.time);
  }
}

Octets record(const Octets& owner, std::uint8_t type, const Octets& rdata) {
  Octets out = owner;
  out.insert(out.end(), {0, type, 0, 1, 0, 0, 0x0E, 0x10, 0, static_cast<std::uint8_t>(rdata.size())});
  out.insert(out.end(), rdata.begin(), rdata.end());
  return out;
}

Octets join(const std::vector<Octets>& parts) {
  Octets out;
  for (const Octets& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(SignedData, IsTheCanonicalForm) {
  Octets rrsig_rdata = rdata_of(kText);
  const Octets prefix = join({Octets(rrsig_rdata.begin(), rrsig_rdata.begin() + 18),
                              {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'n', 'e', 't', 0}});
  const Octets www{3, 'w', 'w', 'w', 1, 'x', 0};
  const Octets star_x{1, '*', 1, 'x', 0};

  // Order, duplicates, the original TTL in the place of what is left of it, the owner's case.
  Rrset addresses = rrset_of("WWW.X. 17 A 192.0.2.20\nWWW.X. 17 A 192.0.2.3\n");
  const Octets twice{0, 4, 192, 0, 2, 3, 0, 4, 192, 0, 2, 20, 0, 4, 192, 0, 2, 3};
  addresses.set_packed(twice, 3);
  auto rrsig = *parse_rrsig(rrsig_rdata);
  rrsig.labels = 2;
  EXPECT_EQ(signed_data(addresses, rrsig),
            join({prefix, record(www, 1, {192, 0, 2, 3}), record(www, 1, {192, 0, 2, 20})}));

  // Fewer labels: the wildcard that it was expanded from; its own owner stays as it is.
  rrsig.labels = 1;
  EXPECT_EQ(signed_data(rrset_of("a.b.WWW.X. A 192.0.2.3"), rrsig), join({prefix, record(star_x, 1, {192, 0, 2, 3})}));
  EXPECT_EQ(signed_data(rrset_of("*.X. A 192.0.2.3"), rrsig), join({prefix, record(star_x, 1, {192, 0, 2, 3})}));
  rrsig.labels = 0;
  EXPECT_EQ(signed_data(rrset_of("X. A 192.0.2.3"), rrsig), join({prefix, record({1, '*', 0}, 1, {192, 0, 2, 3})}));

  // Names in RDATA are folded before the records are sorted and compared: those two are one.
  rrsig.labels = 2;
  EXPECT_EQ(signed_data(rrset_of("www.x. MX 1 B.\nwww.x. MX 1 a.\nwww.x. MX 1 A.\n"), rrsig),
            join({prefix, record(www, 15, {0, 1, 1, 'a', 0}), record(www, 15, {0, 1, 1, 'b', 0})}));
  // ... but not in NSEC (RFC 6840 section 5.1).
  EXPECT_EQ(signed_data(rrset_of("www.x. NSEC B.x. A"), rrsig),
            join({prefix, record(www, 47, {1, 'B', 1, 'x', 0, 0, 1, 0x40})}));
  // A shorter record that begins as a longer one does comes first (RFC 4034 section 6.3).
  EXPECT_EQ(signed_data(rrset_of("www.x. TYPE65280 \\# 2 0100\nwww.x. TYPE65280 \\# 1 01\n"), rrsig).size(),
            prefix.size() + 2 * (www.size() + 10) + 3);
}

}  // namespace
}  // namespace weir::rrsig_test
