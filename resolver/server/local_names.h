// Names that never leave this machine (RFC 6761).
#pragma once

#include <cstdint>
#include <span>

#include "resolver/wire/query.h"

namespace weir {

// localhost and everything below it: loopback addresses, nothing else (RFC 6761 section 6.3), and `invalid`:
// NXDOMAIN (section 6.4). Returns the reply's size; 0: not such a name.
std::size_t answer_local_name(std::span<std::uint8_t> out, const Query& query);

}  // namespace weir
