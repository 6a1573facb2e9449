// policy.learn: what a policy that refuses, or is to refuse, all that is not allowed was asked for beside it.
#include <chrono>

#include "tools/log/top.h"
#include "tools/log/walk.h"
#include "tools/sidecar/learning.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/verdict.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::chrono::hours kLearnedFor{24 * 7};

// Whether no rule that is in force now says anything of the name, for the group of this number. An exception for a
// while is no rule: what it lets through is asked for behind its end as well.
bool is_unknown(const Generation& generation, const PolicySet& without_pauses, std::uint32_t group,
                const Decision& decision, WallTime now, MatchSet& matches) {
  generation.match(ReversedName(decision.qname), matches);
  std::erase_if(matches.matches, [](const Match& match) { return match.list_id() == kOverlays; });
  const Verdict verdict = decide(matches, {.policies = without_pauses,
                                           .group = group,
                                           .client = decision.client.address,
                                           .name = decision.qname,
                                           .type = decision.qtype,
                                           .now = now,
                                           .details = generation});
  return verdict.winner == kNoRule && verdict.outcome != Outcome::allowed;
}

}  // namespace

VerbResult learn_policy(Call& call) {
  const std::string name = call.arguments.required("name");
  const WallTime now = read_clocks().wall;
  const WallTime since = call.arguments.time("since", now).value_or(now - kLearnedFor);
  if (!call.arguments.ok()) return call.arguments.error();
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  const PolicySet& policies = (*current)->policies();
  const auto policy = std::find_if(policies.policies.begin(), policies.policies.end(),
                                   [&](const Policy& each) { return each.name == name; });
  if (policy == policies.policies.end())
    return Error{ErrorCode::not_found, "no policy \"" + escape_for_display(name) + "\""};
  json::array groups;
  bool for_all = true;
  for (const auto& group : policies.groups) {
    const bool uses_it = policies.policies[group.policy].name == name;
    for_all = for_all && uses_it;
    if (uses_it) groups.emplace_back(group.name);
  }
  auto learning = Learning::make();
  if (!learning) return learning.error();
  MatchSet matches;
  PolicySet without_pauses = policies;
  without_pauses.pauses.clear();
  const auto complete = log::walk_decisions(
      call.services.log, since, [&] { return call.responder.is_gone(); },
      [&](const log::LoggedDecision& logged) {
        const Decision& decision = logged.decision;
        if (decision.link != LinkKind::default_deny) return true;
        const auto group = policies.find_group(logged.group);
        if (!group || policies.policies[policies.groups[*group].policy].name != name) return true;
        if (is_unknown(**current, without_pauses, *group, decision, now, matches))
          learning->add(decision.qname, log::describe(decision.client));
        return true;
      });
  if (!complete) return complete.error();
  return json::object{{"name", name},
                      {"default", to_text(policy->default_action)},
                      {"groups", std::move(groups)},
                      {"all_groups", for_all},
                      {"since", format_time(since)},
                      {"complete", *complete && learning->left_out() == 0},
                      {"proposals", learning->proposals()}};
}

}  // namespace weir::sidecar
