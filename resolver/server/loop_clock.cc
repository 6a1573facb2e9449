#include "resolver/server/loop_clock.h"

#include <ctime>

namespace weir {
namespace {

// The host's stalls are in the wall clock, not in this.
TurnClock::Duration thread_cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

void LoopClock::measure_turn() {
  if (!turn_.has_begun()) turn_.begin(std::chrono::steady_clock::now(), thread_cpu_time());
}

std::optional<TurnClock::Duration> LoopClock::end_turn() {
  if (!turn_.has_begun()) return std::nullopt;
  return turn_.end(std::chrono::steady_clock::now(), thread_cpu_time);
}

}  // namespace weir
