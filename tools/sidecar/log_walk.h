// The decisions of the log, one after the other, with what their numbers meant then.
#pragma once

#include <functional>
#include <string>

#include "tools/sidecar/decision_log.h"
#include "zones/link/decision.h"

namespace weir::sidecar {

struct LoggedDecision {
  const Decision& decision;
  const PolicySet* names;    // nullptr: nobody knows any more what the generation's ids meant
  const std::string& group;  // "default" where nobody knows
};

// Newest block first, until `visit` says false or `is_gone` (asked now and then; may be empty) says true. True: all of
// them were seen. Errors: io, corrupt.
Result<bool> walk_decisions(const DecisionLog& log, WallTime since, const std::function<bool()>& is_gone,
                            const std::function<bool(const LoggedDecision&)>& visit);

}  // namespace weir::sidecar
