// Local zones: names that the administrator answers himself, and names that never leave the resolver (RFC 6303, 6761).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/dns/name.h"
#include "zones/dns/record_text.h"

namespace weir {

// What becomes of a question for a name at or below the zone's that none of its records answers. The words are those of
// Unbound where it has one.
enum class LocalZoneType : std::uint8_t {
  fixed,        // "static": the zone holds its records and nothing else: NXDOMAIN, NODATA for its names' other types
  transparent,  // NODATA for other types of names with records; other names are resolved
  type_transparent,  // "typetransparent": resolved, also other types of names with records
  redirect,          // its own records are those of every name below it, too; NODATA for other types
  no_a,              // A: NODATA; everything else is resolved
  no_aaaa,           // AAAA: NODATA; everything else is resolved
  nodata,
  refuse,
  drop,
  resolve  // as if nothing were said of it, nor by the names that are special by default; no records
};

struct LocalZone {
  Name name;
  LocalZoneType type = LocalZoneType::transparent;
  std::vector<ResourceRecord> records;   // of owners at or below `name`
  std::vector<std::string> groups = {};  // who has it, by the groups' names; empty: everybody

  bool operator==(const LocalZone&) const = default;
};

inline constexpr std::size_t kMaxLocalZones = 100'000;
inline constexpr std::size_t kMaxLocalRecords = 200'000;

std::string_view to_text(LocalZoneType type);  // as in weir.toml
std::optional<LocalZoneType> parse_local_zone_type(std::string_view text);

}  // namespace weir
