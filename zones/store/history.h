// What was true when: reads the validity intervals of `sources` in one generation's database.
#pragma once

#include <optional>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/store/generation.h"

namespace weir {

// The line that a rule came from.
struct RuleSource {
  ImportId import;
  std::uint64_t line = 0;
  GenerationNumber first;                // generation that first showed it
  std::optional<GenerationNumber> last;  // last one that had it; nothing: still there
};

// `match` as Generation::match gave it for `name` (or, for address rules, for `address`).
// The source in force at generation `at`.
Result<RuleSource> find_source(const RulesInForce& rules, const Match& match, const ReversedName& name,
                               GenerationNumber at);
Result<RuleSource> find_source(const RulesInForce& rules, const Match& match, const IpAddress& address,
                               GenerationNumber at);
// The source of exactly this rule in one list, at generation `at`. Errors: not_found, corrupt, io.
Result<RuleSource> find_source(const RulesInForce& rules, ListId list, const Rule& rule, GenerationNumber at);
// Provenance of one import, for the "which import, from where, when" of explain.
Result<struct ImportRecord> find_import(const RulesInForce& rules, ListId list, ImportId import);
// The generation that was in force at `time`, as `rules` know it. not_found: nothing was published yet.
Result<GenerationNumber> find_generation_at(const RulesInForce& rules, WallTime time);

}  // namespace weir
