#include "resolver/dnssec/denial.h"

#include <deque>

#include "tests/resolver/dnssec/records.h"

namespace weir::denial_test {
namespace {

// The proofs of the RFCs' appendices, and what must not pass for one. Records are taken as validated.
class DenialTest : public ::testing::Test {
 protected:
  Denial with(const char* zone, std::initializer_list<const char*> records) {
    Denial out(name(zone), budget_);
    for (const char* text : records) out.add(kept_.emplace_back(rrset_of(text)));
    return out;
  }
  Budget budget_{SteadyTime{}};
  std::deque<Rrset> kept_;
};

// ---- NSEC: RFC 4035 appendix A

const char* const kApex = "example. NSEC a.example. NS SOA MX RRSIG NSEC DNSKEY";
const char* const kA = "a.example. NSEC ai.example. NS DS RRSIG NSEC";
const char* const kB = "b.example. NSEC ns1.example. NS RRSIG NSEC";
const char* const kNs1 = "ns1.example. NSEC ns2.example. A RRSIG NSEC";
const char* const kNs2 = "ns2.example. NSEC *.w.example. A RRSIG NSEC";
const char* const kStarW = "*.w.example. NSEC x.w.example. MX RRSIG NSEC";
const char* const kXw = "x.w.example. NSEC x.y.w.example. MX RRSIG NSEC";
const char* const kXyw = "x.y.w.example. NSEC xx.example. MX RRSIG NSEC";
const char* const kXx = "xx.example. NSEC example. A HINFO AAAA RRSIG NSEC";

using NsecDenial = DenialTest;

TEST_F(NsecDenial, NameErrorOfAppendixB2) {
  EXPECT_EQ(with("example", {kB, kApex}).name_error(name("ml.example")), Proof::proven);
  EXPECT_EQ(with("example", {kB, kApex}).name_error(name("ML.Example")), Proof::proven);
  EXPECT_EQ(with("example", {kB}).name_error(name("ml.example")), Proof::not_proven) << "a wildcard may be there";
  EXPECT_EQ(with("example", {kApex}).name_error(name("ml.example")), Proof::not_proven) << "the name may be there";
  EXPECT_EQ(with("example", {}).name_error(name("ml.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kB, kApex}).name_error(name("ns1.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kB, kApex}).name_error(name("b.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kB, kApex}).name_error(name("example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kXx, kApex}).name_error(name("zz.example")), Proof::proven) << "by the last NSEC";
  EXPECT_EQ(with("example", {kXx, kApex}).name_error(name("zz.other")), Proof::not_proven);
  EXPECT_EQ(with("example", {kXx, kApex}).name_error(name("com")), Proof::not_proven);
}

TEST_F(NsecDenial, EmptyNonTerminalsExist) {
  EXPECT_EQ(with("example", {kNs2, kApex}).name_error(name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kNs2}).no_data(name("w.example"), RecordType::a), Proof::proven);
  EXPECT_EQ(with("example", {kXw}).no_data(name("y.w.example"), RecordType::a), Proof::proven);
  EXPECT_EQ(with("example", {kXw}).no_data(name("y.w.example"), RecordType::ds), Proof::proven);
  const char* const without_wildcard = "ns2.example. NSEC x.w.example. A RRSIG NSEC";
  EXPECT_EQ(with("example", {without_wildcard, kApex}).name_error(name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {without_wildcard, kApex}).name_error(name("v.example")), Proof::proven);
  // A wildcard that is an empty non-terminal is a source of synthesis as well (RFC 4592 section 4.9).
  const char* const below_star = "example. NSEC x.*.example. SOA NS";
  const char* const after = "x.*.example. NSEC example. A";
  EXPECT_EQ(with("example", {below_star, after}).name_error(name("q.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {below_star, after}).no_data(name("q.example"), RecordType::a), Proof::proven);
}

TEST_F(NsecDenial, NoDataOfAppendixB3) {
  EXPECT_EQ(with("example", {kNs1}).no_data(name("ns1.example"), RecordType::mx), Proof::proven);
  EXPECT_EQ(with("example", {kNs1}).no_data(name("ns1.example"), RecordType::a), Proof::not_proven);
  EXPECT_EQ(with("example", {kNs1}).no_data(name("ns1.example"), RecordType::ds), Proof::proven);
  EXPECT_EQ(with("example", {kNs1}).no_data(name("ns2.example"), RecordType::mx), Proof::not_proven);
  const char* const alias = "c.example. NSEC d.example. CNAME RRSIG NSEC";
  EXPECT_EQ(with("example", {alias}).no_data(name("c.example"), RecordType::a), Proof::not_proven) << "follow it";
  EXPECT_EQ(with("example", {alias}).no_data(name("c.example"), RecordType::cname), Proof::not_proven);
}

TEST_F(NsecDenial, UnsignedReferralOfAppendixB5) {
  EXPECT_EQ(with("example", {kB}).unsigned_delegation(name("b.example")), Proof::proven);
  EXPECT_EQ(with("example", {kA}).unsigned_delegation(name("a.example")), Proof::not_proven) << "it has a DS";
  EXPECT_EQ(with("example", {kApex}).unsigned_delegation(name("example")), Proof::not_proven) << "the child's own word";
  EXPECT_EQ(with("example", {kNs1}).unsigned_delegation(name("ns1.example")), Proof::not_proven) << "no zone cut";
  EXPECT_EQ(with("example", {kB}).unsigned_delegation(name("c.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kB}).no_data(name("b.example"), RecordType::ds), Proof::proven);
}

TEST_F(NsecDenial, WildcardAnswerOfAppendixB6) {
  EXPECT_EQ(with("example", {kXyw}).wildcard_answer(name("a.z.w.example"), name("w.example")), Proof::proven);
  EXPECT_EQ(with("example", {kXyw}).wildcard_answer(name("a.z.w.example"), name("example")), Proof::not_proven)
      << "*.w.example is closer";
  EXPECT_EQ(with("example", {kXyw}).wildcard_answer(name("a.z.w.example"), name("z.w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kXyw}).wildcard_answer(name("x.y.w.example"), name("w.example")), Proof::not_proven)
      << "the name itself is there";
  EXPECT_EQ(with("example", {kXw}).wildcard_answer(name("y.w.example"), name("w.example")), Proof::not_proven)
      << "an empty non-terminal";
  EXPECT_EQ(with("example", {kNs1}).wildcard_answer(name("a.z.w.example"), name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kXyw}).wildcard_answer(name("w.example"), name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("w.example", {kXyw}).wildcard_answer(name("a.z.w.example"), name("w.example")), Proof::not_proven)
      << "next lies outside of the signer's zone";
}

TEST_F(NsecDenial, WildcardNoDataOfAppendixB7) {
  EXPECT_EQ(with("example", {kXyw, kStarW}).no_data(name("a.z.w.example"), RecordType::aaaa), Proof::proven);
  EXPECT_EQ(with("example", {kXyw, kStarW}).no_data(name("a.z.w.example"), RecordType::mx), Proof::not_proven);
  EXPECT_EQ(with("example", {kXyw, kStarW}).no_data(name("a.z.w.example"), RecordType::ds), Proof::proven);
  EXPECT_EQ(with("example", {kXyw}).no_data(name("a.z.w.example"), RecordType::aaaa), Proof::not_proven);
  EXPECT_EQ(with("example", {kStarW}).no_data(name("a.z.w.example"), RecordType::aaaa), Proof::not_proven);
  const char* const alias = "*.w.example. NSEC x.w.example. CNAME RRSIG NSEC";
  EXPECT_EQ(with("example", {kXyw, alias}).no_data(name("a.z.w.example"), RecordType::aaaa), Proof::not_proven);
}

TEST_F(NsecDenial, AChildsApexDeniesNoDs) {  // appendix B.8
  EXPECT_EQ(with("example", {kApex}).no_data(name("example"), RecordType::ds), Proof::not_proven);
  EXPECT_EQ(with("example", {kApex}).no_data(name("example"), RecordType::txt), Proof::proven);
  const char* const root = ". NSEC aaa. NS SOA RRSIG NSEC DNSKEY";
  EXPECT_EQ(with(".", {root}).no_data(Name(), RecordType::ds), Proof::proven) << "the root has no parent";
}

// RFC 6840 sections 4.1 and 4.4.
TEST_F(NsecDenial, AnAncestorDelegationDeniesOnlyDs) {
  const char* const cut = "sub.example. NSEC z.example. NS RRSIG NSEC";
  EXPECT_EQ(with("example", {cut}).no_data(name("sub.example"), RecordType::a), Proof::not_proven);
  EXPECT_EQ(with("example", {cut}).no_data(name("sub.example"), RecordType::ds), Proof::proven);
  EXPECT_EQ(with("example", {cut, kApex}).name_error(name("www.sub.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {cut, kApex}).name_error(name("t.example")), Proof::proven) << "beside the zone cut";
  EXPECT_EQ(with("example", {cut}).wildcard_answer(name("www.sub.example"), name("sub.example")), Proof::not_proven);
  const char* const hides = "sub.example. NSEC x.y.sub.example. NS RRSIG NSEC";
  EXPECT_EQ(with("example", {hides}).no_data(name("y.sub.example"), RecordType::a), Proof::not_proven);
  // The wildcard of a closest encloser that is a zone cut.
  const char* const signed_cut = "sub.example. NSEC z.example. NS DS RRSIG NSEC";
  EXPECT_EQ(with("example", {signed_cut, kApex}).name_error(name("a.b.sub.example")), Proof::not_proven);
}

TEST_F(NsecDenial, ADnamesOwnerDeniesNothingBelow) {
  const char* const dname = "d.example. NSEC z.example. DNAME RRSIG NSEC";
  EXPECT_EQ(with("example", {dname, kApex}).name_error(name("www.d.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {dname}).no_data(name("d.example"), RecordType::a), Proof::proven);
  EXPECT_EQ(with("example", {dname, kApex}).name_error(name("e.example")), Proof::proven);
}

TEST_F(NsecDenial, NothingOutsideOfTheSigner) {
  // CVE-2026-11721 and its kin: a zone that denies its siblings.
  const char* const outside = "zz.evil.example. NSEC good.example. A RRSIG NSEC";
  const char* const apex = "evil.example. NSEC zz.evil.example. NS SOA RRSIG NSEC";
  EXPECT_EQ(with("evil.example", {outside, apex}).name_error(name("f.example")), Proof::not_proven);
  EXPECT_EQ(with("evil.example", {outside, apex}).name_error(name("zzz.evil.example")), Proof::not_proven);
  const char* const foreign = "a.example. NSEC c.example. A RRSIG NSEC";
  EXPECT_TRUE(with("evil.example", {foreign}).empty());
  EXPECT_EQ(with("evil.example", {foreign}).no_data(name("a.example"), RecordType::mx), Proof::not_proven);
}

// ---- NSEC3: RFC 5155 appendix A; all its records have opt-out set

const char* const kHApex =
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA "
    "NSEC3PARAM RRSIG";
const char* const kHNs1 =
    "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG";
const char* const kHA =
    "35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 1 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG";
const char* const kHXw =
    "b4um86eghhds6nea196smvmlo4ors995.example. NSEC3 1 1 12 aabbccdd gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG";
const char* const kHYw =
    "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example. NSEC3 1 1 12 aabbccdd k8udemvp1j2f7eg6jebps17vp3n8i58h";
const char* const kHW =
    "k8udemvp1j2f7eg6jebps17vp3n8i58h.example. NSEC3 1 1 12 aabbccdd kohar7mbb8dc2ce8a9qvl8hon4k53uhi";
const char* const kHNs2 =
    "q04jkcevqvmu85r014c7dkba38o0ji5r.example. NSEC3 1 1 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG";
const char* const kHStarW =
    "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example. NSEC3 1 1 12 aabbccdd t644ebqk9bibcna874givr6joj62mlhv MX RRSIG";

using Nsec3Denial = DenialTest;

TEST_F(Nsec3Denial, NameErrorOfAppendixB1) {
  const Name qname = name("a.c.x.w.example");
  EXPECT_EQ(with("example", {kHApex, kHXw, kHA}).name_error(qname), Proof::proven_insecure) << "opt-out";
  EXPECT_EQ(budget_.spent(Limit::nsec3_hashes), 4U) << "qname, next closer, closest encloser, wildcard";
  EXPECT_EQ(with("example", {kHXw, kHA}).name_error(qname), Proof::not_proven) << "no next closer";
  EXPECT_EQ(with("example", {kHApex, kHA}).name_error(qname), Proof::not_proven) << "no closest encloser";
  EXPECT_EQ(with("example", {kHApex, kHXw}).name_error(qname), Proof::not_proven) << "no wildcard";
  EXPECT_EQ(with("example", {kHApex, kHXw, kHA}).name_error(name("x.w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kHApex, kHXw, kHA}).name_error(name("a.c.x.w.other")), Proof::not_proven);
}

TEST_F(Nsec3Denial, WithoutOptOutItIsSecure) {
  const char* const apex =
      "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA";
  EXPECT_EQ(with("example", {apex, kHXw, kHA}).name_error(name("a.c.x.w.example")), Proof::proven)
      << "what covers the wildcard may have it (RFC 5155 section 9.2 speaks of the next closer name)";
}

TEST_F(Nsec3Denial, NoDataOfAppendixB2) {
  EXPECT_EQ(with("example", {kHNs1}).no_data(name("ns1.example"), RecordType::mx), Proof::proven);
  EXPECT_EQ(with("example", {kHNs1}).no_data(name("ns1.example"), RecordType::a), Proof::not_proven);
  EXPECT_EQ(with("example", {kHYw}).no_data(name("y.w.example"), RecordType::a), Proof::proven) << "appendix B.2.1";
  EXPECT_EQ(with("example", {kHNs1}).no_data(name("y.w.example"), RecordType::a), Proof::not_proven);
  const char* const alias =
      "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s CNAME";
  EXPECT_EQ(with("example", {alias}).no_data(name("ns1.example"), RecordType::mx), Proof::not_proven);
}

TEST_F(Nsec3Denial, UnsignedReferralOfAppendixB3) {
  EXPECT_EQ(with("example", {kHA, kHApex}).unsigned_delegation(name("c.example")), Proof::proven_insecure);
  EXPECT_EQ(with("example", {kHA, kHApex}).no_data(name("c.example"), RecordType::ds), Proof::proven_insecure);
  EXPECT_EQ(with("example", {kHA}).unsigned_delegation(name("c.example")), Proof::not_proven) << "no encloser";
  EXPECT_EQ(with("example", {kHApex}).unsigned_delegation(name("c.example")), Proof::not_proven) << "no next closer";
  EXPECT_EQ(with("example", {kHA}).unsigned_delegation(name("a.example")), Proof::not_proven) << "it has a DS";
  EXPECT_EQ(with("example", {kHNs1}).unsigned_delegation(name("ns1.example")), Proof::not_proven) << "no zone cut";
  EXPECT_EQ(with("example", {kHApex}).unsigned_delegation(name("example")), Proof::not_proven);
  const char* const no_opt_out =
      "35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 0 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG";
  EXPECT_EQ(with("example", {no_opt_out, kHApex}).unsigned_delegation(name("c.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {no_opt_out, kHApex}).no_data(name("c.example"), RecordType::ds), Proof::not_proven);
  const char* const unsigned_cut =
      "35mthgpgcu1qg68fab165klnsnk3dpvl.example. NSEC3 1 0 12 aabbccdd b4um86eghhds6nea196smvmlo4ors995 NS";
  EXPECT_EQ(with("example", {unsigned_cut}).unsigned_delegation(name("a.example")), Proof::proven);
}

TEST_F(Nsec3Denial, WildcardAnswerOfAppendixB4) {
  EXPECT_EQ(with("example", {kHNs2}).wildcard_answer(name("a.z.w.example"), name("w.example")), Proof::proven_insecure);
  EXPECT_EQ(budget_.spent(Limit::nsec3_hashes), 1U);
  EXPECT_EQ(with("example", {kHNs1}).wildcard_answer(name("a.z.w.example"), name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kHNs2}).wildcard_answer(name("a.y.w.example"), name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kHNs2}).wildcard_answer(name("w.example"), name("w.example")), Proof::not_proven);
  EXPECT_EQ(with("example", {kHNs2}).wildcard_answer(name("a.com"), name("com")), Proof::not_proven);
}

TEST_F(Nsec3Denial, WildcardNoDataOfAppendixB5) {
  const Name qname = name("a.z.w.example");
  EXPECT_EQ(with("example", {kHW, kHNs2, kHStarW}).no_data(qname, RecordType::aaaa), Proof::proven_insecure);
  EXPECT_EQ(with("example", {kHW, kHNs2, kHStarW}).no_data(qname, RecordType::mx), Proof::not_proven);
  EXPECT_EQ(with("example", {kHNs2, kHStarW}).no_data(qname, RecordType::aaaa), Proof::not_proven) << "no encloser";
  EXPECT_EQ(with("example", {kHW, kHStarW}).no_data(qname, RecordType::aaaa), Proof::not_proven) << "no next closer";
  const char* const no_opt_out =
      "q04jkcevqvmu85r014c7dkba38o0ji5r.example. NSEC3 1 0 12 aabbccdd r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG";
  EXPECT_EQ(with("example", {kHW, no_opt_out, kHStarW}).no_data(qname, RecordType::aaaa), Proof::proven);
  EXPECT_EQ(with("example", {kHW, no_opt_out}).no_data(qname, RecordType::aaaa), Proof::not_proven) << "no wildcard";
}

TEST_F(Nsec3Denial, AChildsApexDeniesNoDs) {  // appendix B.6
  EXPECT_EQ(with("example", {kHApex}).no_data(name("example"), RecordType::ds), Proof::not_proven);
  EXPECT_EQ(with("example", {kHApex}).no_data(name("example"), RecordType::txt), Proof::proven);
}

// Any zone of NSEC3 records, whatever its names.
std::string record_for(const Name& owner, const Name& zone, const char* flags, const char* types) {
  const auto text = [&](const Nsec3Hash& hash) {
    std::string out;
    for (unsigned i = 0; i < 32; ++i) {
      unsigned value = 0;
      for (unsigned bit = i * 5; bit < i * 5 + 5; ++bit) value = value << 1 | (hash[bit / 8] >> (7 - bit % 8) & 1U);
      out += "0123456789abcdefghijklmnopqrstuv"[value];
    }
    return out;
  };
  // Alone in its ring: it covers all hashes but its own.
  const std::string hash = text(nsec3_hash(owner, 0, {}));
  return hash + '.' + zone.to_text() + ". NSEC3 1 " + flags + " 0 - " + hash + ' ' + types;
}

TEST_F(Nsec3Denial, AnAncestorDelegationOrDnameIsNoClosestEncloser) {
  const Name zone = name("example");
  for (const char* types : {"NS RRSIG", "NS DS RRSIG", "DNAME RRSIG"}) {
    SCOPED_TRACE(types);
    const std::string cut = record_for(name("sub.example"), zone, "0", types);
    EXPECT_EQ(with("example", {cut.c_str()}).name_error(name("www.sub.example")), Proof::not_proven);
    EXPECT_EQ(with("example", {cut.c_str()}).no_data(name("www.sub.example"), RecordType::a), Proof::not_proven);
    EXPECT_EQ(with("example", {cut.c_str()}).unsigned_delegation(name("www.sub.example")), Proof::not_proven);
  }
  const std::string cut = record_for(name("sub.example"), zone, "0", "NS RRSIG");
  EXPECT_EQ(with("example", {cut.c_str()}).no_data(name("sub.example"), RecordType::a), Proof::not_proven);
  EXPECT_EQ(with("example", {cut.c_str()}).no_data(name("sub.example"), RecordType::ds), Proof::proven);
  const std::string host = record_for(name("sub.example"), zone, "0", "A RRSIG");
  EXPECT_EQ(with("example", {host.c_str()}).name_error(name("www.sub.example")), Proof::proven) << "one covers all";
}

TEST_F(Nsec3Denial, ANameThatIsThereAndCoveredAtOnceIsThere) {
  const Name zone = name("example");
  const std::string apex = record_for(zone, zone, "0", "NS SOA RRSIG");
  const std::string host = record_for(name("host.example"), zone, "0", "A RRSIG");
  EXPECT_EQ(with("example", {apex.c_str(), host.c_str()}).name_error(name("host.example")), Proof::not_proven);
}

TEST_F(Nsec3Denial, OptOutHidesEmptyNonTerminals) {
  const std::string apex = record_for(name("example"), name("example"), "1", "NS SOA RRSIG");
  EXPECT_EQ(with("example", {apex.c_str()}).no_data(name("ent.example"), RecordType::a), Proof::proven_insecure);
}

TEST_F(DenialTest, NamesOutsideOfTheZoneAreNotAskedFor) {
  const Name zone = name("sub.example");
  const std::string apex = record_for(zone, zone, "1", "NS SOA RRSIG");
  Denial denial = with("sub.example", {apex.c_str(), "sub.example. NSEC sub.example. NS SOA"});
  for (const char* outside : {".", "example", "zz", "zz.example", "a.b.zz.example", "xsub.example"}) {
    SCOPED_TRACE(outside);
    EXPECT_EQ(denial.name_error(name(outside)), Proof::not_proven);
    EXPECT_EQ(denial.no_data(name(outside), RecordType::a), Proof::not_proven);
    EXPECT_EQ(denial.wildcard_answer(name(outside), Name()), Proof::not_proven);
    EXPECT_EQ(denial.unsigned_delegation(name(outside)), Proof::not_proven);
  }
  EXPECT_EQ(budget_.spent(Limit::nsec3_hashes), 0U);
}

TEST_F(Nsec3Denial, TooManyIterationsAreInsecure) {  // RFC 9276 section 3.2
  const char* const costly =
      "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 51 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA";
  Denial denial = with("example", {kHNs1, costly});
  EXPECT_EQ(denial.name_error(name("a.example")), Proof::too_many_iterations);
  EXPECT_EQ(denial.no_data(name("a.example"), RecordType::a), Proof::too_many_iterations);
  EXPECT_EQ(denial.wildcard_answer(name("a.example"), name("example")), Proof::too_many_iterations);
  EXPECT_EQ(denial.unsigned_delegation(name("a.example")), Proof::too_many_iterations);
  EXPECT_EQ(budget_.spent(Limit::nsec3_hashes), 0U);
  EXPECT_EQ(with("example", {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 0 50 aabbccdd "
                             "2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA"})
                .name_error(name("a.example")),
            Proof::not_proven);
}

TEST_F(Nsec3Denial, OtherParametersThanTheFirstArePassedOver) {
  const char* const other_salt =
      "b4um86eghhds6nea196smvmlo4ors995.example. NSEC3 1 1 12 aabbccde gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG";
  EXPECT_EQ(with("example", {kHApex, other_salt, kHA}).name_error(name("a.c.x.w.example")), Proof::not_proven);
}

std::string deep_name(unsigned labels) {
  std::string out = "example";
  for (unsigned i = 0; i < labels; ++i) out.insert(0, "a.");
  return out;
}

// CVE-2023-50868: names of many labels, and proofs that need all of their ancestors' hashes.
TEST_F(Nsec3Denial, ManyLabelsStopAtTheBudget) {
  const std::string apex = record_for(name("example"), name("example"), "0", "NS SOA RRSIG");
  Denial denial = with("example", {apex.c_str()});
  EXPECT_EQ(denial.name_error(name(deep_name(100))), Proof::proven);
  EXPECT_LE(budget_.spent(Limit::nsec3_hashes), 102U);
  EXPECT_EQ(denial.name_error(name("b." + deep_name(100))), Proof::proven) << "one hash more";
  EXPECT_LE(budget_.spent(Limit::nsec3_hashes), 103U);
  std::string other = deep_name(100);
  other.replace(other.size() - 9, 1, "b");  // ...a.b.example
  EXPECT_EQ(denial.name_error(name(other)), Proof::limit);
  EXPECT_EQ(budget_.reached(), Limit::nsec3_hashes);
  EXPECT_EQ(denial.no_data(name("q.example"), RecordType::a), Proof::limit);
  EXPECT_EQ(denial.wildcard_answer(name("q.example"), name("example")), Proof::limit);
  EXPECT_EQ(denial.unsigned_delegation(name("q.example")), Proof::limit);
}

TEST_F(DenialTest, WhatIsNoDenialIsPassedOver) {
  Denial denial = with("example", {"www.example. A 192.0.2.1",
                                   "www.example. NSEC3 1 1 12 - "
                                   "b4um86eghhds6nea196smvmlo4ors995 A"});
  EXPECT_TRUE(denial.empty());
}

}  // namespace
}  // namespace weir::denial_test
