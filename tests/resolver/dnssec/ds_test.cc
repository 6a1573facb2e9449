#include "resolver/dnssec/ds.h"

#include "tests/resolver/dnssec/records.h"

namespace weir::ds_test {
namespace {

using Outcome = AuthenticatedKeys::Outcome;

TEST(Ds, MatchesThePublishedKeys) {
  const std::tuple<const char*, const char*, const char*> rows[] = {
      {"RFC 4034 section 5.4, SHA-1",
       "dskey.example.com. DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD"
       "99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
       "dskey.example.com. DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
      {"RFC 4509 section 2.3, SHA-256",
       "dskey.example.com. DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD"
       "99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
       "dskey.example.com. DS 60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
      {"RFC 6605 section 6.1",
       "example.net. DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc"
       "8NAA==",
       "example.net. DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"},
      {"RFC 6605 section 6.2, SHA-384",
       "example.net. DNSKEY 257 3 14 "
       "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+"
       "OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
       "example.net. DS 10771 14 4 "
       "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008"
       "a946df983d6"},
      {"RFC 8080 section 6.1, an owner in capitals",
       "EXAMPLE.com. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
       "example.com. DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"},
      {"RFC 8080 section 6.2",
       "example.com. DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
       "example.com. DS 9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7"},
  };
  for (const auto& [what, dnskey, text] : rows) {
    SCOPED_TRACE(what);
    const Rrset key = rrset_of(dnskey);
    const Octets key_rdata = rdata_of(dnskey);
    Octets rdata = rdata_of(text);
    EXPECT_TRUE(matches(*parse_ds(rdata), key.owner, key_rdata));
    EXPECT_FALSE(matches(*parse_ds(rdata), name("elsewhere"), key_rdata));
    rdata.back() ^= 1;
    EXPECT_FALSE(matches(*parse_ds(rdata), key.owner, key_rdata));
    rdata.back() ^= 1;
    EXPECT_FALSE(matches(*parse_ds(std::span(rdata).first(rdata.size() - 1)), key.owner, key_rdata));
    rdata[3] = 3;  // GOST: no code, so no match
    EXPECT_FALSE(matches(*parse_ds(rdata), key.owner, key_rdata));
    for (std::size_t size = 0; size <= 4; ++size) EXPECT_FALSE(parse_ds(std::span(rdata).first(size)));
  }
}

Octets ds_of(const Signer& signer, unsigned digest_type, unsigned algorithm) {
  const std::uint16_t tag = key_tag(signer.dnskey());
  Octets out{static_cast<std::uint8_t>(tag >> 8), static_cast<std::uint8_t>(tag), static_cast<std::uint8_t>(algorithm),
             static_cast<std::uint8_t>(digest_type)};
  Octets digest = ds_digest(static_cast<DigestType>(digest_type), signer.zone(), signer.dnskey());
  if (digest.empty()) digest = Octets(20, 1);
  out.insert(out.end(), digest.begin(), digest.end());
  return out;
}
Octets ds_of(const Signer& signer, unsigned digest_type = 2) {
  return ds_of(signer, digest_type, static_cast<unsigned>(signer.algorithm()));
}
Octets broken(Octets ds) {
  ds.back() ^= 1;
  return ds;
}

Rrset ds_rrset(const Name& owner, const std::vector<Octets>& records) {
  Rrset out;
  out.owner = owner;
  out.type = RecordType::ds;
  for (const Octets& rdata : records) out.add(rdata);
  return out;
}

class Authenticate : public ::testing::Test {
 protected:
  AuthenticatedKeys run(const Rrset& ds, const Rrset& dnskeys, const Rrset& signatures) {
    return authenticate_dnskeys(ds, dnskeys, signatures, {table_, seconds_since_1970(1500), budget_});
  }
  const Name zone_ = name("example");
  const Signer ksk_{zone_, DnssecAlgorithm::ecdsap256sha256, 257};
  const Signer zsk_{zone_, DnssecAlgorithm::ecdsap256sha256, 256};
  const Rrset keys_ = dnskeys_of(zone_, {ksk_.dnskey(), zsk_.dnskey()});
  AlgorithmTable table_ = supported_algorithms();
  Budget budget_{SteadyTime{}};
};

TEST_F(Authenticate, OneSignatureByANamedKeyMakesAllKeysGood) {
  const auto out = run(ds_rrset(zone_, {ds_of(ksk_)}), keys_, ksk_.sign(keys_));
  EXPECT_EQ(out.outcome, Outcome::secure);
  EXPECT_EQ(out.keys.zone, zone_);
  EXPECT_EQ(out.keys.keys.size(), 2U);
  EXPECT_EQ(out.ttl_seconds, 500U) << "until the signature expires";
  EXPECT_EQ(budget_.spent(Limit::signature_checks), 1U);
  EXPECT_EQ(budget_.spent(Limit::failed_signature_checks), 0U);
}

TEST_F(Authenticate, OutcomesAndReasons) {
  const Signer other(zone_, DnssecAlgorithm::ecdsap256sha256, 257);
  const Signer no_zone_key(zone_, DnssecAlgorithm::ecdsap256sha256, 1);
  const Signer revoked(zone_, DnssecAlgorithm::ecdsap256sha256, 0x0181);
  const Rrset with_no_zone_key = dnskeys_of(zone_, {no_zone_key.dnskey(), zsk_.dnskey()});
  const Rrset with_revoked = dnskeys_of(zone_, {revoked.dnskey(), zsk_.dnskey()});
  Rrset none;
  none.owner = zone_;
  Rrset no_keys = keys_;
  no_keys.set_packed({}, 0);
  Rrset bad_signature = ksk_.sign(keys_);
  Octets packed(bad_signature.packed().begin(), bad_signature.packed().end());
  packed.back() ^= 1;
  bad_signature.set_packed(packed, 1);
  struct Row {
    const char* what;
    Rrset ds;
    Rrset dnskeys;
    Rrset signatures;
    Outcome outcome;
    EdeCode reason;
  };
  const Signer::Change past{.inception = 100, .expiration = 200};
  const Signer::Change future{.inception = 2000, .expiration = 3000};
  const Row rows[] = {
      {"SHA-1 alone counts", ds_rrset(zone_, {ds_of(ksk_, 1)}), keys_, ksk_.sign(keys_), Outcome::secure, {}},
      {"SHA-384", ds_rrset(zone_, {ds_of(ksk_, 4)}), keys_, ksk_.sign(keys_), Outcome::secure, {}},
      {"a wrong DS beside a right one",
       ds_rrset(zone_, {broken(ds_of(ksk_)), ds_of(ksk_)}),
       keys_,
       ksk_.sign(keys_),
       Outcome::secure,
       {}},
      {"only unknown algorithms", ds_rrset(zone_, {ds_of(ksk_, 2, 200)}), keys_, ksk_.sign(keys_), Outcome::insecure,
       EdeCode::unsupported_dnskey_algorithm},
      {"only unknown digests", ds_rrset(zone_, {ds_of(ksk_, 3)}), keys_, ksk_.sign(keys_), Outcome::insecure,
       EdeCode::unsupported_ds_digest},
      {"unknown ones beside a known one",
       ds_rrset(zone_, {ds_of(ksk_, 3), ds_of(ksk_, 2, 200), ds_of(ksk_)}),
       keys_,
       ksk_.sign(keys_),
       Outcome::secure,
       {}},
      {"a good SHA-1 beside a wrong SHA-256 (RFC 4509 section 3)",
       ds_rrset(zone_, {ds_of(ksk_, 1), broken(ds_of(ksk_, 2))}), keys_, ksk_.sign(keys_), Outcome::bogus,
       EdeCode::dnskey_missing},
      {"a good SHA-1 beside an unknown digest",
       ds_rrset(zone_, {ds_of(ksk_, 1), ds_of(ksk_, 3)}),
       keys_,
       ksk_.sign(keys_),
       Outcome::secure,
       {}},
      {"the key is not there", ds_rrset(zone_, {ds_of(other)}), keys_, ksk_.sign(keys_), Outcome::bogus,
       EdeCode::dnskey_missing},
      {"no keys", ds_rrset(zone_, {ds_of(ksk_)}), no_keys, none, Outcome::bogus, EdeCode::dnskey_missing},
      {"no signatures", ds_rrset(zone_, {ds_of(ksk_)}), keys_, none, Outcome::bogus, EdeCode::rrsigs_missing},
      {"signed by the other key only", ds_rrset(zone_, {ds_of(ksk_)}), keys_, zsk_.sign(keys_), Outcome::bogus,
       EdeCode::rrsigs_missing},
      {"bad signature", ds_rrset(zone_, {ds_of(ksk_)}), keys_, bad_signature, Outcome::bogus, EdeCode::bogus},
      {"expired", ds_rrset(zone_, {ds_of(ksk_)}), keys_, ksk_.sign(keys_, past), Outcome::bogus,
       EdeCode::signature_expired},
      {"not yet valid", ds_rrset(zone_, {ds_of(ksk_)}), keys_, ksk_.sign(keys_, future), Outcome::bogus,
       EdeCode::signature_not_yet_valid},
      {"no zone key", ds_rrset(zone_, {ds_of(no_zone_key)}), with_no_zone_key, no_zone_key.sign(with_no_zone_key),
       Outcome::bogus, EdeCode::no_zone_key_bit},
      {"a revoked key", ds_rrset(zone_, {ds_of(revoked)}), with_revoked, revoked.sign(with_revoked), Outcome::bogus,
       EdeCode::dnskey_missing},
      {"DS that are cut off", ds_rrset(zone_, {{1, 2, 13, 2}, {1}, {}}), keys_, ksk_.sign(keys_), Outcome::insecure,
       EdeCode::unsupported_dnskey_algorithm},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Budget budget{SteadyTime{}};
    const auto out =
        authenticate_dnskeys(row.ds, row.dnskeys, row.signatures, {table_, seconds_since_1970(1500), budget});
    EXPECT_EQ(out.outcome, row.outcome);
    EXPECT_EQ(out.keys.keys.empty(), row.outcome != Outcome::secure);
    if (row.outcome != Outcome::secure) {
      EXPECT_EQ(out.reason, row.reason);
    }
  }
}

TEST_F(Authenticate, TheTableDecidesWhatIsSupported) {
  table_.signatures.reset(13);
  EXPECT_EQ(run(ds_rrset(zone_, {ds_of(ksk_)}), keys_, ksk_.sign(keys_)).outcome, Outcome::insecure);
}

TEST_F(Authenticate, ManyDsCostFewDigests) {
  std::vector<Octets> records;
  for (unsigned i = 0; i < 90; ++i) {
    Octets ds = ds_of(ksk_);
    ds.back() = static_cast<std::uint8_t>(ds.back() + 1 + i);
    records.push_back(ds);
  }
  records.push_back(ds_of(ksk_));  // the good one is never reached
  EXPECT_EQ(run(ds_rrset(zone_, records), keys_, ksk_.sign(keys_)).outcome, Outcome::bogus);
  EXPECT_EQ(budget_.spent(Limit::signature_checks), 0U);
}

TEST_F(Authenticate, BadSignaturesByTheNamedKeyStopAtTheBudget) {
  Rrset signatures = ksk_.sign(keys_);
  const Octets good(signatures.packed().begin() + 2, signatures.packed().end());
  signatures.set_packed({}, 0);
  for (unsigned i = 1; i <= 90; ++i) {
    Octets bad = good;
    bad.back() = static_cast<std::uint8_t>(bad.back() + i);
    signatures.add(bad);
  }
  signatures.add(good);
  const auto out = run(ds_rrset(zone_, {ds_of(ksk_)}), keys_, signatures);
  EXPECT_EQ(out.outcome, Outcome::limit);
  EXPECT_EQ(budget_.spent(Limit::signature_checks), limit_of(Limit::failed_signature_checks));
  EXPECT_EQ(budget_.reached(), Limit::failed_signature_checks);
}

TEST_F(Authenticate, ByTrustedKeys) {
  const Rrset no_ds;
  const auto run_with = [&](const Rrset& ds, const Rrset& trusted) {
    return authenticate_dnskeys(ds, trusted, keys_, ksk_.sign(keys_), {table_, seconds_since_1970(1500), budget_});
  };
  EXPECT_EQ(run_with(no_ds, dnskeys_of(zone_, {ksk_.dnskey()})).outcome, Outcome::secure);
  EXPECT_EQ(run_with(no_ds, dnskeys_of(name("other"), {ksk_.dnskey()})).outcome, Outcome::bogus);
  const Signer other(zone_, DnssecAlgorithm::ecdsap256sha256, 257);
  EXPECT_EQ(run_with(no_ds, dnskeys_of(zone_, {other.dnskey()})).outcome, Outcome::bogus);
  EXPECT_EQ(run_with(ds_rrset(zone_, {ds_of(ksk_, 1)}), dnskeys_of(zone_, {other.dnskey()})).outcome, Outcome::secure)
      << "a DS with SHA-1 counts beside a key";
  EXPECT_EQ(run_with(ds_rrset(zone_, {ds_of(ksk_, 3)}), dnskeys_of(zone_, {ksk_.dnskey()})).outcome, Outcome::secure);
  EXPECT_EQ(run_with(no_ds, no_ds).outcome, Outcome::bogus) << "no DS is a thing to be proven, not to be assumed";
}

}  // namespace
}  // namespace weir::ds_test
