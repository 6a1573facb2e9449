// Turns the changed rules of one list into changed records of `sources`, `names` and `payload`.
//
// However many they are, they pass by one after the other; what a later step needs of an earlier one lies in a spool.
#pragma once

#include "zones/store/atomic_write.h"
#include "zones/store/change_set.h"
#include "zones/store/known_names.h"

namespace weir::store {

// Rules of one list on one target (a name, a prefix; of patterns: their literal suffix). A look-up reads all rules on a
// target: more than this are no filter but an attack on who asks for it. Each list has the limit for itself, so that
// none takes the room of another, and every step of a rollback is as possible as what it goes back to was. What a
// look-up reads, and a match set holds, is bounded by this, the lists that are defined and the suffixes of the name;
// decide() weighs the first INT16_MAX of it.
inline constexpr std::size_t kMaxRulesOnTarget = 10'000;

// How many keys of which length or depth exist; the writer holds it in memory.
struct KeyCounts {
  LabelCounts labels = LabelCounts(kMaxLabels + 1);
  Lengths address;
  Lengths ns_address;
  Lengths client;

  Lengths& of(RuleSpace space) {
    return space == RuleSpace::address ? address : space == RuleSpace::ns_address ? ns_address : client;
  }
};

// `effective`: the generation that shows the changes first; what ends, ended with the one before. `counts` and
// `state` are brought up to date (keep a copy until the write is committed). `known`, where it is read, learns the new
// names. `scratch`: for spools. Errors: corrupt,
// io, too_large (more rules of the list on one target than kMaxRulesOnTarget).
Result<void> write_changes(const Database& database, ListId list, const ChangeSet& changes, std::uint64_t effective,
                           const std::filesystem::path& scratch, KnownNames& known, KeyCounts& counts, ListState& state,
                           AtomicWrite& out);

}  // namespace weir::store
