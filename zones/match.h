// Everything in the store that matches one name or one address, for all lists at once.
//
// Holds ids and small numbers only, never pointers into a generation, so that it can lie in a cache
// beside an answer. It is the same for every client, type and moment of one names epoch; decide()
// reads it under one policy.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "zones/base/ids.h"
#include "zones/rule.h"

namespace weir {

struct Match {
  std::uint32_t list = 0;    // ListId
  std::uint32_t detail = 0;  // PayloadId; 0: the rule has no detail
  PatternKind kind = PatternKind::exact;
  Action action = Action::block;
  std::uint8_t labels = 0;       // of the matched suffix; for address rules the prefix length
  std::uint8_t flags = 0;        // kImportant ...
  std::uint8_t below_first = 0;  // into MatchSet::lists_below
  std::uint8_t below_count = 0;
  std::uint16_t reserved = 0;

  static constexpr std::uint8_t kImportant = 1;
  static constexpr std::uint8_t kException = 2;
  static constexpr std::uint8_t kManyListsBelow = 4;  // more lists than fit: treat as "some list of yours"
  static constexpr std::uint8_t kWithBelow = 8;       // an exact rule, beside which its list has the same for all below
  static constexpr std::uint8_t kNearerName = 16;     // a rule on all below a name; its list has rules on a nearer name

  ListId list_id() const { return {list}; }
  bool important() const { return (flags & kImportant) != 0; }
  bool exception() const { return (flags & kException) != 0; }
  bool operator==(const Match&) const = default;
};
static_assert(sizeof(Match) == 16 && std::is_trivially_copyable_v<Match>);

struct MatchSet {
  std::vector<Match> matches;              // most specific first; of equal ones of the administrator's, the newest
  std::vector<std::uint32_t> lists_below;  // lists with allow, answer or $denyallow entries below a matched name
  // Where a subtree rule matched and nothing more specific exists below it: that suffix's label count.
  // One cache entry under that suffix then serves every name below. 0: only this very name.
  std::uint8_t shared_suffix_labels = 0;

  void clear() {
    matches.clear();
    lists_below.clear();
    shared_suffix_labels = 0;
  }
  bool empty() const { return matches.empty(); }
};

}  // namespace weir
