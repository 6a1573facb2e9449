// How many queries there were, whatever became of them: the counters that the resolver's workers write each minute,
// added up, so that a month's totals come from thirty small values and not from millions of rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/frames.h"
#include "tools/log/missing_rows.h"
#include "zones/base/result.h"

namespace weir::log {

// The sums of CounterRecord (zones/link/decision.h) in one slot of time for one group.
struct CounterSum {
  std::int64_t slot_ms = 0;  // where the slot begins
  std::uint32_t group = 0;   // a code of the log's own, as in CountCell
  std::uint64_t queries = 0;
  std::uint64_t blocked = 0;
  std::uint64_t cached = 0;
  std::uint64_t failed = 0;
};

enum class Groups : std::uint8_t { together, apart };

struct CounterSums {
  std::vector<CounterSum> sums;           // by slot and group; only where there were any
  std::optional<std::int64_t> from_ms;    // the first minute of which any are kept, also before what was asked for
  std::vector<MissingRows> missing = {};  // hours that cannot be read
};

// Sums of the same slot and group become one; in the order of those.
void add_up(std::vector<CounterSum>& sums);

// As they lie on disk, in the order of add_up(); all of one hour or day, which begins at `slot_ms`. Errors: corrupt,
// incompatible.
std::string encode_sums(const std::vector<CounterSum>& sums, std::int64_t slot_ms, FrameWriter& frames);
Result<std::vector<CounterSum>> decode_sums(std::string_view value, std::int64_t slot_ms);

}  // namespace weir::log
