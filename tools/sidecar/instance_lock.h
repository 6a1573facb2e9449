// One sidecar a run directory: it is the single writer of every store.
//
// <run>/sidecar.lock is held by flock() for the life of the process and carries the pid. The kernel lets go of it
// however the process dies, so a file that is left over is no obstacle.
#pragma once

#include <filesystem>

#include "zones/base/result.h"

namespace weir::sidecar {

class InstanceLock {
 public:
  // Makes the run directory where it is missing. Errors: busy (the message names the other one's pid), permission, io.
  static Result<InstanceLock> acquire(const std::filesystem::path& run_directory);

  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&& other) noexcept;
  ~InstanceLock();

 private:
  explicit InstanceLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace weir::sidecar
