#include "resolver/dnssec/chain_of_trust.h"

#include "tests/resolver/dnssec/signed_world.h"

namespace weir::chain_of_trust_test {
namespace {

using std::chrono::seconds;
using Asked = std::vector<std::string>;

// . -> example -> secure.example -> deep.secure.example, and beside them what may stand at a name.
class Tree : public SignedWorld {
 public:
  explicit Tree(DenialBy denial = DenialBy::nsec) {
    const Signing signing{.denial = denial};
    const SignedZone& deep = add("deep.secure.example", "deep.secure.example. 3600 SOA ns. h. 1 2 3 4 300\n", signing);
    const SignedZone& secure = add("secure.example",
                                   "secure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
                                   "deep.secure.example. 3600 NS ns.deep.secure.example.\n" +
                                       deep.ds_line(),
                                   signing);
    const SignedZone& other = add("other.example", "other.example. 3600 SOA ns. h. 1 2 3 4 300\n", signing);
    add("insecure.example", "insecure.example. 3600 SOA ns. h. 1 2 3 4 300\nwww.insecure.example. A 192.0.2.1\n");
    const SignedZone& example =
        add("example",
            "example. 3600 SOA ns. h. 1 2 3 4 300\n"
            "secure.example. 3600 NS ns.secure.example.\n" +
                secure.ds_line() + "other.example. 3600 NS ns.other.example.\n" + other.ds_line() +
                "insecure.example. 3600 NS ns.insecure.example.\n"
                "dsa.example. 3600 NS ns.dsa.example.\n"
                "dsa.example. 3600 DS 1 3 2 00\n"
                "gost.example. 3600 NS ns.gost.example.\n"
                "gost.example. 3600 DS 1 13 3 00\n"
                "www.example. 3600 A 192.0.2.1\n"
                "x.ent.example. 3600 A 192.0.2.1\n"
                "far.ent.example. 3600 NS ns.far.ent.example.\n"
                "alias.example. 3600 CNAME www.example.\n"
                "*.wild.example. 3600 CNAME www.example.\n",
            signing);
    const SignedZone& root =
        add(".", ". 3600 SOA ns. h. 1 2 3 4 300\nexample. 3600 NS ns.example.\n" + example.ds_line(), signing);
    trust(root);
    // What servers of an unsigned zone say.
    for (const char* question : {"insecure.example DNSKEY", "www.insecure.example DS", "a.www.insecure.example DS"}) {
      TrustRecords unsigned_denial;
      unsigned_denial.kind = TrustRecords::Kind::no_data;
      unsigned_denial.authority = {zone("insecure.example").get("insecure.example", RecordType::soa).rrset};
      unsigned_denial.zone_cut = name("insecure.example");
      instead.emplace(question, unsigned_denial);
    }
  }
};

Asked sorted(Asked asked) {
  std::ranges::sort(asked);
  return asked;
}

struct ZoneRow {
  const char* zone;
  TrustState state;
  Asked asked;
  std::optional<EdeCode> ede = std::nullopt;
  std::optional<TrustState> with_opt_out = std::nullopt;
};

// Every kind of name, under each kind of denial; nothing is asked twice.
TEST(ChainOfTrust, WalksToEachKindOfName) {
  using enum TrustState;
  const Asked to_example = {". DNSKEY", "example DNSKEY", "example DS"};
  const auto and_ = [&](Asked more) {
    more.insert(more.end(), to_example.begin(), to_example.end());
    return sorted(more);
  };
  const ZoneRow rows[] = {
      {".", secure, {". DNSKEY"}},
      {"example", secure, to_example},
      {"secure.example", secure, and_({"secure.example DS", "secure.example DNSKEY"})},
      {"deep.secure.example", secure,
       and_({"secure.example DS", "secure.example DNSKEY", "deep.secure.example DS", "deep.secure.example DNSKEY"})},
      {"insecure.example", insecure, and_({"insecure.example DS"})},
      {"www.insecure.example", insecure, and_({"insecure.example DS", "www.insecure.example DS"})},
      {"www.example", no_cut, and_({"www.example DS"})},
      {"ent.example", no_cut, and_({"ent.example DS"})},
      {"alias.example", no_cut, and_({"alias.example DS"})},
      {"none.example", no_cut, and_({"none.example DS"}), std::nullopt, insecure},
      {"dsa.example", insecure, and_({"dsa.example DS"}), EdeCode::unsupported_dnskey_algorithm},
      {"gost.example", insecure, and_({"gost.example DS"}), EdeCode::unsupported_ds_digest},
  };
  for (const DenialBy denial : {DenialBy::nsec, DenialBy::nsec3, DenialBy::nsec3_opt_out}) {
    for (const ZoneRow& row : rows) {
      SCOPED_TRACE(std::string(row.zone) + ", denial " + std::to_string(static_cast<int>(denial)));
      Tree world(denial);
      const ZoneTrust trust = world.zone_trust(row.zone);
      const bool opt_out = denial == DenialBy::nsec3_opt_out;
      EXPECT_EQ(trust.state, opt_out ? row.with_opt_out.value_or(row.state) : row.state) << trust.why;
      EXPECT_EQ(trust.ede, row.ede);
      EXPECT_EQ(trust.keys != nullptr, trust.state == secure);
      if (trust.keys) {
        EXPECT_EQ(trust.keys->zone, name(row.zone));
      }
      EXPECT_EQ(sorted(world.asked), row.asked);
    }
  }
}

TEST(ChainOfTrust, AnchorsAndNegativeAnchors) {
  using enum TrustState;
  struct AnchorRow {
    const char* what;
    std::vector<const char*> anchors, negative;
    const char* zone;
    TrustState state;
    Asked asked;
  };
  const AnchorRow rows[] = {
      {"no anchor", {}, {}, "example", insecure, {}},
      {"above the only anchor", {"example"}, {}, ".", insecure, {}},
      {"beside the only anchor", {"secure.example"}, {}, "other.example", insecure, {}},
      {"at the anchor", {"example"}, {}, "example", secure, {"example DNSKEY"}},
      {"below it", {"example"}, {}, "insecure.example", insecure, {"example DNSKEY", "insecure.example DS"}},
      {"the closest anchor counts", {".", "secure.example"}, {}, "secure.example", secure, {"secure.example DNSKEY"}},
      {"negative below", {"."}, {"example"}, "secure.example", insecure, {}},
      {"negative at the anchor", {"example"}, {"example"}, "example", insecure, {}},
      {"negative above the anchor",
       {"secure.example"},
       {"example"},
       "secure.example",
       secure,
       {"secure.example DNSKEY"}},
      {"between both", {".", "secure.example"}, {"example"}, "other.example", insecure, {}},
      {"negative beside", {"example"}, {"secure.example"}, "example", secure, {"example DNSKEY"}},
  };
  for (const AnchorRow& row : rows) {
    SCOPED_TRACE(row.what);
    Tree world;
    world.rules.anchors = TrustAnchors();
    for (const char* anchor : row.anchors) world.trust(world.zone(anchor));
    for (const char* negative : row.negative) world.distrust(negative);
    EXPECT_EQ(world.zone_trust(row.zone).state, row.state);
    EXPECT_EQ(sorted(world.asked), row.asked);
  }
}

TEST(ChainOfTrust, ANegativeAnchorIsNotRememberedBeyondItsEnd) {
  Tree world;
  world.distrust("example", seconds(100));
  EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::insecure);
  EXPECT_EQ(world.cache.size(), 0U);
  world.pass(seconds(100));
  EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::secure);
  world.distrust("example", seconds(100));
  EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::insecure)
      << "the cache knows better, and is not asked";
}

TEST(ChainOfTrust, AnAnchorMayBeADnskey) {
  Tree world;
  world.rules.anchors = TrustAnchors();
  world.rules.anchors.add(name("example"), RecordType::dnskey, world.zone("example").signer().dnskey());
  EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::secure);
  Tree other;
  other.rules.anchors = TrustAnchors();
  other.rules.anchors.add(name("example"), RecordType::dnskey, other.zone("other.example").signer().dnskey());
  EXPECT_EQ(other.zone_trust("secure.example").state, TrustState::bogus);
}

// RFC 6840 section 5.11 takes one good signature; who wants one by each algorithm that is named can have it.
TEST(ChainOfTrust, EveryNamedAlgorithmWhereThatIsAskedFor) {
  for (const bool every : {false, true}) {
    Tree world;
    world.rules.every_algorithm = every;
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::secure) << "one is named, and is there";
    Tree other;
    other.rules.every_algorithm = every;
    // A key of another algorithm is trusted too, with which nothing is signed.
    other.rules.anchors.add(Name(), RecordType::dnskey, Signer(Name(), DnssecAlgorithm::ed25519, 257).dnskey());
    const ZoneTrust trust = other.zone_trust(".");
    EXPECT_EQ(trust.state, every ? TrustState::bogus : TrustState::secure) << trust.why;
  }
}

// One answer of the honest ones is replaced, and what comes of secure.example.
struct LieRow {
  const char* what;
  const char* question;
  std::function<TrustRecords(const SignedWorld&)> answer;
  EdeCode ede;
  const char* blamed;
};

TEST(ChainOfTrust, WhatIsNotAsItShouldBeIsBogus) {
  using Kind = TrustRecords::Kind;
  const auto records = [](SignedRrset data, const char* zone_cut) {
    return TrustRecords{Kind::records, std::move(data), {}, name(zone_cut), {}};
  };
  const auto failed = [](const char* zone_cut, std::optional<EdeCode> ede) {
    return TrustRecords{Kind::failed, {}, {}, name(zone_cut), ede};
  };
  const auto denied = [](std::vector<Rrset> authority, const char* zone_cut, Kind kind = Kind::no_data) {
    return TrustRecords{kind, {}, std::move(authority), name(zone_cut), {}};
  };
  const auto resigned = [](SignedRrset data, const SignedZone& zone, Signer::Change change) {
    data.signatures = zone.signer().sign(data.rrset, change);
    return data;
  };
  const LieRow rows[] = {
      {"no DS could be fetched", "secure.example DS",
       [&](const SignedWorld&) { return failed("example", EdeCode::no_reachable_authority); }, EdeCode::dnskey_missing,
       "example"},
      {"and nobody says why", "secure.example DS", [&](const SignedWorld&) { return failed("example", {}); },
       EdeCode::dnskey_missing, "example"},
      {"an unsigned DS", "secure.example DS",
       [&](const SignedWorld& world) {
         auto out = world.honest("secure.example", RecordType::ds);
         out.records.signatures = Rrset();
         return out;
       },
       EdeCode::rrsigs_missing, "example"},
      {"a DS that the child signed", "secure.example DS",
       [&](const SignedWorld& world) {
         return records(world.zone("secure.example").sign(world.honest("secure.example", RecordType::ds).records.rrset),
                        "secure.example");
       },
       EdeCode::bogus, "secure.example"},
      {"an unsigned DS from the child", "secure.example DS",
       [&](const SignedWorld& world) {
         return records({world.honest("secure.example", RecordType::ds).records.rrset, {}}, "secure.example");
       },
       EdeCode::bogus, "secure.example"},
      {"a DS that a neighbour signed in the parent's name", "secure.example DS",
       [&](const SignedWorld& world) {
         return records(resigned(world.honest("secure.example", RecordType::ds).records, world.zone("other.example"),
                                 {.expiration = 20'000, .signer = name("example")}),
                        "example");
       },
       EdeCode::dnskey_missing, "example"},
      {"an expired DS", "secure.example DS",
       [&](const SignedWorld& world) {
         return records(resigned(world.honest("secure.example", RecordType::ds).records, world.zone("example"),
                                 {.expiration = 1400}),
                        "example");
       },
       EdeCode::signature_expired, "example"},
      {"a DS from a wildcard", "secure.example DS",
       [&](const SignedWorld& world) {
         return records(resigned(world.honest("secure.example", RecordType::ds).records, world.zone("example"),
                                 {.labels = 1, .expiration = 20'000}),
                        "example");
       },
       EdeCode::bogus, "example"},
      {"a DS that names no key", "secure.example DS",
       [&](const SignedWorld& world) {
         Rrset ds = rrset_of("secure.example. 3600 DS 1 13 2 00");
         return records(world.zone("example").sign(ds), "example");
       },
       EdeCode::dnskey_missing, "secure.example"},
      {"an unsigned alias in its place", "secure.example DS",
       [&](const SignedWorld&) {
         auto out = records({rrset_of("secure.example. 3600 CNAME www.example."), {}}, "example");
         out.kind = Kind::alias;
         return out;
       },
       EdeCode::rrsigs_missing, "example"},
      {"a denial without NSEC", "secure.example DS",
       [&](const SignedWorld& world) {
         return denied(SignedZone::flat({world.zone("example").get("example", RecordType::soa)}), "example");
       },
       EdeCode::nsec_missing, "example"},
      {"the child's denial", "secure.example DS",
       [&](const SignedWorld& world) {
         return denied(world.zone("secure.example").denial("secure.example"), "secure.example");
       },
       EdeCode::nsec_missing, "secure.example"},
      {"the denial of another name's DS", "secure.example DS",
       [&](const SignedWorld& world) { return denied(world.zone("example").denial("insecure.example"), "example"); },
       EdeCode::bogus, "example"},
      {"NXDOMAIN by another name's proof", "secure.example DS",
       [&](const SignedWorld& world) {
         return denied(world.zone("example").denial("none.example"), "example", Kind::no_name);
       },
       EdeCode::bogus, "example"},
      {"a denial by what the child has signed in the parent's name", "secure.example DS",
       [&](const SignedWorld& world) {
         SignedRrset nsec{rrset_of("secure.example. 300 NSEC x.secure.example. NS"), {}};
         return denied(SignedZone::flat({resigned(nsec, world.zone("secure.example"),
                                                  {.expiration = 20'000, .signer = name("example")})}),
                       "example");
       },
       EdeCode::dnskey_missing, "example"},
      {"no DNSKEY could be fetched", "secure.example DNSKEY",
       [&](const SignedWorld&) { return failed("secure.example", EdeCode::network_error); }, EdeCode::dnskey_missing,
       "secure.example"},
      {"no DNSKEY is there", "secure.example DNSKEY",
       [&](const SignedWorld& world) {
         return denied(world.zone("secure.example").denial("secure.example"), "secure.example");
       },
       EdeCode::dnskey_missing, "secure.example"},
      {"an unsigned DNSKEY", "secure.example DNSKEY",
       [&](const SignedWorld& world) {
         auto out = world.honest("secure.example", RecordType::dnskey);
         out.records.signatures = Rrset();
         return out;
       },
       EdeCode::rrsigs_missing, "secure.example"},
      {"another zone's DNSKEY", "secure.example DNSKEY",
       [&](const SignedWorld& world) {
         const Rrset keys = dnskeys_of(name("secure.example"), {world.zone("other.example").signer().dnskey()});
         return records(resigned({keys, {}}, world.zone("other.example"),
                                 {.expiration = 20'000, .signer = name("secure.example")}),
                        "secure.example");
       },
       EdeCode::dnskey_missing, "secure.example"},
      {"an expired DNSKEY", "secure.example DNSKEY",
       [&](const SignedWorld& world) {
         return records(resigned(world.honest("secure.example", RecordType::dnskey).records,
                                 world.zone("secure.example"), {.expiration = 1400}),
                        "secure.example");
       },
       EdeCode::signature_expired, "secure.example"},
      {"a DNSKEY that is not yet signed", "secure.example DNSKEY",
       [&](const SignedWorld& world) {
         return records(resigned(world.honest("secure.example", RecordType::dnskey).records,
                                 world.zone("secure.example"), {.inception = 1600, .expiration = 20'000}),
                        "secure.example");
       },
       EdeCode::signature_not_yet_valid, "secure.example"},
      {"a broken zone above breaks it as well", "example DNSKEY",
       [&](const SignedWorld& world) {
         auto out = world.honest("example", RecordType::dnskey);
         out.records.rrset.add(world.zone("other.example").signer().dnskey());
         return out;
       },
       EdeCode::bogus, "example"},
  };
  for (const LieRow& row : rows) {
    SCOPED_TRACE(row.what);
    Tree world;
    world.instead.insert_or_assign(row.question, row.answer(world));
    const ZoneTrust trust = world.zone_trust("secure.example");
    EXPECT_EQ(trust.state, TrustState::bogus);
    EXPECT_EQ(trust.ede, row.ede) << trust.why;
    ASSERT_TRUE(trust.blamed);
    EXPECT_EQ(*trust.blamed, name(row.blamed));
    EXPECT_FALSE(trust.why.empty());
    EXPECT_EQ(trust.keys, nullptr);
    const bool failed = row.answer(world).kind == TrustRecords::Kind::failed;
    EXPECT_EQ(trust.expires - world.now.steady,
              seconds(limit_of(failed ? Limit::failure_ttl_min_s : Limit::bogus_ttl_s)));
    // Kept for as long, and no longer: then the repaired zone is secure.
    const std::size_t asked = world.asked.size();
    world.instead.erase(row.question);
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::bogus);
    EXPECT_EQ(world.asked.size(), asked);
    world.pass(seconds(limit_of(Limit::bogus_ttl_s)));
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::secure);
  }
}

// A signer that is no zone: the name exists in example, and is proven to be no zone cut.
TEST(ChainOfTrust, WhatIsNoZoneSignsNothing) {
  Tree world;
  const Signer www(name("www.example"), DnssecAlgorithm::ecdsap256sha256, 257);
  const Rrset ds = rrset_of("sub.www.example. 3600 DS 1 13 2 00");
  world.instead.emplace(
      "sub.www.example DS",
      TrustRecords{TrustRecords::Kind::records, {ds, www.sign(ds, {.expiration = 20'000})}, {}, name("example"), {}});
  const ZoneTrust trust = world.zone_trust("sub.www.example");
  EXPECT_EQ(trust.state, TrustState::bogus);
  EXPECT_EQ(trust.ede, EdeCode::bogus);
}

// Whoever replays it for any name, as a DS that is asked for, must not turn a zone into none.
TEST(ChainOfTrust, AnAliasFromAWildcardIsNoZoneCutsEnd) {
  Tree world;
  const SignedZone& example = world.zone("example");
  world.instead["a.wild.example DS"].kind = TrustRecords::Kind::alias;
  world.instead["a.wild.example DS"].records = example.expanded("*.wild.example", RecordType::cname, "a.wild.example");
  world.instead["a.wild.example DS"].zone_cut = name("example");
  const ZoneTrust trust = world.zone_trust("a.wild.example");
  EXPECT_EQ(trust.state, TrustState::bogus) << trust.why;
  EXPECT_LE(trust.expires, world.now.steady + seconds(limit_of(Limit::bogus_ttl_s)));
}

// What is said of a DS below an anchor from above it says nothing (RFC 4035 section 4.3).
TEST(ChainOfTrust, NobodyAboveTheAnchorSpeaksOfADsBelowIt) {
  const Signer above(Name(), DnssecAlgorithm::ecdsap256sha256, 257);
  const auto signed_above = [&](const std::string& record) {
    const Rrset rrset = rrset_of(record);
    return SignedRrset{rrset, above.sign(rrset, {.expiration = 20'000})};
  };
  for (const bool denied : {true, false}) {
    SCOPED_TRACE(denied ? "a denial" : "another DS");
    Tree world;
    world.rules.anchors = TrustAnchors();
    world.trust(world.zone("example"));
    TrustRecords& forged = world.instead["secure.example DS"];
    forged.zone_cut = Name();
    forged.kind = denied ? TrustRecords::Kind::no_data : TrustRecords::Kind::records;
    if (denied) {
      forged.authority = SignedZone::flat({signed_above("secure.example. 300 NSEC www.example. NS RRSIG NSEC")});
    } else {
      forged.records = signed_above("secure.example. 3600 DS 1 13 2 00");
    }
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::bogus);
  }
}

TEST(ChainOfTrust, TooManyIterationsMakeADelegationInsecure) {
  for (const unsigned iterations : {50U, 51U}) {
    SCOPED_TRACE(iterations);
    SignedWorld world;
    world.trust(world.add("example", "example. 3600 SOA ns. h. 1 2 3 4 300\nwww.example. 3600 A 192.0.2.1\n",
                          {.denial = DenialBy::nsec3, .iterations = iterations}));
    const ZoneTrust trust = world.zone_trust("www.example");
    EXPECT_EQ(trust.state, iterations > kMaxNsec3Iterations ? TrustState::insecure : TrustState::no_cut);
    if (iterations > kMaxNsec3Iterations) {
      EXPECT_EQ(trust.ede, EdeCode::unsupported_nsec3_iterations);
    }
  }
}

// Of DS, DNSKEY and what is left of their signatures the least.
TEST(ChainOfTrust, LivesNoLongerThanItsRecords) {
  struct LifeRow {
    const char* what;
    unsigned ds_ttl, key_ttl, ds_expiration, key_expiration;
    int lives;
  };
  const LifeRow rows[] = {
      {"the DS", 100, 200, 20'000, 20'000, 100},
      {"the DNSKEY", 200, 100, 20'000, 20'000, 100},
      {"the signature of the DS", 3600, 3600, 1570, 20'000, 70},
      {"the signature of the DNSKEY", 3600, 3600, 20'000, 1560, 60},
  };
  for (const LifeRow& row : rows) {
    SCOPED_TRACE(row.what);
    Tree world;
    const auto change = [&](const char* zone, RecordType type, const char* signer, unsigned ttl, unsigned expiration) {
      TrustRecords answer = world.honest(zone, type);
      answer.records.rrset.ttl_seconds = ttl;
      answer.records.signatures = world.zone(signer).signer().sign(answer.records.rrset, {.expiration = expiration});
      world.instead.emplace(std::string(zone) + " " + to_text(type), answer);
    };
    change("secure.example", RecordType::ds, "example", row.ds_ttl, row.ds_expiration);
    change("secure.example", RecordType::dnskey, "secure.example", row.key_ttl, row.key_expiration);
    const ZoneTrust trust = world.zone_trust("secure.example");
    EXPECT_EQ(trust.state, TrustState::secure) << trust.why;
    EXPECT_EQ(trust.expires - world.now.steady, seconds(row.lives));
  }
  Tree world;
  EXPECT_EQ(world.zone_trust("insecure.example").expires - world.now.steady, seconds(3600)) << "the NSEC's";
}

// Else each question below a zone that denies with TTL 0 would ask for a DS. That no cut is there lives by its proof.
TEST(ChainOfTrust, AnInsecureVerdictOutlivesADenialOfShortLife) {
  const char* const zone =
      "example. 3600 SOA ns. h. 1 2 3 4 300\nwww.example. 3600 A 192.0.2.1\nsub.example. 3600 NS ns.sub.example.\n";
  for (const auto& [question, state, lives] :
       {std::tuple{"sub.example", TrustState::insecure, 60}, std::tuple{"www.example", TrustState::no_cut, 0}}) {
    SCOPED_TRACE(question);
    SignedWorld world;
    world.trust(world.add("example", zone));
    TrustRecords denial = world.honest(question, RecordType::ds);
    for (Rrset& rrset : denial.authority) rrset.ttl_seconds = 0;
    world.instead.emplace(std::string(question) + " DS", denial);
    const ZoneTrust trust = world.zone_trust(question);
    EXPECT_EQ(trust.state, state) << trust.why;
    EXPECT_EQ(trust.expires - world.now.steady, seconds(lives));
  }
}

// The referral on the way brought the proof: nobody has to be asked for the DS of a zone below.
TEST(ChainOfTrust, BelowAnInsecureZoneNobodyIsAsked) {
  struct Row {
    const char* zone;
    std::vector<const char*> at_hand;
    Asked asked;
  };
  const Asked to_example = {". DNSKEY", "example DNSKEY", "example DS"};
  const auto and_ = [&](Asked more) {
    more.insert(more.end(), to_example.begin(), to_example.end());
    return sorted(more);
  };
  const Row rows[] = {
      {"www.insecure.example", {"insecure.example"}, and_({"insecure.example DS"})},
      {"a.www.insecure.example", {"example", "insecure.example"}, and_({"insecure.example DS"})},
      {"www.insecure.example", {"example"}, and_({"insecure.example DS", "www.insecure.example DS"})},
      {"deep.secure.example",
       {"secure.example"},
       and_({"secure.example DS", "secure.example DNSKEY", "deep.secure.example DS", "deep.secure.example DNSKEY"})},
  };
  for (const Row& row : rows) {
    Tree world;
    const auto knows_ds = [&](const Name& zone, SteadyTime) {
      return std::ranges::any_of(row.at_hand, [&](const char* known) { return zone == name(known); });
    };
    ChainOfTrust chain(world.rules, world.cache, knows_ds);
    Budget budget{SteadyTime{}};
    const ZoneTrust trust = world.zone_trust(chain, row.zone, budget);
    EXPECT_EQ(trust.state, row.asked.size() > 5 ? TrustState::secure : TrustState::insecure);
    EXPECT_EQ(sorted(world.asked), row.asked) << row.zone;
    // What is known from before does for the next one.
    world.asked.clear();
    ChainOfTrust next(world.rules, world.cache);
    EXPECT_EQ(world.zone_trust(next, std::string("x.") + row.zone, budget).state,
              row.asked.size() > 5 ? TrustState::no_cut : TrustState::insecure);
    EXPECT_EQ(world.asked.size(), row.asked.size() > 5 ? 1U : 0U);
  }
}

// Servers that drop or refuse the question are common, and unsigned data needs no DS.
TEST(ChainOfTrust, BelowAnInsecureZoneADsMayBeMissing) {
  for (const char* const zone_cut : {".", "insecure.example"}) {
    Tree world;
    world.instead.insert_or_assign(
        "www.insecure.example DS",
        TrustRecords{TrustRecords::Kind::failed, {}, {}, name(zone_cut), EdeCode::network_error});
    EXPECT_EQ(world.zone_trust("www.insecure.example").state, TrustState::insecure);
    world.cache.clear();
    EXPECT_EQ(world.zone_trust("a.www.insecure.example").state, TrustState::insecure);
  }
}

// Another server of the zone may yet be asked: until then the others go by what they find themselves.
TEST(ChainOfTrust, ThatAZoneIsBogusIsKeptWhenThatIsCertain) {
  Tree world;
  auto unsigned_keys = world.honest("secure.example", RecordType::dnskey);
  unsigned_keys.records.signatures = Rrset();
  world.instead.insert_or_assign("secure.example DNSKEY", unsigned_keys);
  ChainOfTrust chain(world.rules, world.cache);
  Budget budget{SteadyTime{}};
  const ZoneTrust found = world.zone_trust(chain, "secure.example", budget);
  EXPECT_EQ(found.state, TrustState::bogus);
  EXPECT_EQ(found.blamed, name("secure.example"));
  EXPECT_EQ(found.broken, name("secure.example"));
  EXPECT_FALSE(world.cache.find(name("secure.example"), world.now.steady));
  chain.keep_bogus();
  ChainOfTrust next(world.rules, world.cache);
  const ZoneTrust known = world.zone_trust(next, "secure.example", budget);
  EXPECT_EQ(known.state, TrustState::bogus);
  EXPECT_EQ(known.blamed, std::nullopt) << "nobody is to be asked anew";
}

// One walk checks each record once, however often it is asked to go on; the next one finds all of it in the cache.
TEST(ChainOfTrust, NothingIsAskedOrCheckedTwice) {
  Tree world;
  ChainOfTrust chain(world.rules, world.cache);
  Budget budget{SteadyTime{}};
  EXPECT_EQ(world.zone_trust(chain, "secure.example", budget).state, TrustState::secure);
  EXPECT_EQ(world.asked.size(), 5U);
  EXPECT_EQ(budget.spent(Limit::signature_checks), 5U);  // three DNSKEY, two DS
  EXPECT_EQ(budget.spent(Limit::failed_signature_checks), 0U);
  EXPECT_EQ(world.zone_trust(chain, "secure.example", budget).state, TrustState::secure);
  EXPECT_EQ(budget.spent(Limit::signature_checks), 5U);
  Budget second{SteadyTime{}};
  ChainOfTrust next(world.rules, world.cache);
  EXPECT_EQ(world.zone_trust(next, "secure.example", second).state, TrustState::secure);
  EXPECT_EQ(second.spent(Limit::signature_checks), 0U);
  EXPECT_EQ(world.asked.size(), 5U);
  EXPECT_EQ(world.zone_trust(next, "other.example", second).state, TrustState::secure);
  EXPECT_EQ(second.spent(Limit::signature_checks), 2U) << "its DS and DNSKEY alone";
  EXPECT_EQ(world.asked.size(), 7U);
  // A walk that has begun does not depend on the cache.
  world.cache.clear();
  EXPECT_EQ(world.zone_trust(next, "other.example", second).state, TrustState::secure);
  EXPECT_EQ(second.spent(Limit::signature_checks), 2U);
  EXPECT_EQ(world.asked.size(), 7U);
}

// KeyTrap: where the budget ends nothing is known, and nothing is kept; the next one with a budget finds out.
TEST(ChainOfTrust, AnEmptyBudgetLeavesNothingBehind) {
  for (const std::uint64_t checks : {0U, 1U, 2U, 3U, 4U, 5U}) {
    SCOPED_TRACE(checks);
    Tree world;
    ChainOfTrust chain(world.rules, world.cache);
    Budget budget{SteadyTime{}};
    budget.charge(Limit::signature_checks, limit_of(Limit::signature_checks) - checks);
    const ZoneTrust trust = world.zone_trust(chain, "secure.example", budget);
    EXPECT_EQ(trust.state, checks < 5 ? TrustState::limit : TrustState::secure);
    EXPECT_EQ(budget.reached().has_value(), checks < 5);
    const std::size_t zones = checks < 1 ? 0 : checks < 3 ? 1 : checks < 5 ? 2 : 3;
    EXPECT_EQ(world.cache.size(), zones);
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::secure);
  }
  Tree world(DenialBy::nsec3);
  ChainOfTrust chain(world.rules, world.cache);
  Budget budget{SteadyTime{}};
  budget.charge(Limit::nsec3_hashes, limit_of(Limit::nsec3_hashes));
  EXPECT_EQ(world.zone_trust(chain, "insecure.example", budget).state, TrustState::limit);
  EXPECT_FALSE(world.cache.find(name("insecure.example"), world.now.steady));
  EXPECT_EQ(world.zone_trust("insecure.example").state, TrustState::insecure);
}

TEST(ChainOfTrust, ManyBrokenSignaturesAreALimitAndNotBogus) {
  Tree world;
  TrustRecords keys = world.honest("secure.example", RecordType::dnskey);
  const SignedZone& zone = world.zone("secure.example");
  Rrset broken = keys.records.signatures;
  broken.set_packed({}, 0);
  for (unsigned i = 0; i < 10; ++i) {
    Octets rdata = zone.signer().rrsig_rdata(keys.records.rrset, {.expiration = 20'000});
    rdata.back() = static_cast<std::uint8_t>(rdata.back() ^ (i + 1));
    broken.add(rdata);
  }
  for (const auto rdata : keys.records.signatures.records()) broken.add(rdata);
  keys.records.signatures = broken;
  world.instead.emplace("secure.example DNSKEY", keys);
  ChainOfTrust chain(world.rules, world.cache);
  Budget budget{SteadyTime{}};
  EXPECT_EQ(world.zone_trust(chain, "secure.example", budget).state, TrustState::limit);
  EXPECT_EQ(budget.spent(Limit::failed_signature_checks), limit_of(Limit::failed_signature_checks));
  EXPECT_FALSE(world.cache.find(name("secure.example"), world.now.steady));
}

struct UnsignedRow {
  const char* what;
  const char* name;
  const char* zone_cut;
  TrustState state;
  Asked asked;
};

TEST(ChainOfTrust, UnsignedDataIsFineBelowAnInsecureCutAlone) {
  using enum TrustState;
  const Asked to_example = {". DNSKEY", "example DNSKEY", "example DS"};
  const auto and_ = [&](Asked more) {
    more.insert(more.end(), to_example.begin(), to_example.end());
    return sorted(more);
  };
  const UnsignedRow rows[] = {
      {"in a signed zone", "www.example", "example", secure, and_({"www.example DS"})},
      {"at its apex", "example", "example", secure, to_example},
      {"deep in it", "x.ent.example", "example", secure, and_({"ent.example DS", "x.ent.example DS"})},
      {"in an unsigned zone", "www.insecure.example", "insecure.example", insecure, and_({"insecure.example DS"})},
      {"in one two labels down", "www.far.ent.example", "far.ent.example", insecure, and_({"far.ent.example DS"})},
      {"the same by way of a forwarder", "www.insecure.example", ".", insecure, and_({"insecure.example DS"})},
      {"the servers of the parent serve the child too", "www.insecure.example", "example", insecure,
       and_({"insecure.example DS"})},
      {"in a signed zone below", "secure.example", "example", secure,
       and_({"secure.example DNSKEY", "secure.example DS"})},
      {"what a validator does not support", "www.dsa.example", "dsa.example", insecure, and_({"dsa.example DS"})},
  };
  for (const UnsignedRow& row : rows) {
    SCOPED_TRACE(row.what);
    Tree world;
    ChainOfTrust chain(world.rules, world.cache);
    Budget budget{SteadyTime{}};
    const ZoneTrust trust =
        world.ask_on(chain, [&] { return chain.unsigned_at(name(row.name), name(row.zone_cut), world.now, budget); });
    EXPECT_EQ(trust.state, row.state) << trust.why;
    EXPECT_EQ(sorted(world.asked), row.asked);
  }
  Tree world;
  world.rules.anchors = TrustAnchors();
  ChainOfTrust chain(world.rules, world.cache);
  Budget budget{SteadyTime{}};
  EXPECT_EQ(
      world.ask_on(chain, [&] { return chain.unsigned_at(name("www.example"), name("example"), world.now, budget); })
          .state,
      insecure);
  EXPECT_TRUE(world.asked.empty());
}

TEST(ChainOfTrust, WithoutKeysAZoneMayBeTakenForUnsigned) {
  for (const bool insecure : {false, true}) {
    Tree world;
    world.rules.missing_keys_are_insecure = insecure;
    world.instead["secure.example DNSKEY"] = {};
    EXPECT_EQ(world.zone_trust("secure.example").state, insecure ? TrustState::insecure : TrustState::bogus);
    EXPECT_EQ(world.zone_trust("example").state, TrustState::secure);
  }
}

// RFC 9520 section 3.2: a failure to get the keys is no proof that they are wrong.
TEST(ChainOfTrust, WhoCouldNotBeAskedIsAskedAgainSoon) {
  for (const char* question : {"secure.example DNSKEY", "secure.example DS"}) {
    SCOPED_TRACE(question);
    Tree world;
    world.instead[question] = {};
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::bogus);
    world.instead.clear();
    EXPECT_EQ(world.zone_trust("secure.example").ede, EdeCode::dnskey_missing) << "remembered";
    world.pass(seconds(limit_of(Limit::failure_ttl_min_s) + 1));
    EXPECT_EQ(world.zone_trust("secure.example").state, TrustState::secure);
  }
}

}  // namespace
}  // namespace weir::chain_of_trust_test
