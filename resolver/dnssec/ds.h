// From a DS RRset to the keys of the zone it points to (RFC 4035 section 5.2): one link of the chain of trust.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "resolver/dnssec/verify.h"

namespace weir {

struct Ds {
  std::uint16_t key_tag = 0;
  DnssecAlgorithm algorithm{};
  DigestType digest_type{};
  std::span<const std::uint8_t> digest;  // points into the RDATA that was parsed
};

std::optional<Ds> parse_ds(std::span<const std::uint8_t> rdata);

// The digest over owner and DNSKEY RDATA (RFC 4034 section 5.1.4); empty for a digest type without code.
std::vector<std::uint8_t> ds_digest(DigestType type, const Name& owner, std::span<const std::uint8_t> dnskey_rdata);

// Tag, algorithm and digest are those of this key.
bool matches(const Ds& ds, const Name& owner, std::span<const std::uint8_t> dnskey_rdata);

// The records that count: algorithm and digest are supported, and none with SHA-1 where a better digest is among them
// (RFC 4509 section 3). They point into `ds`. Where none is left the zone is insecure, and `why_none` says why.
struct UsableDs {
  std::vector<Ds> records;
  EdeCode why_none = EdeCode::unsupported_dnskey_algorithm;  // or unsupported_ds_digest
};
UsableDs usable_ds(const Rrset& ds, const AlgorithmTable& algorithms);

// The supported algorithms that DS and trusted DNSKEY name, each once.
std::vector<DnssecAlgorithm> named_algorithms(const Rrset& ds, const Rrset& trusted_dnskeys,
                                              const AlgorithmTable& algorithms);

struct AuthenticatedKeys {
  enum class Outcome : std::uint8_t { secure, insecure, bogus, limit } outcome = Outcome::bogus;
  ZoneKeys keys;                    // of secure
  std::uint32_t ttl_seconds = 0;    // of secure; the DS has its own
  EdeCode reason = EdeCode::bogus;  // of insecure (see UsableDs) and bogus (see verify_rrset)
};

// `ds` is secure, with at least one record. One key that it names, with a good signature over the whole DNSKEY RRset,
// makes every key in it good; it need not be one of each algorithm (RFC 6840 section 5.11). At most kMaxDigests are
// computed.
AuthenticatedKeys authenticate_dnskeys(const Rrset& ds, const Rrset& dnskeys, const Rrset& signatures,
                                       const CheckContext& context);

// The same where besides DS also DNSKEYs are trusted, as trust anchors are. Either may be empty; both are bogus.
AuthenticatedKeys authenticate_dnskeys(const Rrset& ds, const Rrset& trusted_dnskeys, const Rrset& dnskeys,
                                       const Rrset& signatures, const CheckContext& context);

inline constexpr unsigned kMaxDigests = 16;  // of one DNSKEY RRset (KeyTrap's variant with many DS)

}  // namespace weir
