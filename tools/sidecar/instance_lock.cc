#include "tools/sidecar/instance_lock.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace weir::sidecar {
namespace {

Error lock_error(const std::filesystem::path& path, int number) {
  const ErrorCode code = number == EACCES || number == EPERM || number == EROFS ? ErrorCode::permission : ErrorCode::io;
  return {code, path.string() + ": " + std::strerror(number)};
}

}  // namespace

Result<LockFile> lock_instance(const std::filesystem::path& run_directory) {
  std::error_code error;
  std::filesystem::create_directories(run_directory, error);
  if (error) return lock_error(run_directory, error.value());
  const std::filesystem::path file = run_directory / "sidecar.lock";
  return LockFile::acquire(file, 0640, [&file](const LockFile::Refusal& why) -> Error {
    if (why.error != EWOULDBLOCK) return lock_error(file, why.error);
    return {ErrorCode::busy, "another weir-sidecar " +
                                 (why.holder.empty() ? std::string() : "(process " + why.holder + ") ") + "holds " +
                                 file.string() + ": there is one writer for a store"};
  });
}

}  // namespace weir::sidecar
