// The clocks of a worker's loop, and how long each of its turns takes.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

#include "zones/base/time.h"

namespace weir {

// CPU time of turns, from times that the caller reads. What is counted begins with the first work in the turn that may
// be long: what the kernel charges a thread for falling asleep and waking up is none of its work (3.5 ms were seen
// there while a list was imported beside it, in turns that then took 50 microseconds).
//
// The thread's CPU clock is a system call of 0.6 microseconds, 4 % of a query at 20,000 a second. So turns with a few
// cached answers alone are not measured, and where the wall clock says that a turn was short it is not read again.
class TurnClock {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kShort = std::chrono::microseconds(100);

  // Once a turn.
  void begin(SteadyTime now, Duration cpu) { began_ = Began{now, cpu}; }
  bool has_begun() const { return began_.has_value(); }

  // The CPU time since begin(). Nothing for a short turn, and where begin() was not called.
  template <class ReadCpu>
  std::optional<Duration> end(SteadyTime now, ReadCpu read_cpu) {
    const auto began = std::exchange(began_, std::nullopt);
    if (!began || now - began->wall < kShort) return std::nullopt;
    return read_cpu() - began->cpu;
  }

 private:
  struct Began {
    SteadyTime wall;
    Duration cpu;
  };
  std::optional<Began> began_;
};

// One worker's; one thread.
class LoopClock {
 public:
  static Now now() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }
  // Before work that may take more than a few cached answers do; only the first call in a turn costs anything.
  void measure_turn();
  // At the end of each turn, as TurnClock::end().
  std::optional<TurnClock::Duration> end_turn();

 private:
  TurnClock turn_;
};

}  // namespace weir
