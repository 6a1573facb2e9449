// Rules of lists that the administrator disables: `weir rule add '||name^$badfilter'` (SEMANTICS section 2).
//
// Each stands, as the rule that it disables, in a reserved list of which no policy is in force. The store leaves what
// is identical out of match sets: pattern, action, importance and conditions are the same, in whatever list. So lists
// are imported, counted and compared as they are, and the history tells what was disabled when.
#pragma once

#include "zones/base/ids.h"
#include "zones/policy.h"
#include "zones/rule.h"

namespace weir {

inline constexpr ListId kCancelledRules{15};  // the last number before kFirstDefinedList
static_assert(kFirstSafeSearch.value + kSafeSearchServices.size() <= kCancelledRules.value);

// `rule` as the same line says it in a list of `kind`: what stands in an allow list allows, whether it says @@ or not.
inline Rule as_in_list(Rule rule, ListKind kind) {
  const bool plain_block = rule.action == Action::block && !rule.exception;
  const bool exception = rule.action == Action::allow && rule.exception;
  if (kind == ListKind::allow && (plain_block || exception)) {
    rule.action = Action::allow;
    rule.exception = false;
  }
  return rule;
}

}  // namespace weir
