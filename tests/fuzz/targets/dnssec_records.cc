// The validator's parts over records that nobody has looked at before: keys, signatures, digests and denials out of one
// message, at a fixed time. Work stays within its budget, and what was signed reads the same in any order.
#include "resolver/dnssec/answer_validator.h"
#include "resolver/dnssec/denial.h"
#include "resolver/dnssec/ds.h"
#include "resolver/dnssec/rrsig.h"
#include "resolver/dnssec/verify.h"
#include "tests/fuzz/fuzz.h"
#include "zones/dns/message.h"

namespace weir::fuzz {
namespace {

const WallTime kNow(std::chrono::seconds(1'700'000'000));

std::vector<Rrset> all_rrsets(const Message& message) {
  std::vector<Rrset> out = message.answer;
  out.insert(out.end(), message.authority.begin(), message.authority.end());
  out.insert(out.end(), message.additional.begin(), message.additional.end());
  return out;
}

void check_signatures(const std::vector<Rrset>& rrsets, const ZoneKeys& keys, const CheckContext& context) {
  for (const Rrset& rrset : rrsets) {
    if (rrset.type == RecordType::rrsig) continue;
    const SignedRrset data = with_signatures(rrset, rrsets);
    const SignatureCheck check = verify_rrset(data.rrset, data.signatures, keys, context);
    require(check.outcome != SignatureOutcome::secure || !keys.keys.empty(), "secure without a key");
    for (const auto rdata : data.signatures.records()) {
      const auto rrsig = parse_rrsig(rdata);
      if (!rrsig || rrsig->labels > signed_labels(rrset.owner)) continue;
      Rrset reversed = rrset;
      reversed.set_packed({}, 0);
      std::vector<Octets> records;
      for (const auto record : rrset.records()) records.push_back(record);
      for (auto at = records.rbegin(); at != records.rend(); ++at) reversed.add(*at);
      require(signed_data(rrset, *rrsig) == signed_data(reversed, *rrsig), "the order of records in what is signed");
    }
  }
}

void check_denials(const std::vector<Rrset>& rrsets, const Name& qname, RecordType qtype, const Name& zone) {
  Budget budget{SteadyTime{}};
  Denial denial(zone, budget);
  for (const Rrset& rrset : rrsets) denial.add(rrset);
  const bool nothing = denial.empty();
  const Proof proofs[] = {denial.name_error(qname), denial.no_data(qname, qtype), denial.wildcard_answer(qname, zone),
                          denial.unsigned_delegation(qname)};
  for (const Proof proof : proofs) require(!nothing || !is_proven(proof), "proven by no record");
}

}  // namespace

WEIR_FUZZ_TARGET(dnssec_records) {
  const auto message = read_message(input);
  if (!message) return;
  const auto rrsets = all_rrsets(*message);
  const AlgorithmTable algorithms = supported_algorithms();
  Budget budget{SteadyTime{}};
  const CheckContext context{algorithms, kNow, budget};
  for (const Rrset& rrset : rrsets) {
    if (rrset.type == RecordType::dnskey) {
      const ZoneKeys keys = keys_of(rrset);
      require(keys.keys.size() <= rrset.size(), "more keys than records");
      check_signatures(rrsets, keys, context);
      const SignedRrset dnskeys = with_signatures(rrset, rrsets);
      for (const Rrset& ds : rrsets) {
        if (ds.type != RecordType::ds) continue;
        const auto outcome = authenticate_dnskeys(ds, rrset, dnskeys.signatures, context).outcome;
        require(outcome != AuthenticatedKeys::Outcome::secure || !usable_ds(ds, algorithms).records.empty(),
                "secure without a DS that counts");
      }
    }
    check_denials(rrsets, message->start.qname, message->start.qtype, rrset.owner.parent());
  }
  require(budget.spent(Limit::signature_checks) <= limit_of(Limit::signature_checks), "signature checks");
  for (const SignedRrset& record : denial_records(message->authority)) {
    (void)signer_of(record.signatures, message->start.qname, Name());
  }
  (void)soa_record(message->authority);
}

}  // namespace weir::fuzz
