// Verbs of `weir list` that have a file of their own.
#pragma once

#include "tools/cli/command.h"

namespace CLI {
class App;
}

namespace weir::cli {

void add_list_report_verbs(CLI::App& family, Action& chosen);  // report, promote

}  // namespace weir::cli
