#include "resolver/server/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace weir {
namespace {

// What the holder wrote, for the message: "pid 4711", or "another process" while it has not written yet.
std::string holder_of(int descriptor) {
  char text[16] = {};
  const ssize_t size = ::pread(descriptor, text, sizeof text - 1, 0);
  std::string digits;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) digits += text[i];
  return digits.empty() ? "another process" : "pid " + digits;
}

}  // namespace

Result<InstanceLock> InstanceLock::acquire(const std::filesystem::path& run_directory) {
  std::filesystem::path file = run_directory / "resolver.lock";
  const auto failed = [&](const char* doing) -> Error {
    const int number = errno;
    ErrorCode code = ErrorCode::io;
    if (number == ENOENT) code = ErrorCode::not_found;
    if (number == EACCES || number == EPERM) code = ErrorCode::permission;
    return {code, file.string() + ": cannot " + doing + ": " + std::strerror(number)};
  };
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (descriptor < 0) return failed("open the lock");
  InstanceLock lock(descriptor, file);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed("lock it");
    Error busy{ErrorCode::busy, file.string() + ": weir-resolver already runs here as " + holder_of(descriptor) +
                                    "; stop it first, or give this one another run.path"};
    lock.descriptor_ = -1;  // not ours: its content must stay
    ::close(descriptor);
    return busy;
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return failed("write the pid");
  }
  return lock;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), file_(std::move(other.file_)) {}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept {
  if (this != &other) {
    release();
    descriptor_ = std::exchange(other.descriptor_, -1);
    file_ = std::move(other.file_);
  }
  return *this;
}

InstanceLock::~InstanceLock() {
  release();
}

// The file stays: removing it would let a third instance lock a new one while a second waits on the old.
void InstanceLock::release() {
  if (descriptor_ < 0) return;
  (void)!::ftruncate(descriptor_, 0);
  ::close(descriptor_);
  descriptor_ = -1;
}

}  // namespace weir
