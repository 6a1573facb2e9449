#include "zones/link/control.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::array<std::pair<ErrorCode, std::string_view>, 11> kErrorCodes{{
    {ErrorCode::invalid, "invalid"},
    {ErrorCode::not_found, "not_found"},
    {ErrorCode::exists, "exists"},
    {ErrorCode::corrupt, "corrupt"},
    {ErrorCode::incompatible, "incompatible"},
    {ErrorCode::permission, "permission"},
    {ErrorCode::unavailable, "unavailable"},
    {ErrorCode::too_large, "too_large"},
    {ErrorCode::timed_out, "timed_out"},
    {ErrorCode::busy, "busy"},
    {ErrorCode::io, "io"},
}};

Error invalid(std::string what) {
  return {ErrorCode::invalid, std::move(what)};
}

// How many octets at the start of `text` are one well-formed UTF-8 character (RFC 3629); 0: none.
std::size_t utf8_character(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (octet(i) & 0xC0) == 0x80; };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && octet(1) < 0xA0) return 0;   // overlong
    if (first == 0xED && octet(1) >= 0xA0) return 0;  // surrogate
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && octet(1) < 0x90) return 0;
    if (first == 0xF4 && octet(1) >= 0x90) return 0;  // past U+10FFFF
    return 4;
  }
  return 0;
}

// Messages quote what lists and clients sent. Octets that are not UTF-8 would make a line that no JSON reader takes,
// so each becomes U+FFFD; they can stand inside strings only, the rest of a line is ASCII.
std::string to_line(const json::value& value) {
  std::string text = json::serialize(value);
  std::string out;
  std::size_t kept = 0;  // up to here `text` is in `out`; nothing is copied while all is well
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = utf8_character(std::string_view(text).substr(i));
    if (size == 0) {
      out.append(text, kept, i - kept).append("\xEF\xBF\xBD");
      kept = ++i;
    } else {
      i += size;
    }
  }
  if (kept != 0) {
    out.append(text, kept);
    text = std::move(out);
  }
  text += '\n';
  return text;
}

Result<json::object> parse_line(std::string_view line) {
  if (line.size() > kMaxControlLine) {
    return Error{ErrorCode::too_large, "a line of the control protocol has at most 4 MiB"};
  }
  json::error_code error;
  json::value value = json::parse(line, error);  // depth is bounded by the library (32)
  if (error) return invalid("not a line of JSON: " + error.message());
  if (!value.is_object()) return invalid("not a JSON object");
  return std::move(value.get_object());
}

// The text under `key`; `fallback` where it is absent, nothing where it is no text.
std::optional<std::string> text_of(const json::object& object, std::string_view key, std::string_view fallback) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

}  // namespace

std::filesystem::path resolver_socket(const std::filesystem::path& run_directory) {
  return run_directory / "resolver.sock";
}

std::filesystem::path sidecar_socket(const std::filesystem::path& run_directory) {
  return run_directory / "sidecar.sock";
}

std::string encode_request(const ControlRequest& request) {
  json::value arguments = json::object();
  if (!request.arguments.empty()) {
    json::error_code error;
    arguments = json::parse(request.arguments, error);
    if (error) arguments = nullptr;  // refused at the other end: a caller's mistake is not turned into "no arguments"
  }
  return to_line(json::object{{"verb", request.verb}, {"args", std::move(arguments)}, {"who", request.who}});
}

Result<ControlRequest> decode_request(std::string_view line) {
  auto object = parse_line(line);
  if (!object) return object.error();
  for (const auto& member : *object) {
    if (member.key() != "verb" && member.key() != "args" && member.key() != "who") {
      return invalid("unknown key \"" + std::string(member.key()) + "\"; a request has verb, args and who");
    }
  }
  ControlRequest request;
  auto verb = text_of(*object, "verb", "");
  if (!verb || verb->empty()) return invalid("a request needs \"verb\", a text");
  request.verb = std::move(*verb);
  auto who = text_of(*object, "who", "");
  if (!who) return invalid("\"who\" must be a text");
  request.who = std::move(*who);
  request.arguments = "{}";
  if (const json::value* arguments = object->if_contains("args")) {
    if (!arguments->is_object()) return invalid("\"args\" must be an object");
    request.arguments = json::serialize(*arguments);
  }
  return request;
}

std::string encode_result(const json::value& result) {
  std::string line = to_line(json::object{{"ok", true}, {"result", result}});
  if (line.size() > kMaxControlLine) {
    return encode_error({ErrorCode::too_large, "the answer has more than 4 MiB; ask for less at a time"});
  }
  return line;
}

std::string encode_progress(const json::value& progress) {
  return to_line(json::object{{"progress", progress}});
}

std::string encode_error(const Error& error) {
  // A message may quote a whole file; what is longer than a screen helps nobody.
  constexpr std::size_t kMaxMessage = 64 * 1024;
  const std::string_view message = std::string_view(error.message).substr(0, kMaxMessage);
  return to_line(
      json::object{{"ok", false}, {"error", json::object{{"code", to_text(error.code)}, {"message", message}}}});
}

Result<ControlReply> decode_reply(std::string_view line) {
  auto object = parse_line(line);
  if (!object) return object.error();
  ControlReply reply;
  if (const json::value* progress = object->if_contains("progress")) {
    reply.kind = ControlReply::Kind::progress;
    reply.body = json::serialize(*progress);
    return reply;
  }
  const json::value* ok = object->if_contains("ok");
  if (ok == nullptr || !ok->is_bool()) return invalid("a reply needs \"ok\" or \"progress\"");
  if (ok->get_bool()) {
    const json::value* result = object->if_contains("result");
    reply.kind = ControlReply::Kind::result;
    reply.body = result == nullptr ? "null" : json::serialize(*result);
    return reply;
  }
  const json::value* error = object->if_contains("error");
  if (error == nullptr || !error->is_object()) return invalid("a reply that is not ok needs \"error\", an object");
  const auto code = text_of(error->get_object(), "code", "io");
  auto message = text_of(error->get_object(), "message", "");
  if (!code || !message) return invalid("\"code\" and \"message\" of an error must be texts");
  reply.kind = ControlReply::Kind::error;
  reply.error = {parse_error_code(*code), std::move(*message)};
  return reply;
}

std::string_view to_text(ErrorCode code) {
  for (const auto& [value, text] : kErrorCodes) {
    if (value == code) return text;
  }
  return "io";
}

ErrorCode parse_error_code(std::string_view text) {
  for (const auto& [value, name] : kErrorCodes) {
    if (name == text) return value;
  }
  return ErrorCode::io;  // a newer weir's code: failed inside, as far as we can tell
}

}  // namespace weir
