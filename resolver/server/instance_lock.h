// One resolver a run directory: SO_REUSEPORT hides a port in use, a second instance would silently take
// half of the queries. The file is <run>/resolver.lock (zones/base/lock_file.h).
#pragma once

#include <filesystem>

#include "zones/base/lock_file.h"

namespace weir {

class InstanceLock {
 public:
  // Errors: busy (another instance holds it; the message names its pid), not_found (no such directory),
  // permission, io.
  static Result<InstanceLock> acquire(const std::filesystem::path& run_directory);

  const std::filesystem::path& file() const { return file_; }

 private:
  InstanceLock(LockFile lock, std::filesystem::path file) : lock_(std::move(lock)), file_(std::move(file)) {}

  LockFile lock_;
  std::filesystem::path file_;
};

}  // namespace weir
