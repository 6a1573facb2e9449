// weir list check FILE: what each line of a list means, without any daemon.
#pragma once

#include <string>

#include "tools/cli/command.h"

namespace weir::cli {

struct ListCheckOptions {
  std::string file;
  std::string kind = "block";
  std::string match = "auto";
  std::string dialect = "auto";
  bool rewrites = false;
  bool private_addresses = false;
  bool all = false;  // every line that was skipped, not the first of each kind
};

// 3 where the file is no list that could be imported; what was read of it is shown even so.
ExitCode check_list_file(Command& command, const ListCheckOptions& options);

}  // namespace weir::cli
