// Zone keys from a fixed pool, and signatures that are the same in every run. For tests alone: their secrets are
// public, and ECDSA's nonce is reused, which makes a signature cost a microsecond.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tests/world/plan.h"

namespace weir::world {

inline constexpr unsigned kKeyPool = 24;

// `number` below kKeyPool; of RSA there is one key. The DNSKEY has flags 257.
const Octets& dnskey_rdata(Algorithm algorithm, unsigned number);
std::uint16_t dnskey_tag(Algorithm algorithm, unsigned number);
Octets raw_signature(Algorithm algorithm, unsigned number, std::span<const std::uint8_t> data);

Octets sha256(std::span<const std::uint8_t> data);
Octets sha1(std::span<const std::uint8_t> data);

}  // namespace weir::world
