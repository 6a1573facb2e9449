#include "zones/base/descriptor.h"

#include <cerrno>

namespace weir {

ssize_t read_some(const Descriptor& from, void* out, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(from.get(), out, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

bool write_all(const Descriptor& to, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(to.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace weir
