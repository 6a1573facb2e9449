// HTTP requests and responses as values, and a response's head as octets (RFC 9110, RFC 9112).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/time.h"

namespace weir::http {

struct Field {
  std::string name;  // lower case
  std::string value;
};

struct Request {
  std::string method;  // "GET"
  std::string target;  // as it was sent
  std::vector<Field> fields;
  std::string body;
  bool keeps_alive = true;

  const std::string* find(std::string_view name) const;  // the first; nullptr: absent
  std::size_t count(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string type;  // Content-Type; empty: nothing is in it
  std::string body;
  std::vector<Field> fields = {};  // beside those that every response has
  std::string cache = "no-store";  // Cache-Control
  bool ends_connection = false;    // behind it the connection is closed
  bool without_body = false;       // of HEAD: the length is told, the body is not sent
  bool has_form = false;           // a page whose form is sent to where it came from
};

enum class Framing : std::uint8_t { length, chunked };
enum class After : std::uint8_t { keep, close };

// Status line and fields, with the empty line. Every response has what keeps a browser from running, framing or
// guessing anything that is not ours.
std::string write_head(const Response& response, Framing framing, After after, WallTime now);

// {"error": {"code": ..., "message": ...}}
Response make_error(unsigned status, std::string_view code, std::string_view message);

std::string_view reason_of(unsigned status);

}  // namespace weir::http
