// Octets as text.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace weir {

// Two lower-case digits an octet.
std::string to_hex(std::span<const std::uint8_t> octets);

}  // namespace weir
