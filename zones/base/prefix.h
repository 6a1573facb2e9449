// IPv4 and IPv6 addresses and prefixes (RFC 4632, RFC 4291), as values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "zones/base/result.h"

namespace weir {

enum class AddressFamily : std::uint8_t { ipv4 = 4, ipv6 = 6 };

// 4 or 16 octets in network order; the unused octets of an IPv4 address are zero.
struct IpAddress {
  AddressFamily family = AddressFamily::ipv4;
  std::array<std::uint8_t, 16> octets{};

  // Text as inet_pton reads it; a zone index (`%eth0`) is refused.
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress ipv4(std::uint32_t host_order);
  // `network_order` has 4 or 16 octets.
  static IpAddress from_octets(std::span<const std::uint8_t> network_order);

  unsigned bits() const { return family == AddressFamily::ipv4 ? 32 : 128; }
  std::span<const std::uint8_t> bytes() const { return {octets.data(), bits() / 8}; }
  bool is_unspecified() const;
  bool is_loopback() const;
  // ::ffff:a.b.c.d becomes a.b.c.d, everything else itself.
  IpAddress unmapped() const;
  std::string to_text() const;
  auto operator<=>(const IpAddress&) const = default;
};

// An address and the number of its leading bits that count; the others are zero.
struct Prefix {
  IpAddress address;
  std::uint8_t length = 0;

  // "192.0.2.0/24", or an address alone (then the whole of it). Host bits that are set are an error.
  static Result<Prefix> parse(std::string_view text);
  // `address` with everything past `length` bits cleared.
  static Prefix of(const IpAddress& address, unsigned length);
  bool contains(const IpAddress& other) const;
  bool contains(const Prefix& other) const;
  std::string to_text() const;
  auto operator<=>(const Prefix&) const = default;
};

// An address and a port: "192.0.2.1:53", "[2001:db8::1]:53", or an address alone with `default_port`.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  static Result<Endpoint> parse(std::string_view text, std::uint16_t default_port);
  std::string to_text() const;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace weir
