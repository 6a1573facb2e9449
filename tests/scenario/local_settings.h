// `local-zone` and `local-data` of a scenario as weir's local zones.
#pragma once

#include <vector>

#include "resolver/engine/engine.h"
#include "tests/scenario/settings.h"
#include "zones/local_zone.h"

namespace weir::scenario {

// `forwards`: whose names are resolved, whatever is special about them. Errors: invalid, a type or a record that weir's
// configuration would not take either.
Result<std::vector<weir::LocalZone>> local_zones(const ScenarioSettings& settings,
                                                 const std::vector<ForwardZone>& forwards);

}  // namespace weir::scenario
