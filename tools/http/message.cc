#include "tools/http/message.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace weir::http {
namespace {

constexpr std::array<std::pair<unsigned, std::string_view>, 21> kReasons{{
    {200, "OK"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

// Nothing but our own files may be run, shown or asked, and nobody may put us into a frame.
constexpr std::string_view kWithoutForms =
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n";
// A page that sends no Referer sends a form with "Origin: null".
constexpr std::string_view kWithForms =
    "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'\r\n"
    "Referrer-Policy: same-origin\r\n";
constexpr std::string_view kProtection =
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

// IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 section 5.6.7), whatever the locale.
std::string http_date(WallTime now) {
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 96> text{};
  const int size = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                 kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                                 kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                                 parts.tm_min, parts.tm_sec);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

const std::string* Request::find(std::string_view name) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return at == fields.end() ? nullptr : &at->value;
}

std::size_t Request::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; }));
}

std::string_view reason_of(unsigned status) {
  for (const auto& [number, reason] : kReasons) {
    if (number == status) return reason;
  }
  return "Unknown";
}

std::string write_head(const Response& response, Framing framing, After after, WallTime now) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ' + std::string(reason_of(response.status)) +
                    "\r\nDate: " + http_date(now) + "\r\n";
  if (!response.type.empty()) out += "Content-Type: " + response.type + "\r\n";
  out += framing == Framing::chunked ? std::string("Transfer-Encoding: chunked\r\n")
                                     : "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  out += "Cache-Control: " + response.cache + "\r\n";
  for (const Field& field : response.fields) out += field.name + ": " + field.value + "\r\n";
  if (after == After::close) out += "Connection: close\r\n";
  out += response.has_form ? kWithForms : kWithoutForms;
  out += kProtection;
  return out + "\r\n";
}

Response make_error(unsigned status, std::string_view code, std::string_view message) {
  Response out;
  out.status = status;
  out.type = "application/json";
  out.body = boost::json::serialize(
                 boost::json::object{{"error", boost::json::object{{"code", code}, {"message", message}}}}) +
             '\n';
  return out;
}

}  // namespace weir::http
