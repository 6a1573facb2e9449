#include "zones/dns64.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

constexpr std::size_t kReservedOctet = 8;  // bits 64 to 71

bool any_contains(const std::vector<Prefix>& prefixes, const IpAddress& address) {
  return std::ranges::any_of(prefixes, [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

Prefix well_known_pref64() {
  static const Prefix prefix = *Prefix::parse("64:ff9b::/96");
  return prefix;
}

Prefix ipv4_mapped_prefix() {
  static const Prefix prefix = *Prefix::parse("::ffff:0:0/96");
  return prefix;
}

bool is_pref64_length(unsigned length) {
  static constexpr std::array<unsigned, 6> kLengths{32, 40, 48, 56, 64, 96};
  return std::ranges::find(kLengths, length) != kLengths.end();
}

IpAddress embed_ipv4(const Prefix& pref64, const IpAddress& ipv4) {
  IpAddress out = pref64.address;
  std::size_t at = pref64.length / 8U;
  for (std::size_t i = 0; i < 4; ++i) {
    if (at == kReservedOctet && pref64.length != 96) ++at;
    out.octets[at++] = ipv4.octets[i];
  }
  return out;
}

std::optional<IpAddress> extract_ipv4(const Prefix& pref64, const IpAddress& address) {
  if (address.family != AddressFamily::ipv6 || !pref64.contains(address)) return std::nullopt;
  std::array<std::uint8_t, 4> octets{};
  std::size_t at = pref64.length / 8U;
  for (std::uint8_t& octet : octets) {
    if (at == kReservedOctet && pref64.length != 96) ++at;
    octet = address.octets[at++];
  }
  return IpAddress::from_octets(octets);
}

bool is_global_ipv4(const IpAddress& ipv4) {
  static const std::vector<Prefix> special = [] {
    std::vector<Prefix> out;
    for (const char* text :
         {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
          "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"}) {
      out.push_back(*Prefix::parse(text));
    }
    return out;
  }();
  return !any_contains(special, ipv4);
}

bool Dns64::serves(const IpAddress& client) const {
  return clients.empty() || any_contains(clients, client.unmapped());
}

bool Dns64::is_excluded(const IpAddress& address) const {
  return any_contains(exclude, address);
}

std::optional<IpAddress> Dns64::translate(const IpAddress& ipv4) const {
  if (any_contains(exclude_ipv4, ipv4)) return std::nullopt;
  if (prefix == well_known_pref64() && !translates_private && !is_global_ipv4(ipv4)) return std::nullopt;
  return embed_ipv4(prefix, ipv4);
}

}  // namespace weir
