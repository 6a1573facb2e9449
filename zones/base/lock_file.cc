#include "zones/base/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace weir {
namespace {

std::string pid_in(const Descriptor& descriptor) {
  char text[16] = {};
  const ssize_t size = ::pread(descriptor.get(), text, sizeof text - 1, 0);
  std::string digits;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) digits += text[i];
  return digits;
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::filesystem::path& file, mode_t mode,
                                   const std::function<Error(const Refusal&)>& refused) {
  Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode));
  if (descriptor.get() < 0) return refused({errno, "open the lock"});
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    // Not ours: what its holder wrote must stay, so no LockFile is made of it.
    if (errno != EWOULDBLOCK) return refused({errno, "lock it"});
    return refused({EWOULDBLOCK, "lock it", pid_in(descriptor)});
  }
  LockFile lock(std::move(descriptor));
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.descriptor_.get(), 0) != 0 ||
      ::pwrite(lock.descriptor_.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return refused({errno, "write the pid"});
  }
  return lock;
}

LockFile::~LockFile() {
  if (descriptor_.get() >= 0) static_cast<void>(!::ftruncate(descriptor_.get(), 0));
}

}  // namespace weir
