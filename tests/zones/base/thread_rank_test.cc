// Who answers asks for the shortest time slice, who does other work for a longer one, and neither ranks itself up.
#include "zones/base/thread_rank.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

namespace weir::thread_rank_test {
namespace {

struct Rank {
  std::uint64_t slice_ns = 0;  // 0: cannot be asked for here
  int nice = 0;
};

// Of the calling thread, as sched_getattr(2) tells it: 48 octets, the nice value at 16, the slice at 24.
Rank rank_now() {
  Rank rank;
  std::array<std::uint8_t, 48> attributes{};
  if (::syscall(SYS_sched_getattr, 0, attributes.data(), attributes.size(), 0) != 0) return rank;
  std::memcpy(&rank.nice, attributes.data() + 16, sizeof rank.nice);
  std::memcpy(&rank.slice_ns, attributes.data() + 24, sizeof rank.slice_ns);
  return rank;
}

Rank rank_behind(void (*how)()) {
  Rank rank;
  std::thread([&] {
    how();
    rank = rank_now();
  }).join();
  return rank;
}

TEST(ThreadRank, WhoAnswersMayCutShortWhoDoesOtherWork) {
  const Rank usual = rank_now();
  if (usual.slice_ns == 0) GTEST_SKIP() << "this kernel or sandbox has no slices of a thread's own";
  const Rank before = rank_behind(rank_before_others);
  const Rank behind = rank_behind(rank_behind_others);
  EXPECT_EQ(before.slice_ns, 100'000U);
  EXPECT_EQ(behind.slice_ns, 200'000U);
  EXPECT_EQ(before.nice, usual.nice);
  EXPECT_EQ(behind.nice, usual.nice) << "a process that nobody ranked stays as it is";
  EXPECT_EQ(rank_now().slice_ns, usual.slice_ns) << "of the thread alone";
}

TEST(ThreadRank, OtherWorkOfARankedProcessIsRankedAsIfItWereNot) {
  bool may_rank = false;
  int nice = -1;
  std::thread([&] {
    may_rank = ::setpriority(PRIO_PROCESS, 0, -5) == 0;
    rank_behind_others();
    nice = ::getpriority(PRIO_PROCESS, 0);
  }).join();
  if (!may_rank) GTEST_SKIP() << "this user may not rank a thread higher";
  EXPECT_EQ(nice, 0);
}

}  // namespace
}  // namespace weir::thread_rank_test
