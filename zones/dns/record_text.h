// One record as people write it (RFC 1035 section 5), by ldns, which knows every type's presentation format.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

struct ResourceRecord {
  Name owner;
  RecordType type = RecordType::a;
  std::uint32_t ttl_seconds = 0;
  std::vector<std::uint8_t> rdata;  // names in it are not compressed

  bool operator==(const ResourceRecord&) const = default;
};

inline constexpr std::size_t kMaxRecordText = 65'535;

// "router.home.example. 3600 IN A 192.0.2.1"; TTL and class may be left out, the class is IN. Names are whole names,
// with or without the dot at their end: there is no origin. Errors: invalid, with what is wrong but without a place.
Result<ResourceRecord> parse_resource_record(std::string_view text, std::uint32_t default_ttl_seconds);

}  // namespace weir
