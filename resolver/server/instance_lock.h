// One resolver a run directory: SO_REUSEPORT hides a port in use, a second instance would silently take
// half of the queries.
//
// The file <run>/resolver.lock is held by flock() for the life of the process and carries the pid. The kernel
// lets go of it when the process dies, however it dies, so a file that is left over is no obstacle.
#pragma once

#include <filesystem>

#include "zones/base/result.h"

namespace weir {

class InstanceLock {
 public:
  // Errors: busy (another instance holds it; the message names its pid), not_found (no such directory),
  // permission, io.
  static Result<InstanceLock> acquire(const std::filesystem::path& run_directory);

  InstanceLock(InstanceLock&& other) noexcept;
  InstanceLock& operator=(InstanceLock&& other) noexcept;
  InstanceLock(const InstanceLock&) = delete;
  InstanceLock& operator=(const InstanceLock&) = delete;
  ~InstanceLock();  // lets go; the file stays, empty

  const std::filesystem::path& file() const { return file_; }

 private:
  InstanceLock(int descriptor, std::filesystem::path file) : descriptor_(descriptor), file_(std::move(file)) {}
  void release();

  int descriptor_ = -1;
  std::filesystem::path file_;
};

}  // namespace weir
