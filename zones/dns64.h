// DNS64 (RFC 6147): IPv4 addresses inside IPv6 ones (RFC 6052), and who is given such answers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/result.h"

namespace weir {

// RFC 6052 section 2.1: 64:ff9b::/96. It must not stand for addresses that are not global (section 3.1), unless a site
// says that its NAT64 reaches those too.
Prefix well_known_pref64();
Prefix ipv4_mapped_prefix();  // ::ffff:0:0/96

struct Dns64 {
  Prefix prefix = well_known_pref64();                // of 32, 40, 48, 56, 64 or 96 bits
  std::vector<Prefix> clients = {};                   // who is given translated addresses; empty: everybody
  std::vector<Prefix> exclude{ipv4_mapped_prefix()};  // AAAA in them count as none (RFC 6147 section 5.1.4)
  std::vector<Prefix> exclude_ipv4 = {};              // A in them are not translated
  bool translates_private = false;                    // the well-known prefix stands for addresses that are not global
  // Where a policy blocks the IPv4 address behind a translated one.
  enum class Blocked : std::uint8_t {
    answered,     // as the policy says
    untranslated  // there is no A to translate: the name's own answer for AAAA
  } blocked = Blocked::answered;

  bool serves(const IpAddress& client) const;
  bool is_excluded(const IpAddress& address) const;  // an IPv6 address
  // Nothing where it is not to be translated.
  std::optional<IpAddress> translate(const IpAddress& ipv4) const;

  bool operator==(const Dns64&) const = default;
};

// RFC 6052 section 2.2: four octets behind the prefix, octet 8 of the address left zero.
bool is_pref64_length(unsigned length);
IpAddress embed_ipv4(const Prefix& pref64, const IpAddress& ipv4);
// Nothing where `address` is not in the prefix.
std::optional<IpAddress> extract_ipv4(const Prefix& pref64, const IpAddress& address);

// What is not global of IPv4 (RFC 6890): private, shared, loopback, link-local, documentation, multicast and the like.
bool is_global_ipv4(const IpAddress& ipv4);

}  // namespace weir
