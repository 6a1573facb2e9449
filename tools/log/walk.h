// The decisions of the log, one after the other, with what their numbers meant then.
#pragma once

#include <functional>
#include <string>

#include "tools/log/decision_log.h"
#include "zones/link/decision.h"

namespace weir::log {

struct LoggedDecision {
  const Decision& decision;
  const PolicySet* names;    // nullptr: nobody knows any more what the generation's ids meant
  const std::string& group;  // "default" where nobody knows
};

// In no order, until `visit` or `is_gone` (asked now and then; may be empty) ends it. True: all of them were seen.
// Errors: io.
Result<bool> walk_decisions(const DecisionLog& log, WallTime since, const std::function<bool()>& is_gone,
                            const std::function<bool(const LoggedDecision&)>& visit);

}  // namespace weir::log
