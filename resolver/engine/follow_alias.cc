// FollowAlias: one link more of the chain, then the caches and servers are asked for its target.
#include "resolver/engine/resolution.h"

namespace weir {

std::optional<Step> advance(FollowAlias& step, Lookup& lookup, Resolution& resolution, Context& context) {
  const Name target = step.link.target;
  lookup.chain.push_back(std::move(step.link));
  lookup.chain_zone_cuts.push_back(std::move(step.zone_cut));
  lookup.chain_since.push_back(context.now.steady);
  if (!resolution.budget().spend(Limit::aliases)) return limit_failure(Limit::aliases, context);
  for (const ChainLink& link : lookup.chain) {
    if (link.owner == target) return failure(EdeCode::other, "alias loop at " + target.to_text());
  }
  if (step.is_the_answer) return positive({}, lookup.chain_zone_cuts.back());
  lookup.name = target;
  return FindZoneCut{};
}

}  // namespace weir
