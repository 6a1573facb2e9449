#include "resolver/server/socket_address.h"

#include <cstring>

namespace weir {

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_in6& out) {
  std::memset(&out, 0, sizeof out);
  if (endpoint.address.family == AddressFamily::ipv6) {
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(endpoint.port);
    std::memcpy(&out.sin6_addr, endpoint.address.octets.data(), 16);
    return sizeof(sockaddr_in6);
  }
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(endpoint.port);
  std::memcpy(&ipv4.sin_addr, endpoint.address.octets.data(), 4);
  std::memcpy(&out, &ipv4, sizeof ipv4);
  return sizeof(sockaddr_in);
}

}  // namespace weir
