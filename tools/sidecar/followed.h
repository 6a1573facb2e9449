// What the resolver says of one question on its way to an answer (its verb explain), with lists, lines and imports in
// the place of ids.
#pragma once

#include <boost/json/fwd.hpp>

#include "tools/sidecar/explain.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

// `reply`: resolver/server/explain_verb.h says of what; `request`: what was asked, for names that are answered locally.
//   {"generation", "name", "type", "group", "policy", "outcome", "mode", "provisional", "overruled", "rebinding",
//    "default_deny", "decided_by": {"part", "name", "address"?} or null, "winner", "losers", "observed"?, "pause"?,
//    "until"?, "answer", "resolved", "parts_left_out",
//    "parts": [{"part", "name", "address"?, "rules", "rules_left_out", "looks": [{"outcome", "winner", "ranks_before",
//               "lists_cleared", "only_rpz"}]}]}
// or, with the outcome "local", what explain() says. Rules as describe_rule() gives them; of those that match a part,
// the ones of the policy's lists. Errors: corrupt (the reply makes no sense).
Result<boost::json::object> describe_followed(const RulesInForce& rules, const boost::json::object& reply,
                                              const ExplainRequest& request, WallTime now);

}  // namespace weir::sidecar
