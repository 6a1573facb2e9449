// Numbers of decisions over time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/log/search.h"
#include "tools/log/top.h"
#include "zones/base/result.h"

namespace weir::log {

struct TimelineRequest {
  SearchRequest range;             // direction, cursor and limit do not count
  std::int64_t step_ms = kHourMs;  // a multiple of a minute
  std::optional<Dimension> by;     // list, category, group or decision_class
};

struct TimelineRow {
  std::int64_t slot_ms = 0;  // where it begins: a multiple of the step since 1970
  std::string key;           // of `by`
  std::uint64_t decisions = 0;
};

struct Timeline {
  std::vector<TimelineRow> rows;  // by time and key; only where there were any
  SearchEnd end;
};

// Errors: io, corrupt.
Result<Timeline> find_timeline(const DecisionLog& log, const BlockMatcher& matcher, const TimelineRequest& request);

}  // namespace weir::log
