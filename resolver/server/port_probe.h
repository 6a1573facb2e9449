// Whether an address and port are free, by a bind without SO_REUSEPORT, UDP and TCP, closed again at once.
#pragma once

#include "zones/base/prefix.h"
#include "zones/base/result.h"

namespace weir {

// Errors name the address: busy (in use), permission (a port below 1024), invalid (not an address of this
// machine), io. Port 0 is always free.
Result<void> probe_port(const Endpoint& address);

}  // namespace weir
