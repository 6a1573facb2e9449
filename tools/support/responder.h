// What answers a request of the control protocol (zones/link/control.h), and its way back to who asked: over the
// control socket and over HTTP alike.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "zones/link/control.h"

namespace weir {

// Who reads the answers. An analyst is shown no figures about few clients ([log] smallest_group).
enum class Audience : std::uint8_t { administrator, analyst };

// The way back to the client of one request. One thread.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual Audience audience() const { return Audience::administrator; }  // who may use the control socket is one
  // One progress line. False when the client has left or the server is ending: stop working for it.
  virtual bool progress(const std::string& line) = 0;
  virtual bool is_gone() = 0;
};

// Answers one request by its last line (encode_result or encode_error). Called on the connection's thread.
// `request.who` is who asks, as the server that took the request has made sure of.
using ControlHandler = std::function<std::string(const ControlRequest& request, Responder& responder)>;

}  // namespace weir
