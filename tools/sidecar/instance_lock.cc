#include "tools/sidecar/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

Error lock_error(const std::filesystem::path& path, int number) {
  const ErrorCode code = number == EACCES || number == EPERM || number == EROFS ? ErrorCode::permission : ErrorCode::io;
  return {code, path.string() + ": " + std::strerror(number)};
}

}  // namespace

Result<InstanceLock> InstanceLock::acquire(const std::filesystem::path& run_directory) {
  std::error_code error;
  std::filesystem::create_directories(run_directory, error);
  if (error) return lock_error(run_directory, error.value());
  const std::filesystem::path file = run_directory / "sidecar.lock";
  InstanceLock lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (lock.descriptor_ < 0) return lock_error(file, errno);
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return lock_error(file, errno);
    std::array<char, 32> pid{};
    const ssize_t got = ::pread(lock.descriptor_, pid.data(), pid.size() - 1, 0);
    const std::string owner(trim(std::string_view(pid.data(), got > 0 ? static_cast<std::size_t>(got) : 0)));
    return Error{ErrorCode::busy, "another weir-sidecar " + (owner.empty() ? "" : "(process " + owner + ") ") +
                                      "holds " + file.string() + ": there is one writer for a store"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.descriptor_, 0) != 0 ||
      ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return lock_error(file, errno);
  }
  return lock;
}

InstanceLock::InstanceLock(InstanceLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

InstanceLock::~InstanceLock() {
  if (descriptor_ < 0) return;
  static_cast<void>(!::ftruncate(descriptor_, 0));
  ::close(descriptor_);
}

}  // namespace weir::sidecar
