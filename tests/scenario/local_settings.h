// `local-zone` and `local-data` of a scenario as weir's local zones.
#pragma once

#include <optional>
#include <vector>

#include "resolver/engine/engine.h"
#include "tests/scenario/settings.h"
#include "zones/dns64.h"
#include "zones/local_zone.h"

namespace weir::scenario {

// `forwards`: whose names are resolved, whatever is special about them. Errors: invalid, a type or a record that weir's
// configuration would not take either.
Result<std::vector<weir::LocalZone>> local_zones(const ScenarioSettings& settings,
                                                 const std::vector<ForwardZone>& forwards);

// Where the module is on.
std::optional<Dns64> dns64_of(const ScenarioSettings& settings);

}  // namespace weir::scenario
