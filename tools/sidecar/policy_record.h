// What a response policy zone says for a decision (SEMANTICS section 2, RPZ, the other way round).
#pragma once

#include <optional>
#include <vector>

#include "zones/match.h"
#include "zones/policy.h"
#include "zones/rule.h"
#include "zones/verdict.h"

namespace weir::sidecar {

// Nothing: no rule, so no record. `matches` and `context` as decide() had them. REFUSED, which no policy zone can say,
// is NXDOMAIN.
std::vector<AnswerData> policy_records(const Verdict& verdict, const MatchSet& matches, const DecideContext& context);

// Of one rule by itself, in a list under a policy.
std::vector<AnswerData> policy_records(const Rule& rule, const ListDefinition& list, const Policy& policy);

// The owner, below the zone, of a rule on addresses, clients or name servers; nothing where it has none.
std::optional<Name> trigger_owner(const Rule& rule);

}  // namespace weir::sidecar
