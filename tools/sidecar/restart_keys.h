// Which keys of weir.toml a reload cannot bring into force.
#pragma once

#include <string>
#include <vector>

#include "zones/config/config.h"

namespace weir::sidecar {

// "resolver.listen": the keys whose values differ and that a daemon reads at its start alone. Those of [resolver] wait
// for a restart of weir-resolver (its name and contact do not: they travel with the generation), those of [store] for
// one of weir-sidecar.
std::vector<std::string> keys_for_restart(const Config& before, const Config& after);

}  // namespace weir::sidecar
