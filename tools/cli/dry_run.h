// weir list update --dry-run: what a new version of a list would change.
#pragma once

#include <string>

#include "tools/cli/command.h"

namespace weir::cli {

struct DryRunOptions {
  std::string name, since, output;
};

ExitCode show_dry_run(Command& command, const DryRunOptions& options);

// What guards found: [{"guard", "holds", "text", "samples"}].
void tell_findings(Command& command, const boost::json::array& findings);
// What the log and the answer cache say of a candidate: the members "log" and "cache" of a reply.
void tell_foresight(Command& command, const boost::json::value& reply);

}  // namespace weir::cli
