// An address and a port as the system's socket calls take them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "zones/base/prefix.h"

namespace weir {

// Returns how many octets of `out` it took: an IPv4 address stands there as a sockaddr_in.
socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_in6& out);

}  // namespace weir
