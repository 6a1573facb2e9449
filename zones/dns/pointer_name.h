// The names that addresses have for PTR records (RFC 1035 section 3.5, RFC 3596 section 2.5).
#pragma once

#include <optional>
#include <span>

#include "zones/base/prefix.h"
#include "zones/dns/name.h"

namespace weir {

// 192.0.2.1 -> 1.2.0.192.in-addr.arpa
Name pointer_name(const IpAddress& address);
// Of a prefix whose length is whole octets (IPv4) or half octets (IPv6): the name above all of its addresses'.
Name pointer_name(const Prefix& prefix);
// The other way, for a whole IPv6 address: nothing where the name (uncompressed, any case) is not exactly one.
std::optional<IpAddress> ipv6_of_pointer_name(std::span<const std::uint8_t> name);

}  // namespace weir
