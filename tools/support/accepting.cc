#include "tools/support/accepting.h"

#include <poll.h>

#include <cerrno>

namespace weir {
namespace {

constexpr int kRestMs = 100;

}  // namespace

void rest_after_failed_accept(int stop) {
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
  pollfd waiting{stop, POLLIN, 0};
  static_cast<void>(::poll(&waiting, 1, kRestMs));
}

}  // namespace weir
