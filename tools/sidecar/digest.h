// SHA-256 of files: the identity of a list's contents.
#pragma once

#include <filesystem>
#include <string>

#include "tools/support/sha256.h"
#include "zones/base/result.h"

namespace weir::sidecar {

Result<std::string> sha256_of_file(const std::filesystem::path& file);

}  // namespace weir::sidecar
