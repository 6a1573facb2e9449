#include "zones/base/prefix.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace weir {
namespace {

Error invalid(std::string_view text, std::string_view expected) {
  return {ErrorCode::invalid, "'" + std::string(text) + "' is not " + std::string(expected)};
}

bool parse_number(std::string_view text, unsigned& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() && !text.empty();
}

void clear_past(IpAddress& address, unsigned length) {
  const std::size_t whole = length / 8;  // octets
  if (whole >= address.octets.size()) return;
  address.octets[whole] &= static_cast<std::uint8_t>(0xFF00U >> (length % 8));
  std::fill(address.octets.begin() + static_cast<std::ptrdiff_t>(whole) + 1, address.octets.end(), std::uint8_t{0});
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[64];
  if (text.size() >= sizeof buffer) return invalid(text.substr(0, 60), "an IP address");
  std::copy(text.begin(), text.end(), buffer);  // not memcpy: text that is empty may have no address
  buffer[text.size()] = 0;
  if (std::strlen(buffer) != text.size()) return invalid(buffer, "an IP address");
  IpAddress address;
  if (inet_pton(AF_INET, buffer, address.octets.data()) == 1) return address;
  address.family = AddressFamily::ipv6;
  if (inet_pton(AF_INET6, buffer, address.octets.data()) == 1) return address;
  return invalid(text, "an IP address");
}

IpAddress IpAddress::ipv4(std::uint32_t host_order) {
  IpAddress address;
  for (int i = 0; i < 4; ++i) address.octets[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

IpAddress IpAddress::from_octets(std::span<const std::uint8_t> network_order) {
  IpAddress address;
  address.family = network_order.size() == 4 ? AddressFamily::ipv4 : AddressFamily::ipv6;
  std::copy_n(network_order.begin(), std::min<std::size_t>(16, network_order.size()), address.octets.begin());
  return address;
}

bool IpAddress::is_unspecified() const {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

bool IpAddress::is_loopback() const {
  if (family == AddressFamily::ipv4) return octets[0] == 127;
  return octets[15] == 1 &&
         std::all_of(octets.begin(), octets.end() - 1, [](std::uint8_t octet) { return octet == 0; });
}

IpAddress IpAddress::unmapped() const {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (family != AddressFamily::ipv6 || !std::equal(kMapped, kMapped + 12, octets.begin())) return *this;
  return from_octets(std::span(octets).subspan(12));
}

std::string IpAddress::to_text() const {
  char buffer[INET6_ADDRSTRLEN];
  return inet_ntop(family == AddressFamily::ipv4 ? AF_INET : AF_INET6, octets.data(), buffer, sizeof buffer);
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return invalid(text, "an IP address or prefix such as 192.0.2.0/24");
  unsigned length = address->bits();
  if (slash != std::string_view::npos && (!parse_number(text.substr(slash + 1), length) || length > address->bits())) {
    return invalid(text, "a prefix: its length must be 0 to " + std::to_string(address->bits()));
  }
  Prefix prefix = of(*address, length);
  if (prefix.address != *address) {
    return invalid(text, "a prefix: bits past its length are set (did you mean " + prefix.to_text() + "?)");
  }
  return prefix;
}

Prefix Prefix::of(const IpAddress& address, unsigned length) {
  Prefix prefix{address, static_cast<std::uint8_t>(length)};
  clear_past(prefix.address, length);
  return prefix;
}

bool Prefix::contains(const IpAddress& other) const {
  return other.family == address.family && of(other, length).address == address;
}

bool Prefix::contains(const Prefix& other) const {
  return other.length >= length && contains(other.address);
}

std::string Prefix::to_text() const {
  return address.to_text() + "/" + std::to_string(length);
}

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return invalid(text, "an address and port such as [::1]:53");
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(text.find(':'));
  }
  unsigned number = default_port;
  if (!port.empty() && (port.front() != ':' || !parse_number(port.substr(1), number) || number > 65535)) {
    return invalid(text, "an address and port such as 127.0.0.1:53 or [::1]:53");
  }
  auto address = IpAddress::parse(host);
  if (!address) return invalid(text, "an address and port such as 127.0.0.1:53 or [::1]:53");
  return Endpoint{*address, static_cast<std::uint16_t>(number)};
}

std::string Endpoint::to_text() const {
  const std::string host = address.to_text();
  return (address.family == AddressFamily::ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace weir
