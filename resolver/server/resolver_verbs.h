// The verbs of the control socket that look into the resolver: resolve, cache.show, anchors.show, and those that change
// what is not validated. JSON in, JSON out; all on the control thread.
#pragma once

#include <functional>

#include "resolver/cache/answer_cache.h"
#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/engine/engine.h"
#include "resolver/server/control_server.h"
#include "resolver/server/trust_upkeep.h"

namespace weir {

struct ResolverVerbs {
  // Resolves on the worker that the question belongs to; `done` on its thread.
  std::function<void(const Question&, const Origin&, std::function<void(const ResolutionResult&)> done)> resolve;
  std::function<Now()> clock;
  AnswerCache& answers;
  RrsetCache& rrsets;
  ServerCache& servers;
  TrustUpkeep* trust = nullptr;  // null: nothing is validated
};

// Everything in `verbs` outlives the control server.
void add_resolver_verbs(ControlHandlers& handlers, const ResolverVerbs& verbs);

}  // namespace weir
