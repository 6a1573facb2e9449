// One record in zone-file syntax (RFC 1035 section 5) to wire format, by ldns: the one place of the scenario tests that
// knows presentation formats. Types that ldns does not know are written as RFC 3597 says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir::scenario {

inline constexpr std::uint32_t kDefaultTtl = 3600;

struct Record {
  Name owner;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;  // names in it are not compressed
};

// What `$ORIGIN` and `$TTL` said, and the owner that a line without one repeats.
struct ZoneContext {
  Name origin;
  std::uint32_t default_ttl = kDefaultTtl;
  Name last_owner;
};

// `text` has no comment. Errors: invalid, with what is wrong but without a place.
Result<Record> parse_record(std::string_view text, ZoneContext& context);
// "owner [class] type", as in a question section.
Result<Record> parse_question(std::string_view text, ZoneContext& context);

// "www.example.org. 3600 IN A 192.0.2.1"; RFC 3597 where ldns cannot say it better.
std::string to_text(const Record& record);

}  // namespace weir::scenario
