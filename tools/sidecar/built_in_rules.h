// Brings weir's own lists into the store (zones/built_in_lists.h).
#pragma once

#include "zones/base/time.h"
#include "zones/config/config.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

// Writes what differs; publishes nothing. Protected are, beside what is fixed, the hosts that lists come from and the
// resolver's own name. Errors: those of an import.
Result<void> write_built_in_rules(PolicyStore& store, const Config& config, Now now);

}  // namespace weir::sidecar
