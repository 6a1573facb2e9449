// What must be known of an unbound configuration before its lines are read one by one.
#pragma once

#include <string_view>

#include "zones/lists/rule_set.h"

namespace weir {

// `local-zone: n redirect` makes the data of n those of every name below it, wherever in the file both stand.
struct UnboundZones {
  RuleHashes redirected;  // hashes of names: zones of type redirect
  RuleHashes answered;    // names with data that are more than a block
};

void note_unbound_line(std::string_view text, UnboundZones& zones);

}  // namespace weir
