// What the rules of a generation are on, name by name, and where two generations differ: for who writes down all that
// a generation says, or what it says otherwise than an earlier one.
//
// All of it reads one checkpoint, so what is told belongs together. Any thread.
#pragma once

#include <functional>
#include <memory>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/rule.h"
#include "zones/store/generation.h"

namespace weir {

// Every name at or below `top` that rules of any list on names are filed under (of patterns: their literal suffix), an
// ancestor before what is below it, until `each` says false. Errors: corrupt, io, not_found (the checkpoint is gone).
Result<void> visit_names(const Generation& generation, const Name& top, const std::function<bool(const Name&)>& each);

// The names on which what `list` holds at one generation is not what it held at an earlier one, in the same order.
Result<void> visit_changed_names(const Generation& generation, ListId list, GenerationNumber before,
                                 const std::function<bool(const Name&)>& each);

// The list's rules at generation `at`, which is this one or an earlier one, on something else than names: addresses in
// answers, clients, name servers.
Result<void> visit_triggers(const Generation& generation, ListId list, GenerationNumber at,
                            const std::function<bool(const Rule&)>& each);

// Those of its rules on names that are more than a name and an action: patterns, conditions, data, REFUSED.
Result<void> visit_peculiar(const Generation& generation, ListId list, const std::function<bool(const Rule&)>& each);

// An earlier generation as this one remembers it; it lives no longer than `generation`. Errors: not_found (it was never
// published), corrupt, io.
Result<std::shared_ptr<const RulesInForce>> open_past(const Generation& generation, GenerationNumber number);

}  // namespace weir
