#include "resolver/dnssec/answer_validator.h"

#include "tests/resolver/dnssec/signed_world.h"

namespace weir::answer_validator_test {
namespace {

using std::chrono::seconds;

// The anchor is at "example"; below it each kind of zone.
class AnswerWorld : public SignedWorld {
 public:
  explicit AnswerWorld(DenialBy denial = DenialBy::nsec) {
    const Signing signing{.denial = denial};
    const SignedZone& secure = add("secure.example",
                                   "secure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
                                   "www.secure.example. 3600 A 192.0.2.2\n",
                                   signing);
    add("broken.example",
        "broken.example. 3600 SOA ns. h. 1 2 3 4 300\n"
        "www.broken.example. 3600 A 192.0.2.3\n",
        signing);
    add("insecure.example",
        "insecure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
        "www.insecure.example. 3600 A 192.0.2.4\n");
    trust(add("example",
              "example. 300 SOA ns. h. 1 2 3 4 300\n"
              "secure.example. 3600 NS ns.secure.example.\n" +
                  secure.ds_line() +
                  "broken.example. 3600 NS ns.broken.example.\n"
                  "broken.example. 3600 DS 1 13 2 00\n"
                  "dsa.example. 3600 NS ns.dsa.example.\n"
                  "dsa.example. 3600 DS 1 3 2 00\n"
                  "insecure.example. 3600 NS ns.insecure.example.\n"
                  "www.example. 3600 A 192.0.2.1\n"
                  "alias.example. 3600 CNAME www.example.\n"
                  "x.ent.example. 3600 A 192.0.2.1\n"
                  "*.wild.example. 3600 A 192.0.2.1\n"
                  "there.wild.example. 3600 TXT here\n"
                  "*.dname.example. 3600 DNAME www.example.\n",
              signing));
  }
};

class AnswerValidation {
 public:
  explicit AnswerValidation(SignedWorld& world) : world_(world), validator(world.rules, world.cache) {}

  AnswerValidation& with(SignedRrset data, const std::string& zone_cut = "example") {
    validator.pieces.push_back({.data = std::move(data), .zone_cut = name(zone_cut)});
    return *this;
  }
  AnswerValidation& denying(const std::string& owner, RecordType type, NegativeKind kind, std::vector<Rrset> authority,
                            const std::string& zone_cut = "example") {
    validator.denial = DenialPiece{name(owner), type, kind, std::move(authority), 300, name(zone_cut)};
    return *this;
  }
  Validated run(Budget& budget) {
    return world_.ask_on(validator, [&] { return validator.run(world_.now, budget); });
  }
  Validated run() { return run(budget); }

 private:
  SignedWorld& world_;

 public:
  AnswerValidator validator;
  Budget budget{SteadyTime{}};
};

constexpr DenialBy kKinds[] = {DenialBy::nsec, DenialBy::nsec3, DenialBy::nsec3_opt_out};

struct PositiveRow {
  const char* what;
  std::function<SignedRrset(const SignedWorld&)> data;
  const char* zone_cut;
  Security security;
  std::optional<EdeCode> ede = std::nullopt;
  const char* blamed = "example";
};

TEST(AnswerValidator, PositiveAnswers) {
  const auto get = [](const char* zone, const char* owner, RecordType type) {
    return [=](const SignedWorld& world) { return world.zone(zone).get(owner, type); };
  };
  const auto bare = [](const char* record) {
    return [=](const SignedWorld&) { return SignedRrset{rrset_of(record), {}}; };
  };
  const auto signed_by = [](const char* record, const char* zone, Signer::Change change) {
    return [=](const SignedWorld& world) {
      const Rrset rrset = rrset_of(record);
      return SignedRrset{rrset, world.zone(zone).signer().sign(rrset, change)};
    };
  };
  const char* const www = "www.example. 3600 A 192.0.2.1";
  using enum Security;
  const PositiveRow rows[] = {
      {"signed", get("example", "www.example", RecordType::a), "example", secure},
      {"signed in a zone below", get("secure.example", "www.secure.example", RecordType::a), "secure.example", secure},
      {"the same by way of a forwarder", get("secure.example", "www.secure.example", RecordType::a), "example", secure},
      {"a DNSKEY", get("secure.example", "secure.example", RecordType::dnskey), "secure.example", secure},
      {"a DS is its parent's", get("example", "secure.example", RecordType::ds), "example", secure},
      {"unsigned in a signed zone", bare(www), "example", bogus, EdeCode::rrsigs_missing},
      {"unsigned in one below", bare("www.secure.example. 3600 A 192.0.2.2"), "secure.example", bogus,
       EdeCode::rrsigs_missing, "secure.example"},
      {"from a wildcard, without proof",
       signed_by("www.example. 3600 A 192.0.2.1", "example", {.labels = 1, .expiration = 20'000}), "example", bogus,
       EdeCode::nsec_missing},
      {"expired", signed_by(www, "example", {.expiration = 1400}), "example", bogus, EdeCode::signature_expired},
      {"not yet valid", signed_by(www, "example", {.inception = 1600, .expiration = 20'000}), "example", bogus,
       EdeCode::signature_not_yet_valid},
      {"signed by a neighbour in the zone's name",
       signed_by(www, "secure.example", {.expiration = 20'000, .signer = name("example")}), "example", bogus,
       EdeCode::dnskey_missing},
      {"signed by what is no zone", signed_by(www, "example", {.expiration = 20'000, .signer = name("www.example")}),
       "example", bogus, EdeCode::bogus},
      {"signed by a neighbour", signed_by(www, "secure.example", {.expiration = 20'000}), "example", bogus,
       EdeCode::rrsigs_missing},
      {"a DS that the child signed",
       signed_by("secure.example. 3600 DS 1 13 2 00", "secure.example", {.expiration = 20'000}), "example", bogus,
       EdeCode::rrsigs_missing},
      {"an unsigned zone", bare("www.insecure.example. 3600 A 192.0.2.4"), "insecure.example", insecure},
      {"the same by way of a forwarder", bare("www.insecure.example. 3600 A 192.0.2.4"), "example", insecure},
      {"a zone that signs without DS", get("insecure.example", "www.insecure.example", RecordType::a),
       "insecure.example", insecure},
      {"an algorithm that is not supported", bare("www.dsa.example. 3600 A 192.0.2.5"), "dsa.example", insecure,
       EdeCode::unsupported_dnskey_algorithm},
      {"a zone whose DS is wrong", get("broken.example", "www.broken.example", RecordType::a), "broken.example", bogus,
       EdeCode::dnskey_missing, "broken.example"},
      {"no anchor above it", bare("www.org. 3600 A 192.0.2.6"), "org", insecure},
      {"RRSIGs are not signed",
       [](const SignedWorld& world) {
         return SignedRrset{world.zone("example").get("www.example", RecordType::a).signatures, {}};
       },
       "example", insecure},
  };
  for (const PositiveRow& row : rows) {
    SCOPED_TRACE(row.what);
    AnswerWorld world;
    AnswerValidation validation(world);
    const Validated validated = validation.with(row.data(world), row.zone_cut).run();
    EXPECT_EQ(validated.security, row.security) << validated.why;
    EXPECT_EQ(validated.ede, row.ede) << validated.why;
    EXPECT_EQ(validation.validator.pieces[0].data.security, row.security);
    EXPECT_EQ(validated.blamed.has_value(), row.security == bogus);
    if (validated.blamed) {
      EXPECT_EQ(*validated.blamed, name(row.blamed));
      EXPECT_FALSE(validated.why.empty());
    }
    EXPECT_FALSE(validated.limit_reached);
  }
}

TEST(AnswerValidator, ChangedDataIsBogus) {
  AnswerWorld world;
  SignedRrset data = world.zone("example").get("www.example", RecordType::a);
  data.rrset.add(rdata_of("www.example. 3600 A 192.0.2.66"));
  const Validated validated = AnswerValidation(world).with(data).run();
  EXPECT_EQ(validated.security, Security::bogus);
  EXPECT_EQ(validated.ede, EdeCode::bogus);
}

TEST(AnswerValidator, BelowANegativeAnchorNothingIsBogus) {
  AnswerWorld world;
  world.distrust("broken.example");
  const SignedRrset data = world.zone("broken.example").get("www.broken.example", RecordType::a);
  EXPECT_EQ(AnswerValidation(world).with(data, "broken.example").run().security, Security::insecure);
  EXPECT_TRUE(world.asked.empty());
  EXPECT_EQ(AnswerValidation(world).with(world.zone("example").get("www.example", RecordType::a)).run().security,
            Security::secure);
}

TEST(AnswerValidator, WildcardsNeedTheirProof) {
  struct WildcardRow {
    const char* what;
    const char* owner;
    const char* proofs_for;  // null: none come
    Security security;
    std::optional<EdeCode> ede = std::nullopt;
    Security with_opt_out;
  };
  using enum Security;
  const WildcardRow rows[] = {
      {"with proof", "a.wild.example", "a.wild.example", secure, {}, insecure},
      {"two labels below", "b.a.wild.example", "b.a.wild.example", secure, {}, insecure},
      {"without proof", "a.wild.example", nullptr, bogus, EdeCode::nsec_missing, bogus},
      {"with the proof for another name", "a.wild.example", "www.example", bogus, EdeCode::bogus, bogus},
      {"a name that is there", "there.wild.example", "there.wild.example", bogus, EdeCode::bogus, bogus},
  };
  for (const DenialBy denial : kKinds) {
    for (const WildcardRow& row : rows) {
      SCOPED_TRACE(std::string(row.what) + ", denial " + std::to_string(static_cast<int>(denial)));
      AnswerWorld world(denial);
      const SignedZone& zone = world.zone("example");
      SignedRrset data = zone.expanded("*.wild.example", RecordType::a, row.owner);
      if (row.proofs_for != nullptr) data.proofs = SignedZone::flat(zone.proofs(name(row.proofs_for)));
      AnswerValidation validation(world);
      const Validated validated = validation.with(data).run();
      const Security expected = denial == DenialBy::nsec3_opt_out ? row.with_opt_out : row.security;
      EXPECT_EQ(validated.security, expected) << validated.why;
      EXPECT_EQ(validated.ede, row.ede) << validated.why;
      const AnswerPiece& piece = validation.validator.pieces[0];
      if (expected != secure) continue;
      ASSERT_TRUE(piece.wildcard);
      EXPECT_EQ(*piece.wildcard, name("*.wild.example"));
      EXPECT_EQ(piece.zone, name("example"));
      EXPECT_FALSE(piece.proofs.empty());
      EXPECT_EQ(piece.data.rrset.ttl_seconds, 300U) << "its proof lives no longer";
      EXPECT_FALSE(piece.data.proofs.empty()) << "clients want it too";
    }
  }
  // Asked for by its own name a wildcard is a name like others.
  AnswerWorld world;
  AnswerValidation validation(world);
  EXPECT_EQ(validation.with(world.zone("example").get("*.wild.example", RecordType::a)).run().security, secure);
  EXPECT_FALSE(validation.validator.pieces[0].wildcard);
}

TEST(AnswerValidator, ProofsWithBrokenSignaturesProveNothing) {
  AnswerWorld world;
  const SignedZone& zone = world.zone("example");
  SignedRrset data = zone.expanded("*.wild.example", RecordType::a, "a.wild.example");
  for (const SignedRrset& proof : zone.proofs(name("a.wild.example"))) {
    data.proofs.push_back(proof.rrset);
    data.proofs.push_back(zone.signer().sign(proof.rrset, {.expiration = 1400}));
  }
  const Validated validated = AnswerValidation(world).with(data).run();
  EXPECT_EQ(validated.security, Security::bogus);
  EXPECT_EQ(validated.ede, EdeCode::signature_expired);
}

// It would redirect every name below what it was expanded to.
TEST(AnswerValidator, ADnameFromAWildcardIsBogus) {
  AnswerWorld world;
  const SignedZone& zone = world.zone("example");
  SignedRrset data = zone.expanded("*.dname.example", RecordType::dname, "a.dname.example");
  data.proofs = SignedZone::flat(zone.proofs(name("a.dname.example")));
  const Validated validated = AnswerValidation(world).with(data).run();
  EXPECT_EQ(validated.security, Security::bogus);
  EXPECT_EQ(validated.ede, EdeCode::bogus);
  EXPECT_EQ(AnswerValidation(world).with(zone.get("*.dname.example", RecordType::dname)).run().security,
            Security::secure);
}

struct DenialRow {
  const char* what;
  const char* owner;
  RecordType type;
  NegativeKind kind;
  const char* proofs_for;
  Security security;
  std::optional<EdeCode> ede = std::nullopt;
  Security with_opt_out;
  NegativeKind becomes;
};

TEST(AnswerValidator, Denials) {
  using enum Security;
  using enum NegativeKind;
  const RecordType a = RecordType::a;
  const DenialRow rows[] = {
      {"NODATA", "www.example", RecordType::mx, nodata, "www.example", secure, {}, secure, nodata},
      {"NODATA of an alias", "alias.example", a, nodata, "alias.example", bogus, EdeCode::bogus, bogus, nodata},
      {"NODATA at the apex", "example", RecordType::mx, nodata, "example", secure, {}, secure, nodata},
      {"NODATA of a type that is there", "www.example", a, nodata, "www.example", bogus, EdeCode::bogus, bogus, nodata},
      {"NODATA of an empty non-terminal", "ent.example", a, nodata, "ent.example", secure, {}, secure, nodata},
      {"NODATA of a wildcard",
       "q.wild.example",
       RecordType::mx,
       nodata,
       "q.wild.example",
       secure,
       {},
       insecure,
       nodata},
      {"NODATA of a wildcard's type", "q.wild.example", a, nodata, "q.wild.example", bogus, EdeCode::bogus, bogus,
       nodata},
      {"NXDOMAIN", "none.example", a, nxdomain, "none.example", secure, {}, insecure, nxdomain},
      {"NXDOMAIN deep down", "a.b.none.example", a, nxdomain, "a.b.none.example", secure, {}, insecure, nxdomain},
      {"NXDOMAIN of a name that is there", "www.example", RecordType::mx, nxdomain, "none.example", bogus,
       EdeCode::bogus, bogus, nxdomain},
      {"NXDOMAIN that is an empty non-terminal", "ent.example", a, nxdomain, "ent.example", secure, {}, secure, nodata},
      {"NXDOMAIN of a name that lacks the type",
       "www.example",
       RecordType::mx,
       nxdomain,
       "www.example",
       secure,
       {},
       secure,
       nodata},
      {"NXDOMAIN in spite of a wildcard", "q.wild.example", a, nxdomain, "q.wild.example", bogus, EdeCode::bogus, bogus,
       nxdomain},
      {"NODATA by the proof of NXDOMAIN", "none.example", a, nodata, "none.example", bogus, EdeCode::bogus, insecure,
       nodata},
      {"no DS", "insecure.example", RecordType::ds, nodata, "insecure.example", secure, {}, insecure, nodata},
      {"no DS where there is one", "secure.example", RecordType::ds, nodata, "secure.example", bogus, EdeCode::bogus,
       bogus, nodata},
      {"the parent does not deny the child's records", "secure.example", a, nodata, "secure.example", bogus,
       EdeCode::bogus, bogus, nodata},
      {"nor the names in it", "none.secure.example", a, nxdomain, "secure.example", bogus, EdeCode::bogus, bogus,
       nxdomain},
  };
  for (const DenialBy denial : kKinds) {
    for (const DenialRow& row : rows) {
      SCOPED_TRACE(std::string(row.what) + ", denial " + std::to_string(static_cast<int>(denial)));
      AnswerWorld world(denial);
      AnswerValidation validation(world);
      validation.denying(row.owner, row.type, row.kind, world.zone("example").denial(row.proofs_for));
      const Validated validated = validation.run();
      const DenialPiece& piece = *validation.validator.denial;
      const bool opt_out = denial == DenialBy::nsec3_opt_out;
      EXPECT_EQ(validated.security, opt_out ? row.with_opt_out : row.security) << validated.why;
      EXPECT_EQ(piece.security, validated.security);
      EXPECT_EQ(piece.kind, row.becomes);
      if (validated.security == bogus) {
        EXPECT_EQ(validated.ede, row.ede) << validated.why;
        EXPECT_EQ(*validated.blamed, name("example"));
      }
      if (validated.security != secure) continue;
      EXPECT_EQ(piece.zone, name("example"));
      EXPECT_FALSE(piece.proofs.empty());
      EXPECT_TRUE(piece.soa);
    }
  }
}

TEST(AnswerValidator, DenialsThatLackSomething) {
  using Authority = std::vector<Rrset>;
  const auto without = [](Authority records, auto&& unwanted) {
    std::erase_if(records, unwanted);
    return records;
  };
  const auto is = [](RecordType type, RecordType covered = {}) {
    return [=](const Rrset& rrset) { return rrset.type == type && rrset.type_covered == covered; };
  };
  struct LackRow {
    const char* what;
    Authority authority;
    Security security;
    std::optional<EdeCode> ede;
  };
  AnswerWorld world;
  const SignedZone& zone = world.zone("example");
  const Authority whole = zone.denial("none.example");
  Authority expired_soa = without(whole, is(RecordType::rrsig, RecordType::soa));
  expired_soa.push_back(zone.signer().sign(expired_soa.front(), {.expiration = 1400}));
  Authority of_another_zone = world.zone("secure.example").denial("none.secure.example");
  const LackRow rows[] = {
      {"nothing", whole, Security::secure, std::nullopt},
      {"the SOA's signature", without(whole, is(RecordType::rrsig, RecordType::soa)), Security::bogus,
       EdeCode::rrsigs_missing},
      {"a good signature of the SOA", expired_soa, Security::bogus, EdeCode::signature_expired},
      {"the SOA: it proves nothing",
       without(without(whole, is(RecordType::soa)), is(RecordType::rrsig, RecordType::soa)), Security::secure,
       std::nullopt},
      {"the NSEC's signatures", without(whole, is(RecordType::rrsig, RecordType::nsec)), Security::bogus,
       EdeCode::nsec_missing},
      {"the NSEC", without(without(whole, is(RecordType::nsec)), is(RecordType::rrsig, RecordType::nsec)),
       Security::bogus, EdeCode::nsec_missing},
      {"all signatures", without(whole, [](const Rrset& rrset) { return rrset.type == RecordType::rrsig; }),
       Security::bogus, EdeCode::rrsigs_missing},
      {"everything", {}, Security::bogus, EdeCode::nsec_missing},
      {"the right zone", of_another_zone, Security::bogus, EdeCode::nsec_missing},
  };
  for (const LackRow& row : rows) {
    SCOPED_TRACE(row.what);
    AnswerValidation validation(world);
    const Validated validated =
        validation.denying("none.example", RecordType::a, NegativeKind::nxdomain, row.authority).run();
    EXPECT_EQ(validated.security, row.security) << validated.why;
    EXPECT_EQ(validated.ede, row.ede) << validated.why;
  }
  // The same without anything, where nobody signs.
  AnswerValidation insecure(world);
  insecure.denying("none.insecure.example", RecordType::a, NegativeKind::nxdomain,
                   {world.zone("insecure.example").get("insecure.example", RecordType::soa).rrset}, "insecure.example");
  EXPECT_EQ(insecure.run().security, Security::insecure);
}

TEST(AnswerValidator, AZoneDoesNotDenyItsOwnDs) {
  AnswerWorld world;
  AnswerValidation validation(world);
  validation.denying("secure.example", RecordType::ds, NegativeKind::nodata,
                     world.zone("secure.example").denial("secure.example"));
  const Validated validated = validation.run();
  EXPECT_EQ(validated.security, Security::bogus);
  EXPECT_EQ(validated.ede, EdeCode::nsec_missing);
}

TEST(AnswerValidator, TooManyIterationsMakeADenialInsecure) {
  SignedWorld world;
  world.trust(world.add("example", "example. 3600 SOA ns. h. 1 2 3 4 300\n",
                        {.denial = DenialBy::nsec3, .iterations = kMaxNsec3Iterations + 1}));
  AnswerValidation validation(world);
  validation.denying("none.example", RecordType::a, NegativeKind::nxdomain,
                     world.zone("example").denial("none.example"));
  const Validated validated = validation.run();
  EXPECT_EQ(validated.security, Security::insecure);
  EXPECT_EQ(validated.ede, EdeCode::unsupported_nsec3_iterations);
}

// The answer is as good as the least of its links; what is bogus ends it, and what came after it nobody looked at.
TEST(AnswerValidator, ChainsAreAsGoodAsTheirWorstLink) {
  using enum Security;
  struct ChainRow {
    const char* what;
    std::vector<char> links;  // s, i, b, u (unsupported algorithm)
    Security security;
    std::optional<EdeCode> ede;
    std::vector<Security> each;
  };
  const ChainRow rows[] = {
      {"secure", {'s', 's'}, secure, {}, {secure, secure}},
      {"into an unsigned zone", {'s', 'i'}, insecure, {}, {secure, insecure}},
      {"out of an unsigned zone", {'i', 's'}, insecure, {}, {insecure, secure}},
      {"by way of what is not supported",
       {'s', 'u', 's'},
       insecure,
       EdeCode::unsupported_dnskey_algorithm,
       {secure, insecure, secure}},
      {"into bogus", {'s', 'i', 'b'}, bogus, EdeCode::dnskey_missing, {secure, insecure, bogus}},
      {"out of bogus", {'i', 'b', 's'}, bogus, EdeCode::dnskey_missing, {insecure, bogus, indeterminate}},
  };
  for (const ChainRow& row : rows) {
    SCOPED_TRACE(row.what);
    AnswerWorld world;
    AnswerValidation validation(world);
    for (const char link : row.links) {
      if (link == 's') validation.with(world.zone("example").get("alias.example", RecordType::cname));
      if (link == 'i') validation.with({rrset_of("www.insecure.example. 3600 CNAME x."), {}}, "insecure.example");
      if (link == 'u') validation.with({rrset_of("www.dsa.example. 3600 CNAME x."), {}}, "dsa.example");
      if (link == 'b') {
        validation.with(world.zone("broken.example").get("www.broken.example", RecordType::a), "broken.example");
      }
    }
    const Validated validated = validation.run();
    EXPECT_EQ(validated.security, row.security);
    EXPECT_EQ(validated.ede, row.ede);
    for (std::size_t i = 0; i < row.each.size(); ++i) {
      EXPECT_EQ(validation.validator.pieces[i].data.security, row.each[i]) << "link " << i;
    }
  }
  // A chain that ends in a denial.
  AnswerWorld world;
  AnswerValidation validation(world);
  validation.with({rrset_of("www.insecure.example. 3600 CNAME none.example."), {}}, "insecure.example");
  validation.denying("none.example", RecordType::a, NegativeKind::nxdomain,
                     world.zone("example").denial("none.example"));
  EXPECT_EQ(validation.run().security, insecure);
  EXPECT_EQ(validation.validator.denial->security, secure);
}

// A server that serves both sides of a cut answers an alias into the unsigned zone, and says beside it that there is no
// DS: nobody has to ask for that, and the client needs it as well.
TEST(AnswerValidator, ProofsBesideAnAliasSettleTheDs) {
  for (const DenialBy denial : kKinds) {
    AnswerWorld world(denial);
    for (const bool with_proofs : {true, false}) {
      AnswerValidation validation(world);
      SignedRrset alias = world.zone("example").get("alias.example", RecordType::cname);
      if (with_proofs) alias.proofs = SignedZone::flat(world.zone("example").proofs(name("insecure.example")));
      validation.with(std::move(alias));
      validation.denying("mail.insecure.example", RecordType::a, NegativeKind::nodata, {});
      world.asked.clear();
      world.cache.clear();
      EXPECT_EQ(validation.run().security, Security::insecure);
      const auto asked_for_ds = std::ranges::find(world.asked, "insecure.example DS") != world.asked.end();
      EXPECT_EQ(asked_for_ds, !with_proofs) << static_cast<int>(denial);
      EXPECT_EQ(validation.validator.pieces[0].data.proofs.empty(), !with_proofs);
    }
  }
}

// NSEC3 with too many iterations prove nothing, and whatever stands beside an alias speaks of no particular zone cut:
// taken for a denial of each DS, they would switch off validation in zones that have one.
TEST(AnswerValidator, ProofsWithTooManyIterationsBesideAnAliasSettleNoDs) {
  SignedWorld world;
  const SignedZone& secure = world.add("secure.example",
                                       "secure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
                                       "www.secure.example. 3600 A 192.0.2.2\n");
  world.trust(world.add("example",
                        "example. 300 SOA ns. h. 1 2 3 4 300\n"
                        "secure.example. 3600 NS ns.secure.example.\n" +
                            secure.ds_line() +
                            "insecure.example. 3600 NS ns.insecure.example.\n"
                            "*.wild.example. 3600 CNAME none.secure.example.\n",
                        {.denial = DenialBy::nsec3, .iterations = kMaxNsec3Iterations + 1}));
  SignedRrset alias = world.zone("example").expanded("*.wild.example", RecordType::cname, "a.wild.example");
  alias.proofs = SignedZone::flat(world.zone("example").proofs(name("a.wild.example")));
  struct BehindRow {
    const char* what;
    const char* zone_cut;
    Security security;
    EdeCode ede;
  };
  const BehindRow rows[] = {
      {"a zone with DS", "secure.example", Security::bogus, EdeCode::rrsigs_missing},
      {"one without", "insecure.example", Security::insecure, EdeCode::unsupported_nsec3_iterations},
  };
  for (const BehindRow& row : rows) {
    SCOPED_TRACE(row.what);
    world.cache.clear();
    AnswerValidation validation(world);
    validation.with(alias);
    validation.denying("none." + std::string(row.zone_cut), RecordType::a, NegativeKind::nxdomain,
                       {rrset_of(std::string(row.zone_cut) + ". 3600 SOA ns. h. 1 2 3 4 300")}, row.zone_cut);
    const Validated validated = validation.run();
    EXPECT_EQ(validated.security, row.security);
    EXPECT_EQ(validated.ede, row.ede);
    EXPECT_EQ(validation.validator.pieces[0].data.security, Security::insecure);
  }
}

// An island of trust below a zone that nobody vouches for: what lies above the anchor is insecure, and insecure is what
// everybody could make of the island who signed as if he were there (RFC 4035 section 4.3).
TEST(AnswerValidator, NobodyAboveTheAnchorSignsBelowIt) {
  struct IslandRow {
    const char* what;
    std::function<void(const SignedWorld&, AnswerValidation&)> answer;
    Security security;
  };
  const Signer plain(name("plain"), DnssecAlgorithm::ecdsap256sha256, 257);
  const Signer root(Name(), DnssecAlgorithm::ecdsap256sha256, 257);
  const auto signed_by = [](const Signer& signer, const char* record) {
    const Rrset rrset = rrset_of(record);
    return SignedRrset{rrset, signer.sign(rrset, {.expiration = 20'000})};
  };
  const char* const forged = "www.island.plain. 3600 A 192.0.2.66";
  const auto denial_by_plain = [&] {
    return SignedZone::flat({signed_by(plain, "plain. 300 SOA ns. h. 1 2 3 4 300"),
                             signed_by(plain, "a.plain. 300 NSEC z.plain. A RRSIG NSEC")});
  };
  using enum Security;
  const IslandRow rows[] = {
      {"the parent's signature", [&](auto&, auto& to) { to.with(signed_by(plain, forged), "island.plain"); }, bogus},
      {"the root's signature", [&](auto&, auto& to) { to.with(signed_by(root, forged), "plain"); }, bogus},
      {"the parent's before the zone's own",
       [&](const SignedWorld& world, auto& to) {
         SignedRrset data = world.zone("island.plain").get("www.island.plain", RecordType::a);
         SignedRrset both = data;
         both.signatures = plain.sign(data.rrset, {.expiration = 20'000});
         for (const auto rdata : data.signatures.records()) both.signatures.add(rdata);
         to.with(both, "island.plain");
       },
       secure},
      {"NXDOMAIN by the parent's signature from the island's servers",
       [&](auto&, auto& to) {
         to.denying("www.island.plain", RecordType::a, NegativeKind::nxdomain, denial_by_plain(), "island.plain");
       },
       bogus},
      {"NXDOMAIN from the parent's, which do not delegate the island",
       [&](auto&, auto& to) {
         to.denying("www.island.plain", RecordType::a, NegativeKind::nxdomain, denial_by_plain(), "plain");
       },
       insecure},
      {"a DNAME above",
       [&](auto&, auto& to) {
         to.with({rrset_of("plain. 3600 DNAME evil."), {}}, "plain");
         to.validator.pieces.back().redirects = name("www.island.plain");
       },
       bogus},
      {"the same of a name beside the island",
       [&](auto&, auto& to) {
         to.with({rrset_of("plain. 3600 DNAME evil."), {}}, "plain");
         to.validator.pieces.back().redirects = name("www.plain");
       },
       insecure},
      {"the anchor's own DS",
       [&](auto&, auto& to) { to.with(signed_by(plain, "island.plain. 3600 DS 1 13 2 00"), "plain"); }, insecure},
      {"a name beside the island",
       [&](auto&, auto& to) { to.with(signed_by(plain, "www.plain. 3600 A 192.0.2.1"), "plain"); }, insecure},
  };
  for (const IslandRow& row : rows) {
    SCOPED_TRACE(row.what);
    SignedWorld world;
    world.trust(world.add("island.plain",
                          "island.plain. 3600 SOA ns. h. 1 2 3 4 300\n"
                          "www.island.plain. 3600 A 192.0.2.1\n"));
    AnswerValidation validation(world);
    row.answer(world, validation);
    const Validated validated = validation.run();
    EXPECT_EQ(validated.security, row.security) << validated.why;
  }
}

// RFC 7646 section 2: at the name and below it, whichever zone the name is in.
TEST(AnswerValidator, ANegativeAnchorCountsForTheNameNotForTheSigner) {
  AnswerWorld world;
  world.distrust("www.example");
  world.distrust("none.example");
  const Rrset www = rrset_of("www.example. 3600 A 192.0.2.66");
  const SignedRrset expired{www, world.zone("example").signer().sign(www, {.expiration = 1400})};
  EXPECT_EQ(AnswerValidation(world).with(expired).run().security, Security::insecure);
  EXPECT_EQ(AnswerValidation(world).with({www, {}}).run().security, Security::insecure);
  AnswerValidation denial(world);
  denial.denying("x.none.example", RecordType::a, NegativeKind::nxdomain,
                 world.zone("example").denial("x.none.example"));
  EXPECT_EQ(denial.run().security, Security::insecure) << "nothing is said to be secure there";
  EXPECT_TRUE(world.asked.empty());
  const SignedRrset alias = world.zone("example").get("alias.example", RecordType::cname);
  EXPECT_EQ(AnswerValidation(world).with(alias).run().security, Security::secure) << "beside it all is as ever";
}

// Servers of both zones say first why the wildcard may answer, then that the name it leads to is not there.
TEST(AnswerValidator, TheDeepestZoneThatMayDenyIsTheOneThatDenies) {
  AnswerWorld world;
  const SignedZone& above = world.zone("example");
  std::vector<Rrset> authority = SignedZone::flat(above.proofs(name("a.wild.example")));
  for (Rrset& rrset : world.zone("secure.example").denial("none.secure.example")) authority.push_back(rrset);
  AnswerValidation validation(world);
  validation.denying("none.secure.example", RecordType::a, NegativeKind::nxdomain, authority);
  const Validated validated = validation.run();
  EXPECT_EQ(validated.security, Security::secure) << validated.why;
  EXPECT_EQ(validation.validator.denial->zone, name("secure.example"));
}

// AD speaks of all of answer and authority section (RFC 4035 section 3.2.3).
TEST(AnswerValidator, WhatIsSecureLeavesWithoutWhatDidNotHold) {
  AnswerWorld world;
  const SignedZone& zone = world.zone("example");
  const Rrset forged = rrset_of("zzz.example. 300 NSEC zzzz.example. A RRSIG NSEC");
  const Rrset bad = zone.signer().sign(forged, {.expiration = 1400});
  const auto is_forged = [](const Rrset& rrset) { return rrset.owner == name("zzz.example"); };
  const SignedRrset there = zone.get("there.wild.example", RecordType::txt);

  AnswerValidation denial(world);
  std::vector<Rrset> authority = zone.denial("none.example");
  const std::size_t good = authority.size();
  authority.insert(authority.end(),
                   {forged, bad, rrset_of("example. 300 NS evil.example."), there.rrset, there.signatures});
  denial.denying("none.example", RecordType::a, NegativeKind::nxdomain, authority);
  EXPECT_EQ(denial.run().security, Security::secure);
  const std::vector<Rrset>& denied = denial.validator.denial->authority;
  EXPECT_EQ(std::ranges::count_if(denied, is_forged), 0);
  EXPECT_EQ(std::ranges::count(denied, RecordType::ns, &Rrset::type), 0);
  EXPECT_EQ(denied.size(), good + 2) << "what is good beside it stays";
  EXPECT_EQ(denied.front().type, RecordType::soa);

  SignedRrset data = zone.expanded("*.wild.example", RecordType::a, "a.wild.example");
  data.proofs = SignedZone::flat(zone.proofs(name("a.wild.example")));
  const std::size_t proofs = data.proofs.size();
  data.proofs.insert(data.proofs.end(), {forged, bad});
  AnswerValidation wildcard(world);
  EXPECT_EQ(wildcard.with(data).run().security, Security::secure);
  EXPECT_EQ(wildcard.validator.pieces[0].data.proofs.size(), proofs);
  EXPECT_EQ(std::ranges::count_if(wildcard.validator.pieces[0].data.proofs, is_forged), 0);

  // Kept because it has settled a DS.
  AnswerValidation settled(world);
  SignedRrset alias = zone.get("alias.example", RecordType::cname);
  alias.proofs = SignedZone::flat(zone.proofs(name("insecure.example")));
  const std::size_t settling = alias.proofs.size();
  alias.proofs.insert(alias.proofs.end(), {forged, bad});
  settled.with(std::move(alias));
  settled.denying("mail.insecure.example", RecordType::a, NegativeKind::nodata, {});
  EXPECT_EQ(settled.run().security, Security::insecure);
  EXPECT_EQ(settled.validator.pieces[0].data.proofs.size(), settling);
  EXPECT_EQ(std::ranges::count_if(settled.validator.pieces[0].data.proofs, is_forged), 0);
}

// RFC 4035 section 5.3.3.
TEST(AnswerValidator, NoTtlOutlivesItsSignature) {
  struct TtlRow {
    const char* what;
    std::uint32_t signed_ttl, received_ttl, expiration, expected;
  };
  const TtlRow rows[] = {
      {"as signed", 3600, 3600, 20'000, 3600},
      {"aged", 3600, 10, 20'000, 10},
      {"raised on the way", 100, 3600, 20'000, 100},
      {"the signature ends", 3600, 3600, 1570, 70},
  };
  for (const TtlRow& row : rows) {
    SCOPED_TRACE(row.what);
    AnswerWorld world;
    const SignedZone& zone = world.zone("example");
    SignedRrset data;
    data.rrset = rrset_of("www.example. " + std::to_string(row.signed_ttl) + " A 192.0.2.1");
    data.signatures = zone.signer().sign(data.rrset, {.expiration = row.expiration});
    data.rrset.ttl_seconds = data.signatures.ttl_seconds = row.received_ttl;
    AnswerValidation validation(world);
    EXPECT_EQ(validation.with(data).run().security, Security::secure);
    const SignedRrset& out = validation.validator.pieces[0].data;
    EXPECT_EQ(out.rrset.ttl_seconds, row.expected);
    EXPECT_EQ(out.signatures.ttl_seconds, row.expected);

    // The same for a denial, by its SOA and by its NSEC.
    for (const RecordType type : {RecordType::soa, RecordType::nsec}) {
      std::vector<Rrset> authority;
      for (const Rrset& rrset : zone.denial("none.example")) {
        if (rrset.type == RecordType::rrsig) continue;
        Rrset changed = rrset;
        changed.ttl_seconds = rrset.type == type ? row.signed_ttl : 5000;
        const std::uint32_t expiration = rrset.type == type ? row.expiration : 20'000;
        Rrset signature = zone.signer().sign(changed, {.expiration = expiration});
        if (rrset.type == type) changed.ttl_seconds = row.received_ttl;
        authority.push_back(changed);
        authority.push_back(signature);
      }
      AnswerValidation denial(world);
      denial.denying("none.example", RecordType::a, NegativeKind::nxdomain, authority);
      denial.validator.denial->ttl_seconds = 5000;
      EXPECT_EQ(denial.run().security, Security::secure);
      EXPECT_EQ(denial.validator.denial->ttl_seconds, row.expected);
      for (const Rrset& rrset : denial.validator.denial->authority) EXPECT_LE(rrset.ttl_seconds, row.expected);
    }
  }
}

TEST(AnswerValidator, WhatCameBesideIsKeptOnlyWhereItIsSecureItself) {
  AnswerWorld world;
  const SignedZone& zone = world.zone("example");
  SignedRrset data = zone.get("www.example", RecordType::a);
  const SignedRrset good = zone.get("there.wild.example", RecordType::txt);
  data.additional = {good.rrset, good.signatures, rrset_of("other.example. 3600 A 192.0.2.66"),
                     rrset_of("x.insecure.example. 3600 A 192.0.2.66")};
  data.authority = {rrset_of("example. 3600 NS evil.example.")};
  AnswerValidation validation(world);
  EXPECT_EQ(validation.with(data).run().security, Security::secure);
  const SignedRrset& out = validation.validator.pieces[0].data;
  EXPECT_TRUE(out.authority.empty());
  ASSERT_EQ(out.additional.size(), 2U);
  EXPECT_EQ(out.additional[0].owner, good.rrset.owner);
  EXPECT_EQ(out.additional[1].type, RecordType::rrsig);
}

TEST(AnswerValidator, NothingIsCheckedTwice) {
  AnswerWorld world;
  const SignedRrset data = world.zone("secure.example").get("www.secure.example", RecordType::a);
  AnswerValidation first(world);
  first.with(data, "secure.example")
      .denying("none.example", RecordType::a, NegativeKind::nxdomain, world.zone("example").denial("none.example"));
  EXPECT_EQ(first.run().security, Security::secure);
  EXPECT_EQ(world.asked.size(), 3U);
  // Two DNSKEY, one DS, the address, SOA, and the NSEC that deny name and wildcard.
  const std::uint64_t all = 5 + world.zone("example").proofs(name("none.example")).size();
  EXPECT_EQ(first.budget.spent(Limit::signature_checks), all);
  EXPECT_EQ(first.run().security, Security::secure) << "what is known to be secure";
  EXPECT_EQ(first.budget.spent(Limit::signature_checks), all);
  AnswerValidation second(world);
  EXPECT_EQ(second.with(data, "secure.example").run().security, Security::secure);
  EXPECT_EQ(second.budget.spent(Limit::signature_checks), 1U);
  AnswerValidation cached(world);
  EXPECT_EQ(cached.with(first.validator.pieces[0].data, "secure.example").run().security, Security::secure);
  EXPECT_EQ(cached.budget.spent(Limit::signature_checks), 0U);
  EXPECT_EQ(world.asked.size(), 3U);
}

TEST(AnswerValidator, AnEmptyBudgetSaysNothingOfTheAnswer) {
  AnswerWorld world(DenialBy::nsec3);
  const SignedRrset data = world.zone("example").get("www.example", RecordType::a);
  const auto denial = world.zone("example").denial("none.example");
  AnswerValidation(world).with(data).run();  // the keys are known
  const auto left_with = [&](Limit limit, std::uint64_t left, bool denies) {
    AnswerValidation validation(world);
    if (denies) {
      validation.denying("none.example", RecordType::a, NegativeKind::nxdomain, denial);
    } else {
      validation.with(data);
    }
    validation.budget.charge(limit, limit_of(limit) - left);
    const Validated validated = validation.run();
    EXPECT_EQ(validated.security, validated.limit_reached ? Security::indeterminate : Security::secure);
    return validated.limit_reached;
  };
  EXPECT_TRUE(left_with(Limit::signature_checks, 0, false));
  EXPECT_FALSE(left_with(Limit::signature_checks, 1, false));
  for (const unsigned checks : {0U, 1U, 2U}) EXPECT_TRUE(left_with(Limit::signature_checks, checks, true)) << checks;
  EXPECT_FALSE(left_with(Limit::signature_checks, 5, true));
  for (const unsigned hashes : {0U, 1U, 2U}) EXPECT_TRUE(left_with(Limit::nsec3_hashes, hashes, true)) << hashes;
  EXPECT_FALSE(left_with(Limit::nsec3_hashes, 3, true));
}

}  // namespace
}  // namespace weir::answer_validator_test
