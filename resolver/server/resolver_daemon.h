// The resolver as a program: lock, ports, caches, workers, control socket, signals. main() only calls it.
#pragma once

#include <filesystem>

#include "zones/config/config.h"

namespace weir {

// Runs until SIGTERM or SIGINT; returns when everything has stopped cleanly. Errors say what could not be had:
// busy (a second instance, a port in use), permission, invalid (an address that is not ours, a hints file), io.
// A store without a generation, or one that cannot be opened, is no error: queries get SERVFAIL (EDE 14) until one
// is published.
Result<void> run_resolver(const Config& config);

// Whether the files that [resolver] names can be read and mean something: root hints, trust anchors. Errors as above.
Result<void> check_resolver_files(const Config& config);

}  // namespace weir
