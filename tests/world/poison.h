// What a lying server adds to its answers: records that are none of its business, which lead to the forger.
#pragma once

#include "tests/world/authority.h"
#include "tests/world/random.h"

namespace weir::world {

// `server` must have a fault that poisons; `answer` is what it would honestly say.
void poison(const WorldPlan& plan, unsigned server, AuthorityAnswer& answer, Random& random);

// The forger's records: an address nobody has, or a text, for any owner and type.
Rrset forged(const Name& owner, RecordType type);

}  // namespace weir::world
