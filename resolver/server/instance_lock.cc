#include "resolver/server/instance_lock.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace weir {

Result<InstanceLock> InstanceLock::acquire(const std::filesystem::path& run_directory) {
  std::filesystem::path file = run_directory / "resolver.lock";
  auto lock = LockFile::acquire(file, 0640, [&file](const LockFile::Refusal& why) -> Error {
    if (why.error == EWOULDBLOCK) {
      return {ErrorCode::busy, file.string() + ": weir-resolver already runs here as " +
                                   (why.holder.empty() ? "another process" : "pid " + why.holder) +
                                   "; stop it first, or give this one another run.path"};
    }
    ErrorCode code = ErrorCode::io;
    if (why.error == ENOENT) code = ErrorCode::not_found;
    if (why.error == EACCES || why.error == EPERM) code = ErrorCode::permission;
    return {code, file.string() + ": cannot " + why.doing + ": " + std::strerror(why.error)};
  });
  if (!lock) return lock.error();
  return InstanceLock(std::move(*lock), std::move(file));
}

}  // namespace weir
