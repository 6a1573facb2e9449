// A what-if from its start to its end (what_if.h says what that is), and the verbs what_if.start, what_if.show and
// what_if.stop of the control socket.
//
// One at a time, for a week at most; what it counted is shown while it runs and afterwards, until the next one begins.
// It is in memory alone: a resolver that starts anew knows of none.
#pragma once

#include <boost/json/fwd.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "resolver/server/control_server.h"
#include "resolver/server/generation_holder.h"
#include "resolver/server/resolutions.h"
#include "resolver/server/what_if.h"
#include "zones/base/time.h"

namespace weir {

inline constexpr std::chrono::hours kLongestWhatIf{7 * 24};
// How often what the workers counted is taken from them, so that their tables of names do not stay full.
inline constexpr std::chrono::seconds kWhatIfCollectedEvery{60};
inline constexpr std::size_t kMaxWhatIfSamples = 1000;  // names in one reply

// Control thread.
class WhatIf {
 public:
  struct Environment {
    GenerationHolder& generations;
    // Returns when each worker has done it, or with an error where one does not come round; it will when it does.
    std::function<Result<void>(const std::function<void(Resolutions&, Now)>&)> on_all_workers;
    unsigned workers = 1;
    WallTime started;  // of the resolver
    std::function<Now()> clock;
  };
  explicit WhatIf(Environment environment);
  ~WhatIf();
  WhatIf(const WhatIf&) = delete;
  WhatIf& operator=(const WhatIf&) = delete;

  // {"policy" or "policies": PolicySet::to_json() of a candidate, "groups": [name], "seconds", "author", "reason"}; no
  // groups: every one. Errors: invalid
  // (one runs), not_found (no such policy or group), invalid.
  Result<boost::json::value> start(const boost::json::object& in);
  // {}: ends it before its time. Errors: not_found (none runs).
  Result<boost::json::value> stop(const boost::json::object& in);
  // {"names": how many samples}. Both answer with
  //   {"state": "none" | "running" | "ended", "resolver_started", and where there was one: "policy", "candidate",
  //   "groups", "author",
  //    "reason", "started", "until", "ended", "end_reason", "queries", "blocked_now", "would_be_blocked",
  //    "newly_blocked": {"queries", "names", "all_names": bool, "samples": [{"name", "list", "queries"}]},
  //    "newly_allowed": likewise, with "by_name_alone",
  //    "lists": [{"list", "blocks_now", "would_block", "newly_blocked", "newly_allowed"}]}
  // Samples by falling queries. In the place of a list: "default deny", "rebinding protection", "other lists".
  Result<boost::json::value> show(const boost::json::object& in);
  // Once a second: ends it at its time, or when its policy is gone.
  void tick(Now now);

 private:
  struct Run;
  enum class Next : std::uint8_t { go_on, end };

  Result<void> collect(Next next);
  void end(const std::string& why, Now now);
  boost::json::object describe(std::size_t names) const;

  const Environment environment_;
  std::unique_ptr<Run> run_;  // nullptr: none since the start
};

// `what_if` outlives the control server.
void add_what_if_verbs(ControlHandlers& handlers, WhatIf& what_if);

}  // namespace weir
