#include "resolver/dnssec/public_key.h"

#include <openssl/err.h>

#include <thread>

#include "tests/resolver/dnssec/records.h"

namespace weir::public_key_test {
namespace {

TEST(KeyTag, IsThatOfThePublishedKeys) {
  const std::pair<const char*, unsigned> rows[] = {
      // RFC 4034 section 5.4
      {"dskey.example.com. DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD"
       "99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
       60485},
      // RFC 5155 appendix A
      {"example. DNSKEY 256 3 7 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LUsAD0QPWU+wzt89epO6tHzkMBVDkC7qphQO2hTY4hHn9npWFRw5B"
       "YubE=",
       40430},
      {"example. DNSKEY 257 3 7 AwEAAcUlFV1vhmqx6NSOUOq2R/dsR7Xm3upJj7IommWSpJABVfW8Q0rOvXdM6kzt+TAu92L9AbsUdblMFin8CVF"
       "3n4s=",
       12708},
      // RFC 6605 section 6.1
      {"example.net. DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc"
       "8NAA==",
       55648},
      // RFC 8080 sections 6.1, 6.2
      {"example.com. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=", 3613},
      {"example.com. DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
       9713},
  };
  for (const auto& [text, tag] : rows) {
    const Octets rdata = rdata_of(text);
    EXPECT_EQ(key_tag(rdata), tag) << text;
    const auto key = PublicKey::from_dnskey(rdata);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(key->key_tag(), tag);
    EXPECT_TRUE(key->usable()) << text;
    EXPECT_TRUE(key->is_zone_key());
    EXPECT_FALSE(key->is_revoked());
  }
}

Octets dnskey(unsigned flags, unsigned protocol, unsigned algorithm, const Octets& material) {
  Octets out{static_cast<std::uint8_t>(flags >> 8), static_cast<std::uint8_t>(flags),
             static_cast<std::uint8_t>(protocol), static_cast<std::uint8_t>(algorithm)};
  out.insert(out.end(), material.begin(), material.end());
  return out;
}

Octets rsa(const Octets& exponent_field, std::size_t modulus_size, std::uint8_t first = 0x80, std::uint8_t last = 1) {
  Octets out = exponent_field;
  Octets modulus(modulus_size, 0x55);
  if (!modulus.empty()) {
    modulus.front() = first;
    modulus.back() = last;
  }
  out.insert(out.end(), modulus.begin(), modulus.end());
  return out;
}

TEST(PublicKey, RefusesWhatIsBrokenOrTooDear) {
  const Octets f4{3, 1, 0, 1};
  Octets long_exponent{0, 0x01, 0x00};
  long_exponent.resize(3 + 256, 0xFF);
  Octets off_curve(64, 7);
  struct Row {
    const char* what;
    Octets rdata;
    bool usable;
  };
  const Row rows[] = {
      {"RSA of 512 bits", dnskey(256, 3, 8, rsa(f4, 64)), true},
      {"RSA of 511 bits", dnskey(256, 3, 8, rsa(f4, 64, 0x40)), false},
      {"RSA of 4096 bits", dnskey(256, 3, 8, rsa(f4, 512)), true},
      {"RSA of 4097 bits", dnskey(256, 3, 8, rsa(f4, 513, 1)), false},
      {"RSA of 500,000 bits", dnskey(256, 3, 8, rsa(f4, 62'500)), false},
      {"RSA whose modulus is even", dnskey(256, 3, 8, rsa(f4, 128, 0x80, 2)), false},
      {"RSA-SHA512 of 512 bits", dnskey(256, 3, 10, rsa(f4, 64)), false},
      {"RSA-SHA512 of 1024 bits", dnskey(256, 3, 10, rsa(f4, 128)), true},
      {"exponent 3", dnskey(256, 3, 5, rsa({1, 3}, 128)), true},
      {"exponent 1", dnskey(256, 3, 5, rsa({1, 1}, 128)), false},
      {"exponent 0", dnskey(256, 3, 5, rsa({1, 0}, 128)), false},
      {"even exponent", dnskey(256, 3, 5, rsa({3, 1, 0, 2}, 128)), false},
      {"exponent 2^32 + 1", dnskey(256, 3, 8, rsa({5, 1, 0, 0, 0, 1}, 128)), true},
      {"exponent of 40 bits", dnskey(256, 3, 8, rsa({5, 0x80, 0, 0, 0, 1}, 128)), false},
      {"long form of F4's length (RFC 3110 section 2)", dnskey(256, 3, 8, rsa({0, 0, 3, 1, 0, 1}, 128)), true},
      {"exponent of 256 octets in the long form", dnskey(256, 3, 8, rsa(long_exponent, 128)), false},
      {"exponent longer than the key", dnskey(256, 3, 8, {200, 1, 2, 3}), false},
      {"long form cut off", dnskey(256, 3, 8, {0, 1}), false},
      {"no modulus", dnskey(256, 3, 8, {3, 1, 0, 1}), false},
      {"no material", dnskey(256, 3, 8, {}), false},
      {"P-256 point of 63 octets", dnskey(256, 3, 13, Octets(63, 1)), false},
      {"P-256 point off the curve", dnskey(256, 3, 13, off_curve), false},
      {"P-384 point off the curve", dnskey(256, 3, 14, Octets(96, 7)), false},
      {"Ed25519 of 31 octets", dnskey(256, 3, 15, Octets(31, 1)), false},
      {"Ed25519 of 32 octets", dnskey(256, 3, 15, Octets(32, 1)), true},
      {"Ed448 of 56 octets", dnskey(256, 3, 16, Octets(56, 1)), false},
      {"DSA without numbers", dnskey(256, 3, 3, {0}), false},
      {"DSA with T 9", dnskey(256, 3, 3, Octets(429, 9)), false},
      {"an algorithm nobody knows", dnskey(256, 3, 200, Octets(32, 1)), false},
      {"RSA-MD5", dnskey(256, 3, 1, rsa(f4, 128)), false},
      {"protocol 2", dnskey(256, 2, 15, Octets(32, 1)), false},
      {"no zone key", dnskey(1, 3, 15, Octets(32, 1)), false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const auto key = PublicKey::from_dnskey(row.rdata);
    ASSERT_TRUE(key) << "it still counts as a key that a signature may name";
    EXPECT_EQ(key->usable(), row.usable);
    EXPECT_FALSE(key->verify(Octets{1, 2, 3}, Octets(64, 1)));
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
  for (std::size_t size = 0; size < 4; ++size) EXPECT_FALSE(PublicKey::from_dnskey(Octets(size, 3)));
}

TEST(PublicKey, FlagsOfRfc5011) {
  const auto key = PublicKey::from_dnskey(dnskey(0x0181, 3, 15, Octets(32, 1)));
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->is_revoked());
  EXPECT_TRUE(key->is_secure_entry_point());
  EXPECT_TRUE(key->is_zone_key());
}

constexpr DnssecAlgorithm kSigned[] = {DnssecAlgorithm::rsasha1,         DnssecAlgorithm::rsasha1_nsec3_sha1,
                                       DnssecAlgorithm::rsasha256,       DnssecAlgorithm::rsasha512,
                                       DnssecAlgorithm::ecdsap256sha256, DnssecAlgorithm::ecdsap384sha384,
                                       DnssecAlgorithm::ed25519,         DnssecAlgorithm::ed448};

TEST(PublicKey, VerifiesWhatWasSignedNow) {
  const Octets data(300, 42);
  for (const DnssecAlgorithm algorithm : kSigned) {
    SCOPED_TRACE(static_cast<unsigned>(algorithm));
    const Signer signer(name("example"), algorithm);
    const auto key = PublicKey::from_dnskey(signer.dnskey());
    ASSERT_TRUE(key);
    ASSERT_TRUE(key->usable());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(key->verify(data, signer.raw_signature(data)));
    const Octets signature = signer.raw_signature(data);
    for (const std::size_t at : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
      Octets bad = signature;
      bad[at] ^= 1;
      EXPECT_FALSE(key->verify(data, bad));
    }
    Octets other = data;
    other[7] ^= 0x80;
    EXPECT_FALSE(key->verify(other, signature));
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, signature.size() - 1}) {
      EXPECT_FALSE(key->verify(data, std::span(signature).first(size)));
    }
    Octets longer = signature;
    longer.push_back(0);
    EXPECT_FALSE(key->verify(data, longer));
    EXPECT_FALSE(key->verify(data, Octets(signature.size(), 0)));
    EXPECT_FALSE(key->verify({}, signature));
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

// One in 128 signatures: DER takes the zeros away, and OpenSSL insists on it.
TEST(PublicKey, EcdsaNumbersThatBeginWithZeros) {
  const Octets data(300, 42);
  const Signer signer(name("example"), DnssecAlgorithm::ecdsap256sha256);
  const auto key = PublicKey::from_dnskey(signer.dnskey());
  Octets signature;
  for (int i = 0; i < 10'000 && (signature.empty() || (signature[0] != 0 && signature[32] != 0)); ++i) {
    signature = signer.raw_signature(data);
  }
  ASSERT_TRUE(signature[0] == 0 || signature[32] == 0);
  EXPECT_TRUE(key->verify(data, signature));
}

TEST(PublicKey, IsSharedByThreads) {
  const Octets data(100, 1);
  for (const DnssecAlgorithm algorithm : {DnssecAlgorithm::rsasha256, DnssecAlgorithm::ecdsap256sha256}) {
    const Signer signer(name("example"), algorithm);
    const auto key = PublicKey::from_dnskey(signer.dnskey());
    const Octets signature = signer.raw_signature(data);
    std::vector<std::thread> threads;
    std::array<bool, 4> good{};
    for (std::size_t i = 0; i < good.size(); ++i) {
      threads.emplace_back([copy = *key, &data, &signature, &good, i] {
        good[i] = true;
        for (int turn = 0; turn < 20; ++turn) good[i] = good[i] && copy.verify(data, signature);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const bool one : good) EXPECT_TRUE(one);
  }
}

}  // namespace
}  // namespace weir::public_key_test
