// Asks a daemon over its control socket (zones/link/control.h): the command line, and the sidecar the resolver.
//
// Blocking; one thread. A connection may carry several requests, one after the other; after an error of the
// connection (unavailable, timed_out, corrupt) it is closed, and every further request says unavailable.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "zones/base/descriptor.h"
#include "zones/base/result.h"
#include "zones/link/control.h"

namespace weir {

enum class Continue : std::uint8_t { yes, no };

class ControlClient {
 public:
  // Told the JSON text of each progress line. `no` ends the request: it is the way out of a stream.
  using Progress = std::function<Continue(std::string_view)>;

  // `daemon` is who should listen there ("weir-sidecar"): for messages. Errors: unavailable (nobody listens; says
  // how to start it), permission.
  static Result<ControlClient> connect(const std::filesystem::path& socket, std::string_view daemon);

  // The result as JSON text, or the error that the daemon answered. `patience` bounds the time between two lines
  // of the reply (zero: wait for ever, for streams); then the error is timed_out. The result is "null" where
  // `progress` ended the request.
  Result<std::string> request(const ControlRequest& request, const Progress& progress = {},
                              std::chrono::milliseconds patience = std::chrono::seconds(120));

  // After an error of request(): true when the daemon itself answered it, false when the daemon was not reached.
  // So `unavailable` of a source that the daemon asked is told from the daemon being away.
  bool is_open() const { return socket_.get() >= 0; }

 private:
  ControlClient(Descriptor socket, std::string daemon) : socket_(std::move(socket)), daemon_(std::move(daemon)) {}

  Result<void> send_line(std::string_view line, std::chrono::milliseconds patience);
  Result<std::string> receive_line(std::chrono::milliseconds patience);
  Error lost(const std::string& why);
  void close();

  Descriptor socket_;
  std::string daemon_;
  std::string received_;  // octets after the last whole line
};

// The user who runs this process, for ControlRequest::who: the login name, else "uid 1000".
std::string calling_user();

}  // namespace weir
