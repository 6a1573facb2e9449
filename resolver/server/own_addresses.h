// The addresses at which a query of ours would come back to ourselves.
#pragma once

#include <vector>

#include "zones/base/prefix.h"

namespace weir {

// Of those that we listen at with `port`; for "any address" all that the machine's interfaces have at the moment.
std::vector<IpAddress> own_addresses(const std::vector<Endpoint>& listen, std::uint16_t port);

}  // namespace weir
