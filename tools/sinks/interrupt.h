// What ends a wait of a sink's thread from outside: at the program's end, or when the sink is taken away.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "zones/base/descriptor.h"

namespace weir::sinks {

enum class Waited : std::uint8_t { ready, timed_out, interrupted };

// raise(): any thread, once for all; the rest likewise.
class Interrupt {
 public:
  Interrupt();
  void raise();
  bool is_raised() const { return raised_.load(std::memory_order_relaxed); }
  // Until `descriptor` has one of `events` (of poll(); errors count as ready), or `bound` is over.
  Waited wait(std::chrono::milliseconds bound, int descriptor = -1, short events = 0) const;

 private:
  std::atomic<bool> raised_{false};
  Descriptor event_;
};

}  // namespace weir::sinks
