#include "resolver/dnssec/trust_anchors.h"

#include "tests/resolver/dnssec/records.h"

namespace weir::trust_anchors_test {
namespace {

TEST(TrustAnchors, TheRootIsBuiltIn) {
  const TrustAnchors root = TrustAnchors::built_in_root();
  ASSERT_EQ(root.all().size(), 1U);
  const Rrset published = rrset_of(
      ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
      ". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n");
  EXPECT_TRUE(std::ranges::equal(root.all()[0].ds.packed(), published.packed()));
  EXPECT_TRUE(root.all()[0].dnskeys.empty());
  EXPECT_EQ(root.closest(name("www.example.org")), &root.all()[0]);
  EXPECT_EQ(TrustAnchors().closest(name("www.example.org")), nullptr);
}

TEST(TrustAnchors, TheBuiltInDsIsThatOfKsk2017) {
  const Rrset dnskey = rrset_of(
      ". DNSKEY 257 3 8 "
      "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh"
      "4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/"
      "b58Da+sqq"
      "ls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/"
      "ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8s"
      "ubX2Nn6UwNR1AkUTV74bU=");
  const TrustAnchors root = TrustAnchors::built_in_root();
  const auto ds = parse_ds(*root.all()[0].ds.records().begin());
  EXPECT_TRUE(matches(*ds, Name(), *dnskey.records().begin()));
}

const char* const kKey =
    "256 3 7 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LUsAD0QPWU+wzt89epO6tHzkMBVDkC7qphQO2hTY4hHn9npWFRw5B";

TEST(TrustAnchors, AreReadFromZoneFileLines) {
  const std::string text = std::string("; islands of trust\n\nexample. 3600 IN DNSKEY ") + kKey +
                           "YubE=\n"
                           "example. DNSKEY 257 3 7 ( AwEAAcUlFV1vhmqx6NSOUOq2R/dsR7Xm3upJ ; the other\n"
                           "   j7IommWSpJABVfW8Q0rOvXdM6kzt+TAu92L9AbsUdblMFin8CVF3n4s= )\n"
                           "sub.Example. IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118";
  const auto anchors = TrustAnchors::parse(text, "anchors");
  ASSERT_TRUE(anchors) << anchors.error().message;
  ASSERT_EQ(anchors->all().size(), 2U);
  EXPECT_EQ(anchors->all()[0].dnskeys.size(), 2U);
  EXPECT_EQ(anchors->all()[1].ds.size(), 1U);
  EXPECT_EQ(anchors->closest(name("example"))->zone, name("example"));
  EXPECT_EQ(anchors->closest(name("www.example"))->zone, name("example"));
  EXPECT_EQ(anchors->closest(name("www.sub.example"))->zone, name("sub.example"));
  EXPECT_EQ(anchors->closest(name("xsub.example"))->zone, name("example"));
  EXPECT_EQ(anchors->closest(name("org")), nullptr);
  EXPECT_EQ(anchors->closest(Name()), nullptr);
}

TEST(TrustAnchors, ErrorsSayWhere) {
  const std::string good = ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
  const std::tuple<const char*, std::string, const char*> rows[] = {
      {"nothing", "", "anchors:1:1: no trust anchor"},
      {"only a comment", "; nothing\n", "no trust anchor"},
      {"no record", good + "gibberish\n", "anchors:2:1: "},
      {"another type", good + good + "example. A 192.0.2.1\n", "anchors:3:1: a trust anchor is a DS or DNSKEY"},
      {"another class", "example. CH DS 1 8 2 00\n", "anchors:1:1: a trust anchor is of class IN"},
      {"no zone key", "example. DNSKEY 0 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n", "no zone key"},
      {"protocol", "example. DNSKEY 256 4 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n", "no zone key"},
      {"revoked", "example. DNSKEY 385 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n", "revoked"},
      {"cut off", "example. DS 20326 8\n", "anchors:1:1: "},
      {"behind comments and white space", good + "; a comment\n\n  ; more\nexample. DS ( 20326\n  8 2 00 )\n",
       "anchors:5:1: the digest"},
      {"after an indentation", good + "   \t300 A 192.0.2.1\n", "anchors:2:5: a trust anchor is a DS"},
      {"a digest that is too short", "example. IN DS 20326 8 2 E06D\n",
       "anchors:1:1: the digest is not as long as its type says"},
      {"an unknown digest type", "example. IN DS 20326 8 99 abcd\n",
       "anchors:1:1: the DS has a digest type that is not supported"},
      {"an unknown algorithm", "example. IN DS 20326 99 2 " + std::string(64, '0') + "\n",
       "anchors:1:1: the DS is for an algorithm that is not supported"},
      {"an octet 0, behind which a record hides", good + "; " + std::string("\0", 1) + good, "anchors:2:3: an octet 0"},
  };
  for (const auto& [what, text, message] : rows) {
    SCOPED_TRACE(what);
    const auto anchors = TrustAnchors::parse(text, "anchors");
    ASSERT_FALSE(anchors);
    EXPECT_EQ(anchors.error().code, ErrorCode::invalid);
    EXPECT_NE(anchors.error().message.find(message), std::string::npos) << anchors.error().message;
  }
}

TEST(TrustAnchors, AuthenticateTheirZone) {
  const Name zone = name("example");
  const Signer ksk(zone, DnssecAlgorithm::ecdsap256sha256, 257);
  const Rrset dnskeys = dnskeys_of(zone, {ksk.dnskey()});
  TrustAnchors anchors;
  anchors.add(zone, RecordType::dnskey, ksk.dnskey());
  const TrustAnchor* anchor = anchors.closest(zone);
  ASSERT_NE(anchor, nullptr);
  const AlgorithmTable table = supported_algorithms();
  Budget budget{SteadyTime{}};
  EXPECT_EQ(authenticate_dnskeys(anchor->ds, anchor->dnskeys, dnskeys, ksk.sign(dnskeys),
                                 {table, seconds_since_1970(1500), budget})
                .outcome,
            AuthenticatedKeys::Outcome::secure);
}

TEST(NegativeTrustAnchors, NeedAReasonAndAnEnd) {
  using std::chrono::hours;
  const WallTime now = seconds_since_1970(1'000'000);
  NegativeTrustAnchors anchors;
  EXPECT_FALSE(anchors.add({name("example"), now + hours(1), " "}, now));
  EXPECT_FALSE(anchors.add({name("example"), now, "expired signatures"}, now));
  EXPECT_FALSE(anchors.add({name("example"), now + hours(24 * 7 + 1), "expired signatures"}, now));
  EXPECT_TRUE(anchors.add({name("example"), now + hours(24), "expired signatures"}, now));
  EXPECT_TRUE(anchors.add({name("sub.example"), now + hours(1), "no DNSKEY"}, now));
  EXPECT_EQ(anchors.closest(name("www.sub.example"), now)->reason, "no DNSKEY");
  EXPECT_EQ(anchors.closest(name("www.sub.example"), now + hours(1))->reason, "expired signatures") << "it ended";
  EXPECT_EQ(anchors.closest(name("www.sub.example"), now + hours(24)), nullptr);
  EXPECT_EQ(anchors.closest(name("org"), now), nullptr);
  EXPECT_TRUE(anchors.add({name("EXAMPLE"), now + hours(48), "still expired"}, now));
  EXPECT_EQ(anchors.all().size(), 2U);
  EXPECT_EQ(anchors.closest(name("example"), now)->reason, "still expired");
  EXPECT_TRUE(anchors.remove(name("example")));
  EXPECT_FALSE(anchors.remove(name("example")));
}

}  // namespace
}  // namespace weir::trust_anchors_test
