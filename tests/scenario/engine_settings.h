// What a scenario's settings mean for the engine and the caches.
//
// What a scenario sets and the resolver cannot do yet is said by missing_features(), so that a failure has its reason.
#pragma once

#include <string>
#include <vector>

#include "resolver/engine/engine.h"
#include "tests/scenario/settings.h"
#include "zones/config/config.h"

namespace weir::scenario {

// The caches outlive the engine. Random numbers come from a fixed seed.
EngineOptions engine_options(const ScenarioSettings& settings, ZoneTrustCache& zone_trust, DenialCache& denials);

// What they mean for the cache: stale answers, prefetching.
CacheConfig cache_config(const ScenarioSettings& settings);

// And for what is answered beside the caches: cookies, class CH.
AnswerConfig answer_config(const ScenarioSettings& settings);

// What `settings` ask for and the resolver does not do: "dns64", "prefetch", ... Most telling first.
std::vector<std::string> missing_features(const ScenarioSettings& settings);

}  // namespace weir::scenario
