// What validation says of data (RFC 4033 section 5, RFC 4035 section 4.3).
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

// Worst first, so that a whole is as good as the least of its parts.
enum class Security : std::uint8_t {
  bogus,
  indeterminate,  // not validated: nobody looked yet, or nobody was asked to
  insecure,       // proven to be unsigned, or there is no trust anchor above it
  secure
};

constexpr Security worse(Security a, Security b) {
  return std::min(a, b);
}

}  // namespace weir
