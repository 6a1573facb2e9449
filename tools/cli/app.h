// The `weir` command line without its main(): arguments in, exit code out.
#pragma once

#include <string>
#include <vector>

#include "tools/cli/command.h"

namespace weir::cli {

// `arguments` are those behind the program's name. Never throws.
ExitCode run(std::vector<std::string> arguments, Streams& streams);

}  // namespace weir::cli
