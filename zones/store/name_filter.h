// Which names of a small generation have rules, in memory: a look-up of a name without any, which is most of them,
// then costs some tens of nanoseconds instead of a microsecond in the database. Large generations have RocksDB's own
// filters. As constant as the generation; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "zones/base/result.h"
#include "zones/store/bloom_filter.h"
#include "zones/store/database.h"

namespace weir::store {

class NameFilter {
 public:
  // Generations with more keys have none: reading them through would hold up the opening.
  static constexpr std::uint64_t kMaxKeys = 1U << 16;

  NameFilter() = default;  // says "perhaps" to everything

  // Reads the family of names through, which has `keys` keys; more than kMaxKeys: the filter that says "perhaps".
  // Errors: those of reading.
  static Result<NameFilter> read(const Database& database, std::uint64_t keys);

  bool is_certain() const { return names_.has_value(); }  // says "no" to what it can
  // False: no rule has this key (ReversedName). True: perhaps, about one in a hundred of those without.
  bool may_have(std::string_view key) const;

 private:
  std::optional<BloomFilter> names_;
};

}  // namespace weir::store
