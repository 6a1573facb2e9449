// Octets from anywhere, through every entrance of the room. Run it with the sanitizers.
#include <random>

#include "resolver/dnssec/denial.h"
#include "resolver/dnssec/trust_anchors.h"
#include "tests/resolver/dnssec/records.h"

namespace weir::hostile_input_test {
namespace {

const char* const kSeeds[] = {
    "example. DNSKEY 256 3 7 "
    "AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LUsAD0QPWU+wzt89epO6tHzkMBVDkC7qphQO2hTY4hHn9npWFRw5BYubE"
    "=",
    "example. DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
    "example. DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B",
    "example. RRSIG NSEC 7 2 3600 20150420235959 20051021000000 40430 example. "
    "gPkFp1s2QDQ6wQzcg1uSebZ61W33rUBDcTj72F3kQ"
    "490fEdp7k1BUIfbcZtPbX3YCpE+sIt0MpzVSKfTwx4uYA==",
    "a.example. NSEC B.example. A MX TYPE1234",
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA",
    "example. SOA NS1.example. bugs.X.w.example. 1 3600 300 3600000 3600",
    "example. NAPTR 1 2 \"S\" \"SIP\" \"!^.*$!X!\" Target.example.",
    "example. PX 10 A.example. B.example.",
    "example. SRV 0 0 1 Target.example.",
};

Octets changed(Octets rdata, std::mt19937& random) {
  for (unsigned i = random() % 4; i > 0 && !rdata.empty(); --i) {
    rdata[random() % rdata.size()] = static_cast<std::uint8_t>(random() % 3 == 0 ? 0xFF >> random() % 8 : random());
  }
  if (random() % 3 == 0) rdata.resize(random() % (rdata.size() + 1));
  if (random() % 5 == 0) rdata.resize(rdata.size() + random() % 70, static_cast<std::uint8_t>(random()));
  return rdata;
}

TEST(HostileInput, DoesNoHarm) {
  std::mt19937 random(1);
  const AlgorithmTable table = supported_algorithms();
  const Octets good_rrsig = rdata_of(kSeeds[3]);
  unsigned secure = 0;
  unsigned proven = 0;
  std::vector<Rrset> originals;
  for (const char* seed : kSeeds) originals.push_back(rrset_of(seed));
  for (unsigned turn = 0; turn < 2000; ++turn) {
    for (const Rrset& original : originals) {
      Rrset rrset = original;
      rrset.set_packed({}, 0);
      const auto first = *original.records().begin();
      for (unsigned i = 1 + random() % 2; i > 0; --i) rrset.add(changed(Octets(first.begin(), first.end()), random));
      Rrset signatures;
      signatures.owner = rrset.owner;
      signatures.type = RecordType::rrsig;
      Octets rrsig = changed(good_rrsig, random);
      if (rrsig.size() > 2) {
        rrsig[0] = 0;
        rrsig[1] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(rrset.type));
      }
      signatures.add(rrsig);
      Budget budget{SteadyTime{}};
      const CheckContext context{table, at("20100110000000"), budget};
      const ZoneKeys keys = keys_of(rrset);
      secure += verify_rrset(rrset, signatures, keys, context).outcome == SignatureOutcome::secure ? 1U : 0U;
      secure += authenticate_dnskeys(rrset, rrset, signatures, context).outcome == AuthenticatedKeys::Outcome::secure
                    ? 1U
                    : 0U;
      if (const auto value = parse_rrsig(rrsig)) (void)signed_data(rrset, *value);
      Denial denial(name("example"), budget);
      denial.add(rrset);
      proven += denial.name_error(name("b.c.example")) == Proof::proven ? 1U : 0U;
      (void)denial.no_data(name("a.example"), RecordType::txt);
      (void)denial.wildcard_answer(name("b.c.example"), name("example"));
      (void)denial.unsigned_delegation(name("b.example"));
    }
  }
  EXPECT_EQ(secure, 0U);
  EXPECT_EQ(proven, 0U) << "one record never proves the name and its wildcard away";
}

}  // namespace
}  // namespace weir::hostile_input_test
