// Numbers that name things. Each is its own type, so that two never mix; none is ever reused.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace weir {

template <class Tag, class Value>
struct Id {
  Value value{};
  constexpr auto operator<=>(const Id&) const = default;
};

using ListId = Id<struct ListIdTag, std::uint32_t>;                      // one list definition, for ever
using ImportId = Id<struct ImportIdTag, std::uint64_t>;                  // one import of one list
using GenerationNumber = Id<struct GenerationNumberTag, std::uint64_t>;  // rises with every publish, also on rollback
using NamesEpoch = Id<struct NamesEpochTag, std::uint64_t>;  // rises only when rules change (DESIGN: answer cache)
using PayloadId = Id<struct PayloadIdTag, std::uint64_t>;    // address, alias target, local data of a rule; 0: none

// Lists that exist without a definition in weir.toml. Definitions start at kFirstDefinedList.
inline constexpr ListId kLocalRules{1};       // `weir rule add`
inline constexpr ListId kOverlays{2};         // timed exceptions
inline constexpr ListId kProtectedNames{3};   // names that no list can block
inline constexpr ListId kCanaryNames{4};      // names by which programs ask whether they may go past the filter
inline constexpr ListId kFirstSafeSearch{5};  // one list a service (built_in_lists.h)
inline constexpr ListId kFirstDefinedList{16};

}  // namespace weir

template <class Tag, class Value>
struct std::hash<weir::Id<Tag, Value>> {
  std::size_t operator()(const weir::Id<Tag, Value>& id) const noexcept { return std::hash<Value>{}(id.value); }
};
