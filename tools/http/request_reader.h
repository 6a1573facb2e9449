// Requests out of the octets of one connection, however they were cut; within bounds, and without any I/O.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tools/http/message.h"

namespace weir::http {

inline constexpr std::size_t kMaxHead = 16 << 10;  // octets of the request line and all fields
inline constexpr std::size_t kMaxFields = 100;
inline constexpr std::size_t kMaxBody = 1 << 20;

class RequestReader {
 public:
  enum class State : std::uint8_t {
    idle,     // nothing of a request is there
    partial,  // some of one
    whole,    // take() it
    refused   // refusal() says why; no octet behind it means anything
  };

  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;

  // What belongs behind the present request waits: feed no more until that was taken.
  void feed(std::string_view octets);
  State state() const;
  // Whether the client waits for "100 Continue" before it sends the body (RFC 9110 section 10.1.1). True once a
  // request.
  bool wants_continue();
  Request take();
  Response refusal() const;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace weir::http
