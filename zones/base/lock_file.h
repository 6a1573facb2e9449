// A file that one process holds, with its pid in it for whoever comes second.
//
// Held by flock() as long as the object lives. The kernel lets go of it however the process dies, so a file that is
// left over is no obstacle. It stays, empty, when its owner lets go: removing it would let a third process lock a new
// one while a second waits on the old.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>

#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir {

class LockFile {
 public:
  struct Refusal {
    int error = 0;            // errno; EWOULDBLOCK: another process holds it
    const char* doing = "";   // what failed: "open the lock"
    std::string holder = {};  // the pid of who holds it, as far as it has written it
  };

  // Makes the file with `mode` where it is missing; never goes through a symbolic link. What cannot be had is what
  // `refused` makes of it, as each program says in its own words who is in the way.
  static Result<LockFile> acquire(const std::filesystem::path& file, mode_t mode,
                                  const std::function<Error(const Refusal&)>& refused);

  LockFile(LockFile&& other) noexcept = default;
  LockFile& operator=(LockFile&& other) noexcept = default;
  ~LockFile();

 private:
  explicit LockFile(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;
};

}  // namespace weir
