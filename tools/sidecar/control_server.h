// The sidecar's control socket, <run>/sidecar.sock (zones/link/control.h has the protocol).
//
// Who may talk to it is decided by the file's mode (0660). One thread for each connection, because a verb may take
// as long as an import or stream for hours; bounded by kMaxControlConnections.
#pragma once

#include <filesystem>
#include <memory>

#include "tools/support/responder.h"
#include "zones/base/result.h"

namespace weir::sidecar {

inline constexpr unsigned kMaxControlConnections = 64;

class ControlServer {
 public:
  // A request's `who` is the user whom the kernel names; root may speak for others.
  // Binds and starts. A socket that nobody listens on any more is replaced (the instance lock is held before).
  // Errors: busy, permission, invalid (path too long for a socket), io.
  static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& socket, ControlHandler handler);
  virtual ~ControlServer() = default;  // ends every connection and removes the socket file
};

}  // namespace weir::sidecar
