#include "resolver/server/instance_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/scratch_folder.h"

namespace weir::instance_lock_test {
namespace {

namespace fs = std::filesystem;

class Lock : public testing::Test {
 protected:
  std::string content() const {
    std::string text;
    std::ifstream(directory_ / "resolver.lock") >> text;
    return text;
  }

  const test::ScratchFolder directory_;
};

TEST_F(Lock, HoldsThePidAndIsFreeAgainAfterwards) {
  for (int round = 0; round < 2; ++round) {
    const auto lock = InstanceLock::acquire(directory_.path());
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_EQ(lock->file(), directory_ / "resolver.lock");
    EXPECT_EQ(content(), std::to_string(::getpid()));
  }
  EXPECT_EQ(content(), "");
}

TEST_F(Lock, SecondInstanceIsBusyAndNamesTheFirst) {
  auto first = InstanceLock::acquire(directory_.path());
  ASSERT_TRUE(first);
  const InstanceLock moved = std::move(*first);
  for (int round = 0; round < 2; ++round) {  // the refusal itself must not free it
    const auto second = InstanceLock::acquire(directory_.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::busy);
    EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos)
        << second.error().message;
  }
}

TEST_F(Lock, FileOfADeadProcessIsNoObstacle) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = InstanceLock::acquire(directory_.path());
    if (!lock || ::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  ::close(ready[1]);
  char octet = 0;
  ASSERT_EQ(::read(ready[0], &octet, 1), 1);
  ::close(ready[0]);
  const auto refused = InstanceLock::acquire(directory_.path());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("pid " + std::to_string(child)), std::string::npos);

  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(content(), std::to_string(child));
  const auto lock = InstanceLock::acquire(directory_.path());
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(content(), std::to_string(::getpid()));
}

TEST_F(Lock, WhatCannotBeAFileIsAnError) {
  const auto absent = InstanceLock::acquire(directory_ / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::not_found);
  fs::create_symlink("/dev/null", directory_ / "resolver.lock");
  EXPECT_FALSE(InstanceLock::acquire(directory_.path()));  // never write through what somebody else put there
}

}  // namespace
}  // namespace weir::instance_lock_test
