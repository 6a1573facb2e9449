// One pass over every interval of a list, rule by rule: what it held at one generation and what at another.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "zones/store/change_set.h"
#include "zones/store/database.h"
#include "zones/store/keys.h"

namespace weir::store {

// One rule with all its intervals; valid during the call alone.
struct RuleHistory {
  std::string_view key;
  const Interval* open = nullptr;  // nullptr: it is not in the list now
  std::span<const Interval> closed;

  // The interval that held `generation`; nullptr: the rule was not there.
  const Interval* at(std::uint64_t generation) const;
};

// In the order of the keys, until `each` says false. Errors: corrupt, io.
Result<void> for_each_rule(const Database& database, ListId list, const std::function<bool(const RuleHistory&)>& each);
// Those alone whose rule keys begin with `beginning`.
Result<void> for_each_rule(const Database& database, ListId list, std::string_view beginning,
                           const std::function<bool(const RuleHistory&)>& each);

// What brings a list back to what it held at `generation`. `effective`: the generation that shows it first.
Result<void> past_changes(const Database& database, ListId list, std::uint64_t generation, std::uint64_t effective,
                          ChangeSet& out);

}  // namespace weir::store
