// One RRSIG record (RFC 4034 section 3) as a value, its times, and the octets that it signs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "resolver/dnssec/algorithms.h"
#include "zones/base/time.h"
#include "zones/dns/rrset.h"

namespace weir {

struct Rrsig {
  RecordType type_covered{};
  DnssecAlgorithm algorithm{};
  std::uint8_t labels = 0;
  std::uint32_t original_ttl_seconds = 0;
  std::uint32_t expiration = 0;  // seconds since 1970, of which only 32 bits are known
  std::uint32_t inception = 0;
  std::uint16_t key_tag = 0;
  Name signer;
  // Both point into the RDATA that was parsed.
  std::span<const std::uint8_t> fixed_part;  // the 18 octets before the signer
  std::span<const std::uint8_t> signature;
};

// `rdata` with an uncompressed signer; nothing where it is cut off before the signature.
std::optional<Rrsig> parse_rrsig(std::span<const std::uint8_t> rdata);

enum class SignatureTime : std::uint8_t { valid, expired, not_yet_valid };

// In serial number arithmetic (RFC 1982, RFC 4034 section 3.1.5). `skew` is how far our clock and the signer's may be
// apart, in either direction. A signature that ends before it begins counts as expired.
SignatureTime time_of(const Rrsig& rrsig, WallTime now, std::chrono::seconds skew = std::chrono::seconds(0));

// Until the signature expires; 0 after that.
std::uint32_t seconds_left(const Rrsig& rrsig, WallTime now);

// Labels of `owner` as the labels field counts them: neither the root nor a leading "*" (RFC 4034 section 3.1.3).
unsigned signed_labels(const Name& owner);

// What the signature is over (RFC 4034 section 3.1.8.1): the RRSIG without its signature, then the RRset in canonical
// form and order. `rrsig.labels` must not be more than signed_labels(rrset.owner); where it is less, the owner becomes
// the wildcard that the records were expanded from.
std::vector<std::uint8_t> signed_data(const Rrset& rrset, const Rrsig& rrsig);

}  // namespace weir
