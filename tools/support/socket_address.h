// Endpoints as the system's socket calls take and give them.
#pragma once

#include <sys/socket.h>

#include "zones/base/prefix.h"

namespace weir {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  static SocketAddress of(const Endpoint& endpoint);
  Endpoint endpoint() const;  // IPv4 mapped into IPv6 as IPv4
  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

}  // namespace weir
