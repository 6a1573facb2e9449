// What a client would be answered, and why: the verb `explain` of the control socket. The question goes the way of a
// client's, through local names, policy, engine and policy again, and every look at a part of the answer is kept.
//
// Nothing is counted, logged or put into the answer cache; what the engine learns stays in its caches as ever.
#pragma once

#include <functional>

#include "resolver/cache/rrset_cache.h"
#include "resolver/engine/engine.h"
#include "resolver/server/control_server.h"
#include "resolver/server/generation_holder.h"
#include "zones/local_data.h"

namespace weir {

inline constexpr std::size_t kMaxExplainedParts = 256;   // of one answer; those behind them are counted
inline constexpr std::size_t kMaxExplainedMatches = 32;  // of one part

struct ExplainSources {
  // Resolves on the worker that the question belongs to; `done` on its thread.
  std::function<void(const Question&, const Origin&, std::function<void(const ResolutionResult&)> done)> resolve;
  std::function<Now()> clock;
  const GenerationHolder& generations;
  const RrsetCache& rrsets;
  const LocalData* special_names = nullptr;  // nullptr: none
};

// Adds the verb. {"name", "type", "client", "group"} ->
//   {"generation", "name", "type", "group", "policy", "client",
//    "outcome": "none" | "allowed" | "blocked" | "local" | "failed",
//    "parts": [{"part": "qname" | "alias" | "address" | "ns_name" | "ns_address", "name", "address"?,
//               "matches": [match], "matches_left_out", "looks": [look]}], "parts_left_out",
//    "client_matches": [match],
//    "decision": look with {"part": index or -1, "provisional", "overruled", "rebinding", "observed_part", "mode"},
//    "answer": {"rcode", "records": [text], "dropped", "truncated", "target"?, "decides_again"},
//    "resolved": null or {"rcode", "security", "records": [text], "upstream_packets", "ede"?}}
// match: zones/link/match_json.h; only those that fit, and those that a look names always do.
// look: {"outcome", "action", "winner": index or -1, "losers": [index], "observed": index or -1, "would_deny",
//   "pause": id or null, "until": time or null, "ranks_before": number or null, "lists_cleared", "only_rpz"}; indices
//   count the matches of the part, then those of the client.
// Everything in `sources` outlives the control server.
void add_explain_verb(ControlHandlers& handlers, const ExplainSources& sources);

}  // namespace weir
