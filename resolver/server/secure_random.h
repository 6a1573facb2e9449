// Cryptographic random numbers from the kernel, fetched in blocks. One thread.
//
// Query IDs, 0x20 case and upstream ports come from here: what can be predicted can be spoofed (CVE-2025-40780).
#pragma once

#include <array>
#include <cstdint>

namespace weir {

class SecureRandom {
 public:
  std::uint32_t next();  // 32 random bits; used octets are wiped
  // 0 to bound - 1, without bias; bound > 0.
  std::uint32_t below(std::uint32_t bound);

 private:
  void refill();
  std::array<std::uint32_t, 256> block_{};
  std::size_t left_ = 0;
};

}  // namespace weir
