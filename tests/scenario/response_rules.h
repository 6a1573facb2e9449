// `response-ip` lines as response policy zones of weir's: triggers on addresses, with what each says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/settings.h"

namespace weir::scenario {

// One zone for all lines that the same clients are meant by; none where there are no lines.
std::vector<PolicyZone> response_zones(const ScenarioSettings& settings);

// What of those lines no policy zone can say; nothing: all of them.
std::optional<std::string> missing_response_rule(const ScenarioSettings& settings);

// "tag1 tag2", as a line has them in any number of quoted words behind the first `from`.
std::vector<std::string> tags_of(const std::vector<std::string>& words, std::size_t from);

}  // namespace weir::scenario
