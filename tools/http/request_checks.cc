#include "tools/http/request_checks.h"

#include <algorithm>

#include "zones/base/text.h"

namespace weir::http {
namespace {

// "[::1]:8053" -> "::1"; "Weir.Example:8053" -> "weir.example". Nothing where it is no host and port.
std::optional<std::string> host_of(std::string_view authority) {
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (!rest.empty() &&
      (rest.front() != ':' || rest.size() > 6 || rest.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return std::nullopt;
  if (host.empty()) return std::nullopt;
  std::string out = to_lower_ascii(host);
  if (out.back() == '.') out.pop_back();
  return out;
}

}  // namespace

std::optional<Response> refuse_host(const Request& request, const IpAddress& local,
                                    const std::vector<std::string>& hosts) {
  if (request.count("host") != 1) return make_error(400, "invalid", "a request has one Host field");
  const auto host = host_of(*request.find("host"));
  const IpAddress here = local.unmapped();
  if (host) {
    const auto literal = IpAddress::parse(*host);
    if (literal && literal->unmapped() == here) return std::nullopt;
    if (*host == "localhost" && here.is_loopback()) return std::nullopt;
    if (std::find(hosts.begin(), hosts.end(), *host) != hosts.end()) return std::nullopt;
  }
  return make_error(421, "wrong_host",
                    "this server is not called '" + escape_for_display(request.find("host")->substr(0, 255)) +
                        "'; names that it may have stand in [api] hosts");
}

std::optional<Response> refuse_origin(const Request& request, Asked asked) {
  const auto foreign = [] {
    return make_error(403, "foreign_origin", "requests from the pages of other sites are refused");
  };
  if (request.count("origin") > 1 || request.count("sec-fetch-site") > 1) return foreign();
  if (const std::string* origin = request.find("origin")) {
    const std::size_t scheme = origin->starts_with("http://") ? 7 : origin->starts_with("https://") ? 8 : 0;
    const std::string* host = request.find("host");
    if (scheme == 0 || host == nullptr || to_lower_ascii(origin->substr(scheme)) != to_lower_ascii(*host))
      return foreign();
  }
  const std::string* site = request.find("sec-fetch-site");
  if (site == nullptr || *site == "same-origin" || *site == "none") return std::nullopt;
  const std::string* mode = request.find("sec-fetch-mode");
  const bool follows_link = asked == Asked::page && mode != nullptr && *mode == "navigate";
  return follows_link ? std::nullopt : std::optional<Response>(foreign());
}

}  // namespace weir::http
