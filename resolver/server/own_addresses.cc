#include "resolver/server/own_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace weir {
namespace {

std::vector<IpAddress> addresses_of_interfaces() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(first, &::freeifaddrs);
  std::vector<IpAddress> out;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (at->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address;
      std::memcpy(&address, at->ifa_addr, sizeof address);
      out.push_back(IpAddress::ipv4(ntohl(address.sin_addr.s_addr)));
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address;
      std::memcpy(&address, at->ifa_addr, sizeof address);
      out.push_back(IpAddress::from_octets({address.sin6_addr.s6_addr, 16}).unmapped());
    }
  }
  return out;
}

}  // namespace

std::vector<IpAddress> own_addresses(const std::vector<Endpoint>& listen, std::uint16_t port) {
  std::vector<IpAddress> out;
  for (const Endpoint& endpoint : listen) {
    if (endpoint.port != port) continue;
    const IpAddress address = endpoint.address.unmapped();
    if (!address.is_unspecified()) {
      out.push_back(address);
      continue;
    }
    for (const IpAddress& ours : addresses_of_interfaces()) {
      // A socket on :: takes IPv4 too.
      if (ours.family == address.family || address.family == AddressFamily::ipv6) out.push_back(ours);
    }
  }
  return out;
}

}  // namespace weir
