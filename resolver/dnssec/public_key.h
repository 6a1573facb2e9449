// A zone's key: one DNSKEY record (RFC 4034 section 2), parsed once into what OpenSSL checks signatures with.
//
// A value that is cheap to copy: the key itself is shared and never changes, so any number of threads may verify with
// it at once. It is kept beside the DNSKEY RRset it came from; nothing here looks at time or trust.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "resolver/dnssec/algorithms.h"
#include "zones/dns/rrset.h"

namespace weir {

class PublicKey {
 public:
  // Nothing where `rdata` is shorter than a DNSKEY's fixed part. A key that cannot be used is a value nevertheless, so
  // that signatures that name it are counted as failed (CVE-2025-8677: broken keys that cost work again and again).
  static std::optional<PublicKey> from_dnskey(std::span<const std::uint8_t> rdata);

  std::uint16_t flags() const { return flags_; }
  bool is_zone_key() const { return (flags_ & 0x0100) != 0; }            // RFC 4034 section 2.1.1
  bool is_secure_entry_point() const { return (flags_ & 0x0001) != 0; }  // a hint, no rule depends on it
  bool is_revoked() const { return (flags_ & 0x0080) != 0; }             // RFC 5011 section 2.1
  std::uint8_t protocol() const { return protocol_; }                    // 3, or no signature counts
  DnssecAlgorithm algorithm() const { return algorithm_; }
  std::uint16_t key_tag() const { return key_tag_; }

  // The key is well formed, a zone key, of protocol 3, and of an algorithm whose signatures this code can check: RSA of
  // 512 to 4096 bits with an odd exponent of at most 35 bits (as BIND), the curves of RFC 6605 and RFC 8080, DSA.
  bool usable() const { return key_ != nullptr; }

  // Whether `signature`, as it lies in an RRSIG, is this key's over `data`. False for every fault; never throws and
  // leaves nothing in OpenSSL's error queue. Costs 44 (P-256) to 450 microseconds (P-384): spend the budget first.
  bool verify(std::span<const std::uint8_t> data, std::span<const std::uint8_t> signature) const;

 private:
  PublicKey() = default;

  std::shared_ptr<void> key_;  // EVP_PKEY
  std::uint16_t flags_ = 0;
  std::uint16_t key_tag_ = 0;
  std::uint8_t protocol_ = 0;
  DnssecAlgorithm algorithm_{};
};

// RFC 4034 appendix B, over whole DNSKEY RDATA.
std::uint16_t key_tag(std::span<const std::uint8_t> dnskey_rdata);

// What signatures of one zone are checked with.
struct ZoneKeys {
  Name zone;
  std::vector<PublicKey> keys;
  std::vector<DnssecAlgorithm> required = {};  // each must have signed; empty: any one
};

// Every key of a DNSKEY RRset, also those that cannot be used.
ZoneKeys keys_of(const Rrset& dnskeys);

}  // namespace weir
