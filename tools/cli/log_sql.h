#pragma once

#include "tools/cli/verbs.h"

namespace weir::cli {

// `weir log sql`.
void add_log_sql(CLI::App& family, Action& chosen);

}  // namespace weir::cli
