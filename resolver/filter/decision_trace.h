// How a verdict came about: each look that decide_question() and its like took at a part of the answer, in order. For
// who asks why; nobody keeps one for clients.
#pragma once

#include <vector>

#include "resolver/cache/answer_matches.h"
#include "zones/verdict.h"

namespace weir {

struct DecisionTrace {
  struct Look {
    const PartMatches* part = nullptr;  // of the parts that were decided on
    Verdict verdict;
    int ranks_before = DecideContext::kAllRanks;  // only lists of earlier ranks had a say
    bool lists_cleared = false;                   // an earlier part was allowed by a rule: no list could block this one
    bool only_rpz = false;                        // RPZ zones alone had a say, over a block of a later rank
  };
  std::vector<Look> looks;
};

}  // namespace weir
