#include "resolver/dnssec/verify.h"

#include <algorithm>
#include <array>

#include "resolver/dnssec/rrsig.h"

namespace weir {
namespace {

using Keys = std::span<const PublicKey>;

enum class Revoked : std::uint8_t { do_not_count, count };

// How far a signature came before it was given up; what came furthest says why the RRset is bogus.
enum class Step : std::uint8_t { absent, misfit, unsupported, no_key, no_zone_key, expired, not_yet_valid, failed };

EdeCode reason_of(Step step) {
  switch (step) {
    case Step::absent:
      return EdeCode::rrsigs_missing;
    case Step::unsupported:
      return EdeCode::unsupported_dnskey_algorithm;
    case Step::no_key:
      return EdeCode::dnskey_missing;
    case Step::no_zone_key:
      return EdeCode::no_zone_key_bit;
    case Step::expired:
      return EdeCode::signature_expired;
    case Step::not_yet_valid:
      return EdeCode::signature_not_yet_valid;
    case Step::misfit:
    case Step::failed:
      break;
  }
  return EdeCode::bogus;
}

// RFC 4035 section 5.3.1, without keys and time.
bool fits(const Rrsig& rrsig, const Rrset& rrset, const Name& zone) {
  if (rrsig.type_covered != rrset.type || rrsig.signer != zone || !rrset.owner.is_at_or_below(zone)) return false;
  // A DS is the parent's word (RFC 4035 section 2.4): a child does not vouch for itself.
  if (rrset.type == RecordType::ds && rrset.owner == zone) return false;
  const unsigned labels = signed_labels(rrset.owner);
  // Fewer labels than the signer has would make a wildcard above the zone of it: the whole parent could be forged.
  if (rrsig.labels > labels || rrsig.labels < zone.label_count()) return false;
  const bool denies = rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3;
  return rrsig.labels == labels || !denies;
}

// The keys that may have made the signature, or why there are none.
struct Candidates {
  std::array<const PublicKey*, kMaxKeysPerSignature> keys{};
  unsigned count = 0;
  Step step = Step::no_key;
};

Candidates candidates_for(const Rrsig& rrsig, Keys keys, Revoked revoked) {
  Candidates out;
  for (const PublicKey& key : keys) {
    if (key.key_tag() != rrsig.key_tag || key.algorithm() != rrsig.algorithm) continue;
    if (revoked == Revoked::do_not_count && key.is_revoked()) continue;
    if (!key.is_zone_key()) {
      out.step = Step::no_zone_key;
    } else if (key.protocol() == 3 && out.count < out.keys.size()) {
      out.keys[out.count++] = &key;
    }
  }
  return out;
}

enum class Check : std::uint8_t { good, failed, limit };

Check check(const Rrset& rrset, const Rrsig& rrsig, const Candidates& candidates, Budget& budget) {
  const std::vector<std::uint8_t> data = signed_data(rrset, rrsig);
  for (unsigned i = 0; i < candidates.count; ++i) {
    if (!budget.has(Limit::failed_signature_checks)) {
      budget.note_reached(Limit::failed_signature_checks);
      return Check::limit;
    }
    if (!budget.spend(Limit::signature_checks)) return Check::limit;
    if (candidates.keys[i]->verify(data, rrsig.signature)) return Check::good;
    budget.charge(Limit::failed_signature_checks);
  }
  return Check::failed;
}

SignatureCheck verify(const Rrset& rrset, const Rrset& signatures, const Name& zone, Keys keys, Revoked revoked,
                      std::vector<DnssecAlgorithm> required, const CheckContext& context) {
  SignatureCheck out;
  out.ttl_seconds = rrset.ttl_seconds;
  Step furthest = Step::absent;
  const auto give_up = [&](Step step) { furthest = std::max(furthest, step); };
  const bool belong = signatures.owner == rrset.owner && signatures.record_class == rrset.record_class;
  for (const auto rdata : signatures.records()) {
    const auto rrsig = parse_rrsig(rdata);
    if (!rrsig || !belong || !fits(*rrsig, rrset, zone)) {
      give_up(Step::misfit);
      continue;
    }
    if (!context.algorithms.supports(rrsig->algorithm)) {
      give_up(Step::unsupported);
      continue;
    }
    const Candidates candidates = candidates_for(*rrsig, keys, revoked);
    if (candidates.count == 0) {
      give_up(candidates.step);
      continue;
    }
    const SignatureTime time = time_of(*rrsig, context.now, context.clock_skew);
    if (time != SignatureTime::valid) {
      give_up(time == SignatureTime::expired ? Step::expired : Step::not_yet_valid);
      continue;
    }
    const Check result = check(rrset, *rrsig, candidates, context.budget);
    if (result == Check::limit) {
      out.outcome = SignatureOutcome::limit;
      return out;
    }
    if (result == Check::failed) {
      give_up(Step::failed);
      continue;
    }
    out.ttl_seconds = std::min({out.ttl_seconds, rrsig->original_ttl_seconds, seconds_left(*rrsig, context.now)});
    std::erase(required, rrsig->algorithm);
    if (!required.empty()) continue;
    out.outcome = SignatureOutcome::secure;
    if (rrsig->labels < signed_labels(rrset.owner)) out.closest_encloser = rrset.owner.suffix(rrsig->labels);
    return out;
  }
  out.reason = reason_of(furthest);
  return out;
}

}  // namespace

SignatureCheck verify_rrset(const Rrset& rrset, const Rrset& signatures, const ZoneKeys& keys,
                            const CheckContext& context) {
  return verify(rrset, signatures, keys.zone, keys.keys, Revoked::do_not_count, keys.required, context);
}

SignatureCheck verify_with_key(const Rrset& rrset, const Rrset& signatures, const Name& zone, const PublicKey& key,
                               const CheckContext& context) {
  return verify(rrset, signatures, zone, {&key, 1}, Revoked::count, {}, context);
}

}  // namespace weir
