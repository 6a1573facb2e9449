#pragma once

#include "tools/cli/verbs.h"

namespace weir::cli {

// `weir log totals`.
void add_log_totals(CLI::App& family, Action& chosen);

}  // namespace weir::cli
