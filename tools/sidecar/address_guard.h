// Which addresses a list may be fetched from.
//
// A publisher, or whoever answers for the name of a host, must not be able to make the sidecar talk to
// the machines beside it: addresses are judged after resolution, on the very address that the socket
// is about to be connected to, so that no second answer can differ (DNS rebinding).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zones/base/prefix.h"

namespace weir::sidecar {

// "" for an address of the public internet, else what it is: "a loopback address". IPv4 inside IPv6
// (mapped, NAT64 of RFC 6052, 6to4) is judged as the IPv4 address that it stands for. RFC 6890.
std::string_view why_not_public(const IpAddress& address);

class AddressGuard {
 public:
  // Each entry is a host name, an address or a prefix ([fetch] allow_private).
  explicit AddressGuard(const std::vector<std::string>& allow_private);

  // "" when `host`, which resolved to `address`, may be asked; else why not.
  std::string_view refusal(std::string_view host, const IpAddress& address) const;

 private:
  std::vector<std::string> hosts_;  // lower case, no trailing dot
  std::vector<Prefix> prefixes_;
};

}  // namespace weir::sidecar
