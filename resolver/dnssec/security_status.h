// The one place that says: answers are not validated yet. Until the validator (chain of trust, RFC 4033 to 4035)
// stands in this room, every answer is indeterminate, so the server never sets AD.
#pragma once

#include <cstdint>

namespace weir {

enum class Security : std::uint8_t { indeterminate, insecure, secure, bogus };

inline constexpr Security kSecurityWithoutValidator = Security::indeterminate;

}  // namespace weir
