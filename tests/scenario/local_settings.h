// `local-zone` and `local-data` of a scenario as weir's local zones; those of tags, views and overrides as zones of
// groups.
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

// What of tags, views and overrides no local zone of weir's can say; nothing: all of them.
std::optional<std::string> missing_local(const ScenarioSettings& settings);

// Where the module is on.
std::optional<Dns64> dns64_of(const ScenarioSettings& settings);

}  // namespace weir::scenario
