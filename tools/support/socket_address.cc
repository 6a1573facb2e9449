#include "tools/support/socket_address.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace weir {

SocketAddress SocketAddress::of(const Endpoint& endpoint) {
  SocketAddress out;
  const auto octets = endpoint.address.bytes();
  if (endpoint.address.family == AddressFamily::ipv4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::copy(octets.begin(), octets.end(), reinterpret_cast<std::uint8_t*>(&address.sin_addr));
    std::memcpy(&out.storage, &address, sizeof address);
    out.size = sizeof address;
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::copy(octets.begin(), octets.end(), reinterpret_cast<std::uint8_t*>(&address.sin6_addr));
    std::memcpy(&out.storage, &address, sizeof address);
    out.size = sizeof address;
  }
  return out;
}

Endpoint SocketAddress::endpoint() const {
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    return {IpAddress::ipv4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)};
  }
  sockaddr_in6 address{};
  std::memcpy(&address, &storage, sizeof address);
  const auto* octets = reinterpret_cast<const std::uint8_t*>(&address.sin6_addr);
  return {IpAddress::from_octets({octets, 16}).unmapped(), ntohs(address.sin6_port)};
}

}  // namespace weir
