// What class CH says of this server: version.bind, version.server, hostname.bind and id.server (RFC 4892), and the
// fingerprint of the policy in force: fingerprint.weir.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "resolver/wire/query.h"

namespace weir {

// Empty: nobody is told.
struct ServerIdentity {
  std::string version;
  std::string identity;
};

// The TXT record asked for. `fingerprint`: empty where no generation is in force. Returns the reply's size; 0: no such
// name, or hidden.
std::size_t answer_chaos_name(std::span<std::uint8_t> out, const Query& query, const ServerIdentity& server,
                              std::string_view fingerprint);

}  // namespace weir
