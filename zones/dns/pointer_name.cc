#include "zones/dns/pointer_name.h"

#include <algorithm>
#include <string_view>

namespace weir {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kIpv6Suffix =
    "\x03ip6\x04"
    "arpa\0"sv;
constexpr std::size_t kNibbles = 32;

int nibble_of(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  const std::uint8_t lower = fold(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

Name pointer_name(const IpAddress& address) {
  return pointer_name(Prefix::of(address, address.bits()));
}

Name pointer_name(const Prefix& prefix) {
  const auto& octets = prefix.address.octets;
  std::string text;
  if (prefix.address.family == AddressFamily::ipv4) {
    for (unsigned i = prefix.length / 8U; i-- > 0;) text += std::to_string(octets[i]) + ".";
    text += "in-addr.arpa";
  } else {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (unsigned i = prefix.length / 4U; i-- > 0;) {
      text += kDigits[i % 2 == 0 ? octets[i / 2] >> 4 : octets[i / 2] & 15];
      text += '.';
    }
    text += "ip6.arpa";
  }
  return *Name::parse(text);
}

std::optional<IpAddress> ipv6_of_pointer_name(std::span<const std::uint8_t> name) {
  if (name.size() != kNibbles * 2 + kIpv6Suffix.size()) return std::nullopt;
  const auto same = [](std::uint8_t a, char b) { return fold(a) == static_cast<std::uint8_t>(b); };
  if (!std::ranges::equal(name.subspan(kNibbles * 2), kIpv6Suffix, same)) return std::nullopt;
  IpAddress address;
  address.family = AddressFamily::ipv6;
  for (std::size_t i = 0; i < kNibbles; ++i) {
    const int nibble = nibble_of(name[2 * i + 1]);
    if (name[2 * i] != 1 || nibble < 0) return std::nullopt;
    // The name begins with the lowest four bits.
    std::uint8_t& octet = address.octets[(kNibbles - 1 - i) / 2];
    octet = static_cast<std::uint8_t>(octet | static_cast<unsigned>(nibble) << (i % 2 == 0 ? 0 : 4));
  }
  return address;
}

}  // namespace weir
