// Brings weir's own lists into the store (zones/built_in_lists.h).
#pragma once

#include <vector>

#include "zones/base/time.h"
#include "zones/config/config.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

// What no list may block: what is fixed, the hosts that lists come from and the resolver's own name. Guards and the
// linter ask about the same names.
std::vector<Name> protected_names_of(const Config& config);

// Writes what differs; publishes nothing. Errors: those of an import.
Result<void> write_built_in_rules(PolicyStore& store, const Config& config, Now now);

// All that the configuration defines, written into the store as it is to hold from `now` on: lists, policies, groups,
// schedules with their moments, weir's own rules. Publishes nothing. Errors: those of define() and of an import,
// invalid (an unknown time zone).
Result<void> write_definitions(PolicyStore& store, const Config& config, Now now);

}  // namespace weir::sidecar
