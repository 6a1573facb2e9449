#include "resolver/server/secure_random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace weir {

std::uint32_t SecureRandom::next() {
  if (left_ == 0) refill();
  const std::uint32_t value = block_[--left_];
  block_[left_] = 0;
  return value;
}

std::uint32_t SecureRandom::below(std::uint32_t bound) {
  const std::uint32_t threshold = (0U - bound) % bound;
  std::uint32_t value = next();
  while (value < threshold) value = next();
  return value % bound;
}

void SecureRandom::refill() {
  auto* at = reinterpret_cast<std::uint8_t*>(block_.data());
  std::size_t missing = sizeof block_;
  while (missing > 0) {
    const ssize_t got = getrandom(at, missing, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // no entropy at all: going on would mean predictable ports
    }
    at += got;
    missing -= static_cast<std::size_t>(got);
  }
  left_ = block_.size();
}

}  // namespace weir
