// Is this RRset signed by a key of this zone (RFC 4035 section 5.3)? One RRset, keys that are already trusted, no
// chain: who follows the chain of trust calls this for every link of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "resolver/base/budget.h"
#include "resolver/dnssec/algorithms.h"
#include "resolver/dnssec/public_key.h"
#include "zones/base/time.h"
#include "zones/dns/record_types.h"
#include "zones/dns/rrset.h"

namespace weir {

// What a check depends on beside the records. The budget is the resolution's own; a check spends signature_checks and,
// where it fails, failed_signature_checks.
struct CheckContext {
  const AlgorithmTable& algorithms;
  WallTime now;
  Budget& budget;
  std::chrono::seconds clock_skew{0};
};

enum class SignatureOutcome : std::uint8_t {
  secure,
  bogus,
  limit  // the budget was spent before a signature held: nothing is known about the RRset
};

struct SignatureCheck {
  SignatureOutcome outcome = SignatureOutcome::bogus;
  EdeCode reason = EdeCode::bogus;  // of bogus: how far the best signature came

  // Of secure:
  std::uint32_t ttl_seconds = 0;  // the least of TTL, original TTL and what is left of the signature (section 5.3.3)
  // Set where the records were expanded from a wildcard: the name that the wildcard stands at. The RRset counts only
  // with a proof that nothing lies closer to its owner (Denial::wildcard_answer; RFC 4035 section 5.3.4).
  std::optional<Name> closest_encloser;
};

// `signatures` are the RRSIGs that came with `rrset`. Reasons: rrsigs_missing; unsupported_dnskey_algorithm;
// dnskey_missing (no key with tag and algorithm); no_zone_key_bit; signature_expired; signature_not_yet_valid; bogus
// (a check failed, or the RRSIG does not fit to the RRset). Keys that are revoked (RFC 5011 section 2.1) do not count,
// and at most kMaxKeysPerSignature that share tag and algorithm are tried.
//
// NSEC and NSEC3 that were expanded from a wildcard are bogus: they would deny what they do not stand beside.
SignatureCheck verify_rrset(const Rrset& rrset, const Rrset& signatures, const ZoneKeys& keys,
                            const CheckContext& context);

// The same with one key, also where it is revoked: a DNSKEY RRset must be signed by the key that a DS names, and by the
// key that it revokes.
SignatureCheck verify_with_key(const Rrset& rrset, const Rrset& signatures, const Name& zone, const PublicKey& key,
                               const CheckContext& context);

inline constexpr unsigned kMaxKeysPerSignature = 2;  // a collision of tags happens by chance; more of it is KeyTrap

}  // namespace weir
