// What the changes of a transferred zone mean for the rules of its list, without reading the zone: an IXFR of ten
// records costs ten records, however large the zone.
//
// That works where each rule of the zone comes of one record. A rule that two records say (the two forms of passthru,
// two spellings of one prefix) stays until the last of them goes, and who that is only the whole zone tells; such
// changes are left to a whole reading, as is everything else that is out of the ordinary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/sidecar/import_list.h"
#include "tools/sidecar/list_state.h"
#include "tools/sidecar/zone_copy.h"
#include "zones/config/config.h"
#include "zones/rule.h"

namespace weir::sidecar {

struct ZoneDifference {
  std::vector<SourcedRule> gone;
  std::vector<SourcedRule> come;  // with their lines in the zone as ZoneChanges::apply() writes it
  ListReading reading;            // of the zone as it is then
  std::string sha256;             // of the text of the changes, line by line, behind the hash of what they change
};

// `before`: of the version that the changes begin from, which must be what the list holds. `serial`: of the new one.
// Nothing: the zone is to be read as a whole. The rules are not compared with those of the list.
std::optional<ZoneDifference> difference_of(const ListConfig& list, const ListState& before, const ZoneChanges& changes,
                                            std::uint32_t serial);

}  // namespace weir::sidecar
