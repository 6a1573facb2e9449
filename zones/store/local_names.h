// Which of the administrator's local zones and records, or of the names that are special (RFC 6303, 6761), has the word
// on a question. Nothing here allocates. Any thread; it is as constant as what it was made of.
#pragma once

#include <cstdint>
#include <span>

#include "zones/local_data.h"
#include "zones/store/generation.h"

namespace weir {

enum class LocalAuthor : std::uint8_t {
  administrator,  // weir.toml: nothing blocks what he answers himself
  standard        // a name that is special by default
};

struct LocalMatch {
  LocalFinding finding;
  LocalAuthor author = LocalAuthor::administrator;
  bool answers() const { return finding.outcome != LocalFinding::Outcome::none; }
};

class LocalNames {
 public:
  // `special` outlives it; nullptr: no name is special.
  explicit LocalNames(const LocalData* special) : special_(special) {}

  // The longest zone that `group` (an index into PolicySet::groups) has and that holds the name has the word; of
  // equally long ones the group's own, then the administrator's. Valid as long as the rules.
  LocalMatch match(const RulesInForce& rules, std::uint32_t group, std::span<const std::uint8_t> name,
                   RecordType type) const;

 private:
  LocalMatch match_zones(const RulesInForce& rules, std::uint32_t group, std::span<const std::uint8_t> name,
                         RecordType type) const;

  const LocalData* special_;
};

}  // namespace weir
