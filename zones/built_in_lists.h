// What weir brings along as lists of its own: names that no list may block, names by which programs ask whether they
// may go past a filter, and what search engines and the like have for those who want filtered answers.
//
// They are rules of reserved lists (ids.h) like any others: explained, logged and counted alike. The sidecar writes
// them into the store; which of them hold is each policy's choice (Policy::has_list).
#pragma once

#include <string>
#include <vector>

#include "zones/rule.h"

namespace weir {

// The fixed rules of a reserved list; empty for those that have none.
std::vector<Rule> built_in_rules(ListId list);

// Whether its rules are weir's own.
bool is_built_in(ListId list);

// `name` and nothing else, protected.
Rule protect(const Name& name);

}  // namespace weir
