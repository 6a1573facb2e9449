#include "resolver/server/port_probe.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "resolver/server/socket_address.h"
#include "zones/base/descriptor.h"

namespace weir {
namespace {

Error probe_error(const Endpoint& address, const char* transport, int error) {
  const std::string where = "cannot listen on " + address.to_text() + " (" + transport + "): ";
  switch (error) {
    case EADDRINUSE:
      return {ErrorCode::busy, where + "the port is in use by another program"};
    case EACCES:
    case EPERM:
      return {ErrorCode::permission, where + "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE"};
    case EADDRNOTAVAIL:
      return {ErrorCode::invalid, where + "this is not an address of this machine"};
    default:
      return {ErrorCode::io, where + std::strerror(error)};
  }
}

Result<void> probe(const Endpoint& address, int type, const char* transport) {
  const bool ipv6 = address.address.family == AddressFamily::ipv6;
  const Descriptor descriptor(::socket(ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
  if (descriptor.get() < 0) return probe_error(address, transport, errno);
  const int on = 1;
  if (ipv6) setsockopt(descriptor.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Old TCP connections in TIME_WAIT do not hold the port; a listener does, with or without this.
  if (type == SOCK_STREAM) setsockopt(descriptor.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in6 local;
  const socklen_t size = to_sockaddr(address, local);
  if (::bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&local), size) != 0)
    return probe_error(address, transport, errno);
  return {};
}

}  // namespace

Result<void> probe_port(const Endpoint& address) {
  auto udp = probe(address, SOCK_DGRAM, "UDP");
  if (!udp) return udp;
  return probe(address, SOCK_STREAM, "TCP");
}

}  // namespace weir
