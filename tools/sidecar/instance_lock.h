// One sidecar a run directory: it is the single writer of every store. The file is <run>/sidecar.lock.
#pragma once

#include <filesystem>

#include "zones/base/lock_file.h"

namespace weir::sidecar {

// Makes the run directory where it is missing. Errors: busy (the message names the other one's pid), permission, io.
Result<LockFile> lock_instance(const std::filesystem::path& run_directory);

}  // namespace weir::sidecar
