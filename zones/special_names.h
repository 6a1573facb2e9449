// Names that never leave a resolver unless its administrator says otherwise, each with the RFC that asks for it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "zones/local_zone.h"

namespace weir {

struct SpecialName {
  std::string_view name;
  std::string_view rfc;  // "RFC 6761 section 6.4"
  LocalZoneType type = LocalZoneType::fixed;
};
std::span<const SpecialName> special_name_table();
const SpecialName* find_special_name(const Name& name);  // exactly; nullptr: none of them

// As zones, with what each of them holds.
std::vector<LocalZone> special_zones();

}  // namespace weir
