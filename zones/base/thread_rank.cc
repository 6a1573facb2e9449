#include "zones/base/thread_rank.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>

namespace weir {
namespace {

constexpr std::chrono::nanoseconds kShortestSlice{100'000};  // the kernel takes no shorter one
constexpr std::chrono::nanoseconds kShortSlice{200'000};     // longer than the shortest: those may cut it short
constexpr std::chrono::nanoseconds kOffered{150'000};
constexpr unsigned kStepsBetweenClocks = 32;

// What sched_setattr(2) takes; Debian 12's C library has neither the call nor the struct.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of SCHED_OTHER: the slice
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

void ask_for_slice(std::chrono::nanoseconds slice) {
  if (::sched_getscheduler(0) != SCHED_OTHER) return;  // somebody ranks it in a way of his own
  SchedulingAttributes wanted;
  errno = 0;
  wanted.nice = ::getpriority(PRIO_PROCESS, 0);
  if (errno != 0) return;
  wanted.runtime = static_cast<std::uint64_t>(slice.count());
  (void)::syscall(SYS_sched_setattr, 0, &wanted, 0);
}

}  // namespace

void rank_before_others() {
  ask_for_slice(kShortestSlice);
}

void rank_behind_others() {
  errno = 0;
  if (::getpriority(PRIO_PROCESS, 0) < 0 && errno == 0) (void)::setpriority(PRIO_PROCESS, 0, 0);  // this thread's alone
  ask_for_slice(kShortSlice);
}

void give_way() {
  thread_local unsigned steps = 0;
  thread_local std::chrono::steady_clock::time_point last;
  if (++steps % kStepsBetweenClocks != 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last < kOffered) return;
  ::sched_yield();
  last = std::chrono::steady_clock::now();
}

}  // namespace weir
