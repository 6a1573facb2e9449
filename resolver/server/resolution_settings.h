// What [resolution] means for the engine.
#pragma once

#include "resolver/engine/engine.h"
#include "zones/config/config.h"

namespace weir {

// All but every_algorithm, which is the trust rules'.
void apply_resolution(const ResolutionConfig& config, EngineOptions& options);

}  // namespace weir
