// Where an upstream server listens.
#pragma once

#include <cstdint>
#include <string>

#include "zones/base/prefix.h"

namespace weir {

// Servers that a delegation or a hint names have the usual port; the administrator may name another.
struct ServerAddress {
  IpAddress address;
  std::uint16_t port = 0;  // 0: the usual one

  ServerAddress() = default;
  ServerAddress(const IpAddress& where) : address(where) {}  // NOLINT(google-explicit-constructor)
  ServerAddress(const Endpoint& where) : address(where.address), port(where.port) {}  // NOLINT

  Endpoint endpoint(std::uint16_t usual_port) const { return {address, port != 0 ? port : usual_port}; }
  bool operator==(const ServerAddress&) const = default;
};

}  // namespace weir
