// weir list update --dry-run, weir list diff: what a new version of a list would change, what two versions have apart.
#pragma once

#include <string>

#include "tools/cli/command.h"

namespace weir::cli {

struct DryRunOptions {
  std::string name, since, output;
};

struct DiffOptions {
  std::string name, output;
  std::uint64_t from = 0, to = 0;  // imports
};

ExitCode show_diff(Command& command, const DiffOptions& options);
ExitCode show_dry_run(Command& command, const DryRunOptions& options);

// What guards found: [{"guard", "holds", "text", "samples"}].
void tell_findings(Command& command, const boost::json::array& findings);
// What the log and the answer cache say of a candidate: the members "log" and "cache" of a reply.
void tell_foresight(Command& command, const boost::json::value& reply);

}  // namespace weir::cli
