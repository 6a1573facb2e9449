// What a server of HTTP hands its requests to: the API with the console, and the page of those who are filtered.
#pragma once

#include <string_view>

#include "tools/http/message.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"

namespace weir::http {

struct Caller {
  IpAddress from;   // of the connection; no field of a request changes it
  IpAddress local;  // that the connection came to
};

// The way back for answers that come bit by bit. One thread.
class Stream {
 public:
  virtual ~Stream() = default;
  // False of all: the client has left, or the server is ending.
  virtual bool begin(const Response& head) = 0;
  virtual bool send_piece(std::string_view piece) = 0;
  virtual bool is_there() = 0;
};

// Any thread, any number at once.
class Answerer {
 public:
  virtual ~Answerer() = default;
  // Where `stream` was begun, the body of what comes back is its last piece.
  virtual Response answer(const Request& request, const Caller& caller, Now now, Stream& stream) = 0;
  // A response that was none of answer(): of octets that are no request.
  virtual void count(unsigned status) = 0;
};

}  // namespace weir::http
