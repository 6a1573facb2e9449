// Whether a request was meant for us and comes from our own pages: against names that another site has pointed at this
// machine (DNS rebinding), and against pages of other sites that send requests through somebody's browser.
//
// No cookie and no other credential is ever sent by a browser by itself, so a foreign page could do nothing with its
// requests; they are refused all the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/http/message.h"
#include "zones/base/prefix.h"

namespace weir::http {

// `local`: the address that the connection came to. Host must name it, or localhost where it is loopback, or be one of
// `hosts`; whatever the port, which tunnels change and a foreign page cannot.
std::optional<Response> refuse_host(const Request& request, const IpAddress& local,
                                    const std::vector<std::string>& hosts);

enum class Asked : std::uint8_t {
  page,  // that a link on another site may lead to
  data
};
std::optional<Response> refuse_origin(const Request& request, Asked asked);

}  // namespace weir::http
