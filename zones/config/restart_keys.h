// Which keys of weir.toml a reload cannot bring into force.
#pragma once

#include <string>
#include <vector>

#include "zones/config/config.h"

namespace weir {

enum class Program : std::uint8_t { resolver, sidecar };

// "resolver.listen": the keys that `program` reads at its start alone and whose values differ between what it was
// started with and what the files say. Of the resolver's own sections its name and contact are none: they travel with
// the generation.
std::vector<std::string> keys_for_restart(Program program, const Config& running, const Config& files);

}  // namespace weir
