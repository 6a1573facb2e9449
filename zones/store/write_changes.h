// Turns the changed rules of one list into changed records of `sources`, `names` and `payload`.
#pragma once

#include "zones/store/atomic_write.h"
#include "zones/store/rule_cursor.h"

namespace weir::store {

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
// `state` are brought up to date (keep a copy until the write is committed).
Result<void> write_changes(const Database& database, ListId list, const ChangeSet& changes, std::uint64_t effective,
                           KeyCounts& counts, ListState& state, AtomicWrite& out);

}  // namespace weir::store
