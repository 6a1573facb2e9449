#include "tools/cli/url.h"

#include <string>

#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"

namespace weir::cli {
namespace {

// Of what follows "://": without user, port, and the brackets of an IPv6 address.
std::string_view host_in(std::string_view rest) {
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  if (rest.starts_with('[')) return rest.substr(1, rest.find(']') - 1);
  return rest.substr(0, rest.find(':'));
}

}  // namespace

std::optional<Error> refuse_url(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::string_view host = host_in(text.substr(scheme + 3));
  const bool can_be_given = !host.empty() && (IpAddress::parse(host).has_value() || Name::parse(host).has_value());
  return Error{ErrorCode::invalid, "\"" + escape_for_display(text) +
                                       "\" is a URL; rules are about names: give the host name" +
                                       (can_be_given ? ", " + escape_for_display(host) : "")};
}

}  // namespace weir::cli
