#include "resolver/dnssec/verify.h"

#include "tests/resolver/dnssec/records.h"

namespace weir::verify_test {
namespace {

struct Vector {
  const char* what;
  const char* dnskey;
  const char* rrset;
  const char* rrsig;  // without owner
  const char* now;
};

const char* const kRfc4035Keys =
    "example. DNSKEY 256 3 5 AQOy1bZVvpPqhg4j7EJoM9rI3ZmyEx2OzDBVrZy/lvI5CQePxXHZS4i8dANH4DX3tbHol61ek8EFMcsGXxKciJFHyh"
    "l94C+NwILQdzsUlSFovBZsyl/NX6yEbtw/xN9ZNcrbYvgjjZ/UVPZIySFNsgEYvh0z2542lzMKR4Dh8uZffQ==\n"
    "example. DNSKEY 257 3 5 AQOeX7+baTmvpVHb2CcLnL1dMRWbuscRvHXlLnXwDzvqp4tZVKp1sZMepFb8MvxhhW3y/0QZsyCjczGJ1qk8vJe52i"
    "OhInKROVLRwxGpMfzPRLMlGybr51bOV/1se0ODacj3DomyB4QB5gKTYot/K9alk5/j8vfd4jWCWD+E1Sze0Q==\n";
const char* const kRfc5155Keys =
    "example. DNSKEY 256 3 7 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LUsAD0QPWU+wzt89epO6tHzkMBVDkC7qphQO2hTY4hHn9npWFRw5BYub"
    "E=\n"
    "example. DNSKEY 257 3 7 AwEAAcUlFV1vhmqx6NSOUOq2R/dsR7Xm3upJj7IommWSpJABVfW8Q0rOvXdM6kzt+TAu92L9AbsUdblMFin8CVF3n4"
    "s=\n";
const char* const k2004 = "20040420000000";
const char* const k2010 = "20100110000000";
const char* const k2010August = "20100820000000";
const char* const k2015 = "20150801000000";
// The island of trust of Unbound's scenarios: a DSA key, and signatures in DER.
const char* const kDsaKey =
    "example.com. DNSKEY 256 3 3 ALXLUsWqUrY3JYER3T4TBJIIs70j+sDS/UT2QRp61SE7S3EEXopNXoFE73JLRmvpi/UrOO/Vz4Se6wXv/CYCKj"
    "Gw06U4WRgRYXcpEhJROyNapmdIKSxhOzfLVE1gqA0PweZR8dtY3aNQSRn3sPpwJr6Mi/"
    "PqQKAMMrZ9ckJpf1+bQMOOvxgzz2U1GS18b3yZKcgTMEaJz"
    "d/GZYzi/BN2DzQ0MsrSwYXfsNLFOBbs8PJMW4LYIxeeOe6rUgkWOF7CC9Dh/dduQ1QrsJhmZAEFfd6ByYV+\n";

const Vector kVectors[] = {
    {"RFC 4035 appendix A: SOA", kRfc4035Keys,
     "example. SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600",
     "SOA 5 1 3600 20040509183619 20040409183619 38519 example. ONx0k36rcjaxYtcNgq6iQnpNV5+drqYAsC9h7TSJaHCqbhE67Sr6aH2"
     "xDUGcqQWu/n0UVzrFvkgO9ebarZ0GWDKcuwlM6eNB5SiX2K74l5LWDA7S/Un/IbtDq4Ay8NMNLQI7Dw7n4p8/rjkBjV7j86HyQgM5e7+miRAz8V01"
     "b0I=",
     k2004},
    {"RFC 4035 appendix A: NS, in another order and case", kRfc4035Keys,
     "EXAMPLE. NS NS2.example.\nexample. NS ns1.Example.",
     "NS 5 1 3600 20040509183619 20040409183619 38519 example. "
     "gl13F00f2U0R+SWiXXLHwsMY+qStYy5k6zfdEuivWc+wd1fmbNCyql0Tk"
     "7lHTX6UOxc8AgNf4ISFve8XqF4q+o9qlnqIzmppU3LiNeKT4FZ8RO5urFOvoMRTbQxW3U0hXWuggE4g3ZpsHv480HjMeRaZB/FRPGfJPajngcq6Kw"
     "g=",
     k2004},
    {"RFC 4035 appendix A: MX", kRfc4035Keys, "example. MX 1 xx.example.",
     "MX 5 1 3600 20040509183619 20040409183619 38519 example. "
     "HyDHYVT5KHSZ7HtO/vypumPmSZQrcOP3tzWB2qaKkHVPfau/DgLgS/IKE"
     "NkYOGL95G4N+NzEVyNU8dcTOckT+ChPcGeVjguQ7a3Ao9Z/ZkUO6gmmUW4b89rz1PUxW4jzUxj66PTwoVtUU/iMW6OISukd1EQt7a0kygkg+PEDxd"
     "I=",
     k2004},
    {"RFC 4035 appendix A: NSEC", kRfc4035Keys, "example. NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY",
     "NSEC 5 1 3600 20040509183619 20040409183619 38519 example. "
     "O0k558jHhyrC97ISHnislm4kLMW48C7U7cBmFTfhke5iVqNRVTB1STL"
     "MpgpbDIC9hcryoO0VZ9ME5xPzUEhbvGnHd5sfzgFVeGxr5Nyyq4tWSDBgIBiLQUv1ivy29vhXy7WgR62dPrZ0PWvmjfFJ5arXf4nPxp/kEowGgBRz"
     "Y/U=",
     k2004},
    {"RFC 4035 appendix A: DNSKEY by the key signing key", kRfc4035Keys, kRfc4035Keys,
     "DNSKEY 5 1 3600 20040509183619 20040409183619 9465 example. "
     "ZxgauAuIj+k1YoVEOSlZfx41fcmKzTFHoweZxYnz99JVQZJ33wFS0Q"
     "0jcP7VXKkaElXk9nYJXevO/7nAbo88iWsMkSpSR6jWzYYKwfrBI/L9hjYmyVO9m6FjQ7uwM4dCP/bIuV/DKqOAK9NYNC3AHfvCV1Tp4VKDqxqG7R5"
     "tTVM=",
     k2004},
    {"RFC 4035 appendix A: DS", kRfc4035Keys, "a.example. DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B",
     "DS 5 2 3600 20040509183619 20040409183619 38519 example. "
     "oXIKit/QtdG64J/CB+Gi8dOvnwRvqrto1AdQoRkAN15FP3iZ7suB7gvTB"
     "mXzCjL7XUgQVcoHkdhyCuzp8W9qJHgRUSwKKkczSyuL64nhgjuDEML8l9wlWVsl7PR2VnZduM9bLyBhaaPmRKX/Fm+v6ccF2EGNLRiY08kdkz+XHH"
     "o=",
     k2004},
    {"RFC 4035 appendix A: HINFO", kRfc4035Keys, "ai.example. HINFO \"KLH-10\" \"ITS\"",
     "HINFO 5 2 3600 20040509183619 20040409183619 38519 example. "
     "Iq/RGCbBdKzcYzlGE4ovbr5YcB+ezxbZ9W0le/7WqyvhOO9J16HxhhL"
     "7VY/IKmTUY0GGdcfhZEOCkf4lEykZF9NPok1/R/fWrtzNp8jobuY7AZEcZadp1WdDF3jc2/ndCa5XZhLKD3JzOsBwFvL8sqlS5QS6FY/"
     "ijFEDnI4RkZ"
     "A=",
     k2004},
    {"RFC 4035 appendix A: AAAA", kRfc4035Keys, "ai.example. AAAA 2001:db8::f00:baa9",
     "AAAA 5 2 3600 20040509183619 20040409183619 38519 example. "
     "nLcpFuXdT35AcE+EoafOUkl69KB+/e56XmFKkewXG2IadYLKAOBIoR5+"
     "VoQV3XgTcofTJNsh1rnF6Eav2zpZB3byI6yo2bwY8MNkr4A7cL9TcMmDwV/hWFKsbGBsj8xSCN/caEL2CWY/"
     "5XP2sZM6QjBBLmukH30+w1z3h8PUP2"
     "o=",
     k2004},
    {"RFC 5155 appendix A: DNSKEY", kRfc5155Keys, kRfc5155Keys,
     "DNSKEY 7 1 3600 20150420235959 20051021000000 12708 example. "
     "AuU4juU9RaxescSmStrQks3Gh9FblGBlVU31uzMZ/U/FpsUb8aC6QZ"
     "S+sTsJXnLnz7flGOsmMGQZf3bH+QsCtg==",
     k2010},
    {"RFC 5155 appendix A: NSEC3PARAM", kRfc5155Keys, "example. NSEC3PARAM 1 0 12 aabbccdd",
     "NSEC3PARAM 7 1 3600 20150420235959 20051021000000 40430 example. "
     "C1Gl8tPZNtnjlrYWDeeUV/sGLCyy/IHie2rerN05XSA3Pq0U3+"
     "4VvGWYWdUMfflOdxqnXHwJTLQsjlkynhG6Cg==",
     k2010},
    {"RFC 5155 appendix A: SOA", kRfc5155Keys, "example. SOA ns1.example. bugs.x.w.example. 1 3600 300 3600000 3600",
     "SOA 7 1 3600 20150420235959 20051021000000 40430 example. "
     "Hu25UIyNPmvPIVBrldN+9Mlp9Zql39qaUd8iq4ZLlYWfUUbbAS41pG+68"
     "z81q1xhkYAcEyHdVI2LmKusbZsT0Q==",
     k2010},
    {"RFC 5155 appendix A: NSEC3 of the apex", kRfc5155Keys,
     "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS "
     "SOA "
     "NSEC3PARAM RRSIG",
     "NSEC3 7 2 3600 20150420235959 20051021000000 40430 example. "
     "OSgWSm26B+cS+dDL8b5QrWr/dEWhtCsKlwKLIBHYH6blRxK9rC0bMJP"
     "wQ4mLIuw85H2EY762BOCXJZMnpuwhpA==",
     k2010},
    {"RFC 5155 appendix A: NSEC3 of a.example", kRfc5155Keys,
     "35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG",
     "NSEC3 7 2 3600 20150420235959 20051021000000 40430 example. "
     "g6jPUUpduAJKRljUsN8gB4UagAX0NxY9shwQAynzo8EUWH+z6hEIBlU"
     "TPGj15eZll6VhQqgZXtAIR3chwgW+SA==",
     k2010},
    {"RFC 5155 appendix A: NSEC3 of an empty non-terminal", kRfc5155Keys,
     "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. NSEC3 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h",
     "NSEC3 7 2 3600 20150420235959 20051021000000 40430 example. "
     "gPkFp1s2QDQ6wQzcg1uSebZ61W33rUBDcTj72F3kQ490fEdp7k1BUIf"
     "bcZtPbX3YCpE+sIt0MpzVSKfTwx4uYA==",
     k2010},
    {"RFC 5702 section 6.1, RSA-SHA256",
     "example.net. DNSKEY 256 3 8 "
     "AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUm"
     "Obdk=",
     "www.example.net. A 192.0.2.91",
     "A 8 3 3600 20300101000000 20000101000000 9033 example.net. "
     "kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriSh"
     "ZNz85mwlMgNEacFYK/lPtPiVYP4bwg==",
     k2010},
    {"RFC 5702 section 6.2, RSA-SHA512",
     "example.net. DNSKEY 256 3 10 "
     "AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u"
     "/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL",
     "www.example.net. A 192.0.2.91",
     "A 10 3 3600 20300101000000 20000101000000 3740 example.net. "
     "tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0Cbx"
     "rVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/"
     "zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdD"
     "Lw=",
     k2010},
    {"RFC 6605 section 6.1, P-256",
     "example.net. DNSKEY 257 3 13 "
     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA="
     "=",
     "www.example.net. A 192.0.2.1",
     "A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
     "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNru"
     "PFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
     k2010August},
    {"RFC 6605 section 6.2, P-384",
     "example.net. DNSKEY 257 3 14 "
     "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v"
     "8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
     "www.example.net. A 192.0.2.1",
     "A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
     "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuro"
     "GCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
     k2010August},
    {"RFC 8080 section 6.1 with erratum 4935, Ed25519",
     "example.com. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
     "example.com. MX 10 mail.example.com.",
     "MX 15 2 3600 20150819220000 20150729220000 3613 example.com. "
     "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+"
     "QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
     k2015},
    {"RFC 8080 section 6.1, the second", "example.com. DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
     "example.com. MX 10 mail.example.com.",
     "MX 15 2 3600 20150819220000 20150729220000 35217 example.com. "
     "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQS"
     "qJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
     k2015},
    {"DSA with a signature in DER", kDsaKey, "ns.example.com. A 1.2.3.4",
     "A 3 3 3600 20070926135752 20070829135752 2854 example.com. "
     "MC0CFQCMSWxVehgOQLoYclB9PIAbNP229AIUeH0vNNGJhjnZiqgIOKvs"
     "1EhzqAo=",
     "20070916134226"},
};

AlgorithmTable with_dsa() {
  AlgorithmTable table = supported_algorithms();
  table.signatures.set(3).set(6);
  return table;
}

Rrset signature_of(const Vector& vector, const Rrset& rrset) {
  return rrset_of(rrset.owner.to_text() + ". RRSIG " + vector.rrsig);
}

TEST(VerifyRrset, PublishedSignaturesHold) {
  const AlgorithmTable table = with_dsa();
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.what);
    const Rrset rrset = rrset_of(vector.rrset);
    const Rrset signatures = signature_of(vector, rrset);
    const ZoneKeys keys = keys_of(rrset_of(vector.dnskey));
    Budget budget{SteadyTime{}};
    const CheckContext context{table, at(vector.now), budget};
    const SignatureCheck verdict = verify_rrset(rrset, signatures, keys, context);
    EXPECT_EQ(verdict.outcome, SignatureOutcome::secure) << static_cast<int>(verdict.reason);
    EXPECT_EQ(verdict.ttl_seconds, 3600U);
    EXPECT_FALSE(verdict.closest_encloser);
    EXPECT_EQ(budget.spent(Limit::signature_checks), 1U);

    // One record more or less, or another TTL of the original, and it does not.
    Rrset other = rrset;
    other.add(Octets{9, 9, 9, 9});
    EXPECT_EQ(verify_rrset(other, signatures, keys, context).outcome, SignatureOutcome::bogus);
    Octets changed(signatures.packed().begin(), signatures.packed().end());
    changed[2 + 7] ^= 1;
    Rrset other_ttl = signatures;
    other_ttl.set_packed(changed, 1);
    EXPECT_EQ(verify_rrset(rrset, other_ttl, keys, context).outcome, SignatureOutcome::bogus);
    EXPECT_EQ(budget.spent(Limit::failed_signature_checks), 2U);
  }
}

TEST(VerifyRrset, DsaIsOffUnlessTheTableHasIt) {
  const Vector& dsa = kVectors[std::size(kVectors) - 1];
  const AlgorithmTable table = supported_algorithms();
  Budget budget{SteadyTime{}};
  const Rrset rrset = rrset_of(dsa.rrset);
  const auto verdict =
      verify_rrset(rrset, signature_of(dsa, rrset), keys_of(rrset_of(dsa.dnskey)), {table, at(dsa.now), budget});
  EXPECT_EQ(verdict.outcome, SignatureOutcome::bogus);
  EXPECT_EQ(verdict.reason, EdeCode::unsupported_dnskey_algorithm);
  EXPECT_EQ(budget.spent(Limit::signature_checks), 0U);
}

TEST(VerifyRrset, DsaInTheFormOfRfc2536) {
  const Vector& dsa = kVectors[std::size(kVectors) - 1];
  const Rrset rrset = rrset_of(dsa.rrset);
  const Rrset der = signature_of(dsa, rrset);
  const auto parsed = *parse_rrsig(*der.records().begin());
  // 30 2D 02 15 00 r 02 14 s
  Octets rdata(parsed.fixed_part.begin(), parsed.fixed_part.end());
  rdata.insert(rdata.end(), parsed.signer.wire().begin(), parsed.signer.wire().end());
  rdata.push_back(8);
  rdata.insert(rdata.end(), parsed.signature.begin() + 5, parsed.signature.begin() + 25);
  rdata.insert(rdata.end(), parsed.signature.begin() + 27, parsed.signature.end());
  Rrset plain = der;
  plain.set_packed({}, 0);
  plain.add(rdata);
  ASSERT_EQ(parse_rrsig(rdata)->signature.size(), 41U);
  const AlgorithmTable table = with_dsa();
  Budget budget{SteadyTime{}};
  EXPECT_EQ(verify_rrset(rrset, plain, keys_of(rrset_of(dsa.dnskey)), {table, at(dsa.now), budget}).outcome,
            SignatureOutcome::secure);
}

// RFC 4035 appendix B.6 and RFC 5155 appendix B.4.
TEST(VerifyRrset, AWildcardsAnswerNamesItsClosestEncloser) {
  const Vector rows[] = {
      {"RFC 4035", kRfc4035Keys, "a.z.w.example. MX 1 ai.example.",
       "MX 5 2 3600 20040509183619 20040409183619 38519 example. "
       "OMK8rAZlepfzLWW75Dxd63jy2wswESzxDKG2f9AMN1CytCd10cYISAx"
       "fAdvXSZ7xujKAtPbctvOQ2ofO7AZJ+d01EeeQTVBPq4/"
       "6KCWhqe2XTjnkVLNvvhnc0u28aoSsG0+4InvkkOHknKxw4kX18MMR34i8lC36SR5xBni8"
       "vHI=",
       k2004},
      {"RFC 5155", kRfc5155Keys, "a.z.w.example. MX 1 ai.example.",
       "MX 7 2 3600 20150420235959 20051021000000 40430 example. "
       "CikebjQwGQPwijVcxgcZcSJKtfynugtlBiKb9FcBTrmOoyQ4InoWVudh"
       "CWsh/URX3lc4WRUMivEBP6+4KS3ldA==",
       k2010},
  };
  const AlgorithmTable table = supported_algorithms();
  for (const Vector& vector : rows) {
    SCOPED_TRACE(vector.what);
    Budget budget{SteadyTime{}};
    const Rrset rrset = rrset_of(vector.rrset);
    const auto verdict = verify_rrset(rrset, signature_of(vector, rrset), keys_of(rrset_of(vector.dnskey)),
                                      {table, at(vector.now), budget});
    EXPECT_EQ(verdict.outcome, SignatureOutcome::secure);
    ASSERT_TRUE(verdict.closest_encloser);
    EXPECT_EQ(*verdict.closest_encloser, name("w.example"));
  }
}

class Verify : public ::testing::Test {
 protected:
  Verify() { rrset_.ttl_seconds = 300; }
  SignatureCheck run(const Rrset& rrset, const Rrset& signatures) { return run(rrset, signatures, keys_); }
  SignatureCheck run(const Rrset& rrset, const Rrset& signatures, const ZoneKeys& keys) {
    return verify_rrset(rrset, signatures, keys, {table_, seconds_since_1970(1500), budget_, skew_});
  }
  const Name zone_ = name("sub.example");
  const Signer signer_{zone_, DnssecAlgorithm::ecdsap256sha256};
  const ZoneKeys keys_ = keys_of(dnskeys_of(zone_, {signer_.dnskey()}));
  Rrset rrset_ = rrset_of("www.sub.example. 300 A 192.0.2.1");
  AlgorithmTable table_ = supported_algorithms();
  Budget budget_{SteadyTime{}};
  std::chrono::seconds skew_{0};
};

TEST_F(Verify, ReasonsOfWhatIsBogus) {
  const Signer stranger(zone_, DnssecAlgorithm::ecdsap256sha256);
  const Signer other_algorithm(zone_, DnssecAlgorithm::ed25519);
  const Signer host_key(zone_, DnssecAlgorithm::ecdsap256sha256, 0);
  Octets wrong_protocol = signer_.dnskey();
  wrong_protocol[2] = 4;
  Octets revoked = signer_.dnskey();
  revoked[1] |= 0x80;
  Rrset none;
  Rrset chaos = rrset_;
  chaos.record_class = RecordClass::ch;
  Rrset garbage = signer_.sign(rrset_);
  garbage.set_packed({}, 0);
  garbage.add(Octets{1, 2, 3});
  Rrset empty = signer_.sign(rrset_);
  const auto full = *empty.records().begin();
  const Octets cut(full.begin(), full.end() - 64);
  empty.set_packed({}, 0);
  empty.add(cut);
  const auto keys_with = [&](const Octets& rdata) { return keys_of(dnskeys_of(zone_, {rdata})); };
  struct Row {
    const char* what;
    Rrset signatures;
    ZoneKeys keys;
    EdeCode reason;
  };
  const Row rows[] = {
      {"no signature", none, keys_, EdeCode::rrsigs_missing},
      {"garbage", garbage, keys_, EdeCode::bogus},
      {"an empty signature", empty, keys_, EdeCode::bogus},
      {"no keys", signer_.sign(rrset_), ZoneKeys{zone_, {}}, EdeCode::dnskey_missing},
      {"by a stranger's key", stranger.sign(rrset_), keys_, EdeCode::dnskey_missing},
      {"by a stranger's key with our tag", stranger.sign(rrset_, {.key_tag = key_tag(signer_.dnskey())}), keys_,
       EdeCode::bogus},
      {"by a key with another algorithm and our tag",
       other_algorithm.sign(rrset_, {.key_tag = key_tag(signer_.dnskey())}), keys_, EdeCode::dnskey_missing},
      {"no zone key", host_key.sign(rrset_), keys_with(host_key.dnskey()), EdeCode::no_zone_key_bit},
      {"protocol 4", signer_.sign(rrset_, {.key_tag = key_tag(wrong_protocol)}), keys_with(wrong_protocol),
       EdeCode::dnskey_missing},
      {"revoked", signer_.sign(rrset_, {.key_tag = key_tag(revoked)}), keys_with(revoked), EdeCode::dnskey_missing},
      {"expired", signer_.sign(rrset_, {.expiration = 1499}), keys_, EdeCode::signature_expired},
      {"not yet valid", signer_.sign(rrset_, {.inception = 1501}), keys_, EdeCode::signature_not_yet_valid},
      {"other type", signer_.sign(rrset_, {.type_covered = RecordType::aaaa}), keys_, EdeCode::bogus},
      {"other signer", signer_.sign(rrset_, {.signer = name("example")}), keys_, EdeCode::bogus},
      {"more labels than the owner", signer_.sign(rrset_, {.labels = 4}), keys_, EdeCode::bogus},
      {"fewer labels than the signer (CVE-2026-44690)", signer_.sign(rrset_, {.labels = 1}), keys_, EdeCode::bogus},
      {"no labels", signer_.sign(rrset_, {.labels = 0}), keys_, EdeCode::bogus},
      {"other class", signer_.sign(chaos), keys_, EdeCode::bogus},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Budget budget{SteadyTime{}};
    const auto verdict = verify_rrset(rrset_, row.signatures, row.keys, {table_, seconds_since_1970(1500), budget});
    EXPECT_EQ(verdict.outcome, SignatureOutcome::bogus);
    EXPECT_EQ(verdict.reason, row.reason) << static_cast<int>(verdict.reason);
  }
  EXPECT_EQ(run(rrset_, signer_.sign(rrset_)).outcome, SignatureOutcome::secure) << "the honest one";
}

TEST_F(Verify, SignaturesOfAnotherOwnerOrClassAreNotChecked) {
  Rrset signatures = signer_.sign(rrset_);
  signatures.owner = name("other.sub.example");
  EXPECT_EQ(run(rrset_, signatures).outcome, SignatureOutcome::bogus);
  signatures = signer_.sign(rrset_);
  signatures.record_class = RecordClass::ch;
  EXPECT_EQ(run(rrset_, signatures).outcome, SignatureOutcome::bogus);
  EXPECT_EQ(budget_.spent(Limit::signature_checks), 0U);
}

TEST_F(Verify, OneGoodSignatureIsEnough) {
  const Signer stranger(zone_, DnssecAlgorithm::ecdsap256sha256);
  Rrset signatures = signer_.sign(rrset_, {.expiration = 1200});
  signatures.add(stranger.rrsig_rdata(rrset_, {}));
  signatures.add(stranger.rrsig_rdata(rrset_, {.key_tag = key_tag(signer_.dnskey())}));
  signatures.add(signer_.rrsig_rdata(rrset_, {}));
  EXPECT_EQ(run(rrset_, signatures).outcome, SignatureOutcome::secure);
  EXPECT_EQ(budget_.spent(Limit::failed_signature_checks), 1U);
}

TEST_F(Verify, TtlIsClamped) {
  const Rrset signatures = signer_.sign(rrset_);  // original TTL 300, expires 500 s from now
  struct Row {
    std::uint32_t ttl;
    std::uint32_t expiration;
    std::uint32_t clamped;
  };
  for (const Row& row : {Row{100, 2000, 100}, Row{300, 2000, 300}, Row{86400, 2000, 300}, Row{300, 1510, 10}}) {
    Rrset other = rrset_;
    const Rrset by = signer_.sign(rrset_, {.expiration = row.expiration});
    other.ttl_seconds = row.ttl;
    EXPECT_EQ(run(other, by).ttl_seconds, row.clamped);
  }
  skew_ = std::chrono::seconds(60);
  const auto late = run(rrset_, signer_.sign(rrset_, {.expiration = 1450}));
  EXPECT_EQ(late.outcome, SignatureOutcome::secure);
  EXPECT_EQ(late.ttl_seconds, 0U);
}

TEST_F(Verify, WildcardsStayInsideTheZoneAndDenyNothing) {
  const auto verdict = [&](const std::string& text, unsigned labels) {
    const Rrset rrset = rrset_of(text);
    return run(rrset, signer_.sign(rrset, {.labels = labels}));
  };
  const auto expanded = verdict("a.b.sub.example. A 192.0.2.1", 2);
  EXPECT_EQ(expanded.outcome, SignatureOutcome::secure);
  EXPECT_EQ(expanded.closest_encloser, zone_);
  EXPECT_FALSE(verdict("*.sub.example. A 192.0.2.1", 2).closest_encloser) << "the wildcard itself";
  EXPECT_EQ(verdict("*.b.sub.example. A 192.0.2.1", 2).closest_encloser, zone_);
  EXPECT_EQ(verdict("a.sub.example. NSEC z.sub.example. A", 2).outcome, SignatureOutcome::bogus);
  EXPECT_EQ(verdict("*.sub.example. NSEC z.sub.example. A", 2).outcome, SignatureOutcome::secure);
  EXPECT_EQ(
      verdict("35mthgpgcu1qg68fab165klnsnk3dpvl.sub.example. NSEC3 1 1 12 - b4um86eghhds6nea196smvmlo4ors995 A", 2)
          .outcome,
      SignatureOutcome::bogus);
}

TEST_F(Verify, OnlyTheParentSignsADs) {
  const std::string ds = ". DS 1 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
  const Rrset own = rrset_of("sub.example" + ds);
  EXPECT_EQ(run(own, signer_.sign(own)).outcome, SignatureOutcome::bogus);
  const Rrset child = rrset_of("child.sub.example" + ds);
  EXPECT_EQ(run(child, signer_.sign(child)).outcome, SignatureOutcome::secure);
}

TEST_F(Verify, NamesOfOthersAreNotOurs) {
  for (const char* owner : {"example.", "xsub.example.", "www.other.", "."}) {
    const Rrset rrset = rrset_of(std::string(owner) + " A 192.0.2.1");
    EXPECT_EQ(run(rrset, signer_.sign(rrset)).outcome, SignatureOutcome::bogus) << owner;
  }
}

// KeyTrap (CVE-2023-50387): n keys of one tag, m signatures, none good.
TEST_F(Verify, KeyTrapStopsAtTheBudget) {
  // Two octets of an RSA modulus bring the tag to what we want: adding to one word takes as much from another.
  std::vector<Octets> records;
  Octets first = Signer(zone_, DnssecAlgorithm::rsasha256).dnskey();
  for (unsigned i = 0; i < 50; ++i) {
    Octets key = first;
    key[20] = static_cast<std::uint8_t>(i);
    key[22] = static_cast<std::uint8_t>(100 - i);
    records.push_back(key);
  }
  const ZoneKeys keys = keys_of(dnskeys_of(zone_, records));
  for (const PublicKey& key : keys.keys) {
    ASSERT_EQ(key.key_tag(), keys.keys.front().key_tag());
    ASSERT_TRUE(key.usable());
  }
  const Signer stranger(zone_, DnssecAlgorithm::rsasha256);
  Rrset one = stranger.sign(rrset_, {.key_tag = keys.keys.front().key_tag()});
  EXPECT_EQ(run(rrset_, one, keys).outcome, SignatureOutcome::bogus);
  EXPECT_EQ(budget_.spent(Limit::signature_checks), kMaxKeysPerSignature) << "not all fifty keys";

  Rrset many = one;
  for (std::uint32_t i = 1; i < 50; ++i) {
    many.add(stranger.rrsig_rdata(rrset_, {.expiration = 2000 + i, .key_tag = keys.keys.front().key_tag()}));
  }
  EXPECT_EQ(run(rrset_, many, keys).outcome, SignatureOutcome::limit);
  EXPECT_EQ(budget_.spent(Limit::signature_checks), limit_of(Limit::failed_signature_checks));
  EXPECT_EQ(budget_.reached(), Limit::failed_signature_checks);
  EXPECT_EQ(run(rrset_, many, keys).outcome, SignatureOutcome::limit) << "nothing refills it";
  EXPECT_EQ(run(rrset_, signer_.sign(rrset_)).outcome, SignatureOutcome::limit) << "not even for what is good";
}

TEST_F(Verify, BrokenKeysCountAsFailedChecks) {  // CVE-2025-8677
  const Octets broken{1, 0, 3, 13, 1, 2, 3};
  Rrset signatures = signer_.sign(rrset_, {.key_tag = key_tag(broken)});
  for (std::uint32_t i = 1; i < 20; ++i) {
    signatures.add(signer_.rrsig_rdata(rrset_, {.expiration = 2000 + i, .key_tag = key_tag(broken)}));
  }
  EXPECT_EQ(run(rrset_, signatures, keys_of(dnskeys_of(zone_, {broken}))).outcome, SignatureOutcome::limit);
}

TEST_F(Verify, GoodChecksSpendTheirBudgetToo) {
  const Rrset signatures = signer_.sign(rrset_);
  for (std::uint64_t i = 0; i < limit_of(Limit::signature_checks); ++i) {
    EXPECT_EQ(run(rrset_, signatures).outcome, SignatureOutcome::secure);
  }
  EXPECT_EQ(run(rrset_, signatures).outcome, SignatureOutcome::limit);
  EXPECT_EQ(budget_.reached(), Limit::signature_checks);
}

TEST_F(Verify, ARevokedKeyVouchesForItsOwnRevocation) {
  const Signer revoked(zone_, DnssecAlgorithm::ecdsap256sha256, 0x0181);
  const Rrset dnskeys = dnskeys_of(zone_, {revoked.dnskey()});
  const auto key = PublicKey::from_dnskey(revoked.dnskey());
  EXPECT_EQ(
      verify_with_key(dnskeys, revoked.sign(dnskeys), zone_, *key, {table_, seconds_since_1970(1500), budget_}).outcome,
      SignatureOutcome::secure);
}

}  // namespace
}  // namespace weir::verify_test
