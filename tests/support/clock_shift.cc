// Preloaded into a daemon whose wall clock is to be another one: CLOCK_REALTIME is WEIR_CLOCK_SHIFT seconds ahead of
// the machine's. What waits goes by the steady clock, which stays, and files keep their times.
//
// libfaketime does more and takes memory while it begins, which an allocator that reads a clock while it begins (the
// resolver's jemalloc) turns into a circle.
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

long shift() {
  const char* text = std::getenv("WEIR_CLOCK_SHIFT");
  return text == nullptr ? 0 : std::atol(text);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const long result = ::syscall(SYS_clock_gettime, clock, out);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += shift();
  return static_cast<int>(result);
}

extern "C" int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

extern "C" time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}
