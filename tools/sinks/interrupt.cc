#include "tools/sinks/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

namespace weir::sinks {

Interrupt::Interrupt() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Interrupt::raise() {
  raised_.store(true, std::memory_order_relaxed);
  constexpr std::uint64_t kOne = 1;
  static_cast<void>(::write(event_.get(), &kOne, sizeof kOne) > 0);
}

Waited Interrupt::wait(std::chrono::milliseconds bound, int descriptor, short events) const {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  for (;;) {
    if (is_raised()) return Waited::interrupted;
    std::array<pollfd, 2> waited{pollfd{event_.get(), POLLIN, 0}, pollfd{descriptor, events, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    const int count = ::poll(waited.data(), waited.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (waited[0].revents != 0) return Waited::interrupted;
    if (count > 0) return Waited::ready;
    if (left <= 0) return Waited::timed_out;
  }
}

}  // namespace weir::sinks
