// Upstream queries as octets, with ID and 0x20 case drawn from the engine's random source.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "resolver/cache/server_cache.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

enum class EdnsUse : std::uint8_t { with_opt, without_opt };

struct UpstreamQuery {
  std::uint16_t id = 0;
  Name qname;  // in the case that is sent
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  EdnsUse edns = EdnsUse::with_opt;
  std::uint16_t udp_payload_size = 1232;
  bool dnssec_ok = false;
  bool recursion_desired = false;
  bool checking_disabled = false;
  UpstreamCookie cookie = {};  // sent where it has a size, and there is an OPT
};

// RD is 0: we ask authoritative servers.
std::vector<std::uint8_t> build_query(const UpstreamQuery& query);

// Every letter upper or lower case by one random bit (draft-vixie-dnsext-dns0x20).
Name randomise_case(const Name& name, const std::function<std::uint32_t()>& random);

}  // namespace weir
