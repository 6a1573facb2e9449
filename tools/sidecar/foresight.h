// What a candidate generation would change, before anybody publishes it: decisions of the past that would not be made
// again, and names in use that would be decided otherwise. Each source of that knowledge is told apart.
#pragma once

#include <boost/json.hpp>

#include <chrono>
#include <functional>

#include "tools/log/decision_log.h"
#include "tools/sidecar/resolver_link.h"
#include "zones/base/result.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxForeseenNames = 1'000'000;       // that one look into the log remembers
inline constexpr std::chrono::hours kForesightLooksBack{24 * 7};  // where the asker does not say
inline constexpr std::size_t kCandidateCacheBytes = 16 << 20;     // of the store's blocks, while a candidate is read
inline constexpr std::size_t kForeseenSamples = 50;               // of one group

struct ForesightSources {
  const Generation& before;
  const Generation& after;
  const Candidate& candidate;  // that `after` is of
  const log::DecisionLog& log;
  ResolverLink& resolver;
  WallTime since;  // how far back the log is looked at
  WallTime now;
  std::function<bool()> is_gone;  // whoever asked has left; may be empty
};

// {"log": {"since", "decisions", "names", "gone": {"decisions", "names"}, "groups": [...]},
//  "cache": {"reachable", "entries", "blocked", "unblocked"} or {"reachable": false, "error"}}.
Result<boost::json::object> foresee(const ForesightSources& sources);

}  // namespace weir::sidecar
