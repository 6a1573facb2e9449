#include "tools/sidecar/address_guard.h"

#include <algorithm>
#include <array>

#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

struct Special {
  std::string_view prefix;
  std::string_view what;
};

// RFC 6890 and its registries; documentation prefixes are not here, they lead nowhere.
constexpr std::array kSpecial = {
    Special{"0.0.0.0/8", "an address of this host"},
    Special{"10.0.0.0/8", "a private address"},
    Special{"100.64.0.0/10", "a shared address (CGNAT)"},
    Special{"127.0.0.0/8", "a loopback address"},
    Special{"169.254.0.0/16", "a link-local address"},
    Special{"172.16.0.0/12", "a private address"},
    Special{"192.0.0.0/24", "a protocol assignment"},
    Special{"192.168.0.0/16", "a private address"},
    Special{"198.18.0.0/15", "a benchmarking address"},
    Special{"224.0.0.0/4", "a multicast address"},
    Special{"240.0.0.0/4", "a reserved address"},
    Special{"::/128", "an address of this host"},
    Special{"::1/128", "a loopback address"},
    Special{"100::/64", "a discard address"},
    Special{"2001::/32", "a Teredo address"},
    Special{"fc00::/7", "a unique local address"},
    Special{"fe80::/10", "a link-local address"},
    Special{"fec0::/10", "a site-local address"},
    Special{"ff00::/8", "a multicast address"},
};

struct SpecialPrefix {
  Prefix prefix;
  std::string_view what;
};

const std::vector<SpecialPrefix>& special_prefixes() {
  static const std::vector<SpecialPrefix> parsed = [] {
    std::vector<SpecialPrefix> out;
    for (const Special& special : kSpecial) {
      if (const auto prefix = Prefix::parse(special.prefix)) out.push_back({*prefix, special.what});
    }
    return out;
  }();
  return parsed;
}

// The IPv4 address inside an IPv6 one, where there is one.
IpAddress embedded(const IpAddress& address) {
  const IpAddress plain = address.unmapped();
  if (plain.family == AddressFamily::ipv4) return plain;
  const auto& octets = plain.octets;
  static constexpr std::array<std::uint8_t, 12> kNat64 = {0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96
  if (std::equal(kNat64.begin(), kNat64.end(), octets.begin())) return IpAddress::from_octets({&octets[12], 4});
  if (octets[0] == 0x20 && octets[1] == 0x02) return IpAddress::from_octets({&octets[2], 4});  // 6to4, 2002::/16
  return plain;
}

std::string normal_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  return to_lower_ascii(host);
}

}  // namespace

std::string_view why_not_public(const IpAddress& address) {
  const IpAddress judged = embedded(address);
  for (const SpecialPrefix& special : special_prefixes()) {
    if (special.prefix.contains(judged)) return special.what;
  }
  return {};
}

AddressGuard::AddressGuard(const std::vector<std::string>& allow_private) {
  for (const std::string& entry : allow_private) {
    const std::string host = normal_host(entry);
    if (const auto prefix = Prefix::parse(host)) prefixes_.push_back(*prefix);
    hosts_.push_back(host);
  }
}

std::string_view AddressGuard::refusal(std::string_view host, const IpAddress& address) const {
  const std::string_view what = why_not_public(address);
  if (what.empty()) return {};
  if (std::find(hosts_.begin(), hosts_.end(), normal_host(host)) != hosts_.end()) return {};
  const IpAddress plain = address.unmapped();
  for (const Prefix& prefix : prefixes_) {
    if (prefix.contains(plain)) return {};
  }
  return what;
}

}  // namespace weir::sidecar
