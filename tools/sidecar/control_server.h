// The sidecar's control socket, <run>/sidecar.sock (zones/link/control.h has the protocol).
//
// Who may talk to it is decided by the file's mode (0660). One thread for each connection, because a verb may take
// as long as an import or stream for hours; bounded by kMaxControlConnections.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "zones/base/result.h"
#include "zones/link/control.h"

namespace weir::sidecar {

inline constexpr unsigned kMaxControlConnections = 64;

// The way back to the client of one request. One thread.
class Responder {
 public:
  virtual ~Responder() = default;
  // One progress line. False when the client has left or the server is ending: stop working for it.
  virtual bool progress(const std::string& line) = 0;
  virtual bool is_gone() = 0;
};

// Answers one request by its last line (encode_result or encode_error). Called on the connection's thread.
// `request.who` is the user whom the kernel names; root may speak for others.
using ControlHandler = std::function<std::string(const ControlRequest& request, Responder& responder)>;

class ControlServer {
 public:
  // Binds and starts. A socket that nobody listens on any more is replaced (the instance lock is held before).
  // Errors: busy, permission, invalid (path too long for a socket), io.
  static Result<std::unique_ptr<ControlServer>> start(const std::filesystem::path& socket, ControlHandler handler);
  virtual ~ControlServer() = default;  // ends every connection and removes the socket file
};

}  // namespace weir::sidecar
