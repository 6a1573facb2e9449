#include "zones/verdict.h"

#include <algorithm>
#include <compare>
#include <functional>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

namespace weir {
namespace {

constexpr unsigned kInlineCandidates = 64;

// One match that applies to this question, with what the comparison needs. Trivial on purpose: an array of
// them on the stack must cost nothing until it is filled.
struct Candidate {
  int index;
  bool allow;
  bool group_rule;
  bool removed;  // by an exception of its own list
  int rank;
  const Match* match;
  const ListDefinition* list;
  const RuleDetail* detail;
};

// At equal label count: exact, subtree, below; globs and regular expressions lose ties.
int kind_weight(PatternKind kind) {
  switch (kind) {
    case PatternKind::exact:
      return 4;
    case PatternKind::subtree:
      return 3;
    case PatternKind::below:
      return 2;
    default:
      return 1;
  }
}

// Without the group: whether a group's rule comes first is asked before this, and an important rule of the
// administrator's on the same pattern must not lose by it.
int condition_count(const RuleDetail* detail) {
  if (detail == nullptr) return 0;
  const Conditions& c = detail->conditions;
  return static_cast<int>(!c.types.empty()) + static_cast<int>(!c.clients.empty()) +
         static_cast<int>(!c.deny_allow.empty()) + static_cast<int>(c.not_before.has_value()) +
         static_cast<int>(c.not_after.has_value());
}

std::tuple<int, int, int> specificity(const Candidate& candidate) {
  return {candidate.match->labels, kind_weight(candidate.match->kind), condition_count(candidate.detail)};
}

// What beats what between the lines of one author: the most specific, then important, then allow, then the newer. Equal
// ones are rules on the same name, where a match set has the newest first.
bool beats_by_specificity(const Candidate& a, const Candidate& b) {
  const auto specific_a = specificity(a);
  const auto specific_b = specificity(b);
  if (specific_a != specific_b) return specific_a > specific_b;
  if (a.match->important() != b.match->important()) return a.match->important();
  if (a.allow != b.allow) return a.allow;
  return a.index < b.index;
}

// What beats what between strangers' lists: important, then allow, then the most specific is the one reported.
bool beats_by_kind(const Candidate& a, const Candidate& b) {
  if (a.match->important() != b.match->important()) return a.match->important();
  if (a.allow != b.allow) return a.allow;
  return specificity(a) > specificity(b);
}

// An RPZ zone's own order: by what it was triggered, then exact before wildcard, the longest wildcard or prefix first.
int trigger_order(PatternKind kind) {
  switch (kind) {
    case PatternKind::client:
      return 0;
    case PatternKind::address:
      return 2;
    case PatternKind::ns_name:
      return 3;
    case PatternKind::ns_address:
      return 4;
    default:
      return 1;
  }
}

bool beats_in_zone(const Candidate& a, const Candidate& b) {
  const int order_a = trigger_order(a.match->kind);
  const int order_b = trigger_order(b.match->kind);
  if (order_a != order_b) return order_a < order_b;
  const auto specific_a = specificity(a);
  const auto specific_b = specificity(b);
  if (specific_a != specific_b) return specific_a > specific_b;
  return a.index < b.index;
}

bool has_own_order(const ListDefinition& list) {
  return list.order == Order::specific || list.kind == ListKind::rpz;
}

// Whether `other`, of the same list, speaks for it instead of `candidate`.
bool speaks_before(const Candidate& other, const Candidate& candidate) {
  return candidate.list->kind == ListKind::rpz ? beats_in_zone(other, candidate)
                                               : beats_by_specificity(other, candidate);
}

bool applies_but_for_time(const Conditions& conditions, const DecideContext& context) {
  if (!conditions.types.empty()) {
    const bool named =
        std::find(conditions.types.begin(), conditions.types.end(), context.type) != conditions.types.end();
    if (named == conditions.types_excluded) return false;
  }
  if (!conditions.clients.empty() &&
      std::none_of(conditions.clients.begin(), conditions.clients.end(),
                   [&](const Prefix& prefix) { return prefix.contains(context.client.unmapped()); })) {
    return false;
  }
  if (!conditions.groups.empty()) {
    const std::string& group = context.policies.groups[context.group].name;
    if (std::find(conditions.groups.begin(), conditions.groups.end(), group) == conditions.groups.end()) return false;
  }
  return std::none_of(conditions.deny_allow.begin(), conditions.deny_allow.end(),
                      [&](const Name& subtree) { return context.name.is_at_or_below(subtree); });
}

// An exception from rewrites names in its action what it lifts: an answer, or with `answer` and no records every one.
bool is_rewrite_exception(const Candidate& candidate) {
  return candidate.match->exception() && candidate.match->action != Action::allow;
}

bool has_data(const RuleDetail* detail) {
  return detail != nullptr && (!detail->addresses.empty() || detail->target || !detail->records.empty());
}

bool lifts(const Candidate& exception, const Candidate& block) {
  const Action action = block.match->action;
  if (!is_rewrite_exception(exception)) return true;
  if (action == Action::block || is_rewrite_exception(block)) return false;
  const RuleDetail* wanted = exception.detail;
  if (!has_data(wanted)) return exception.match->action == Action::answer || exception.match->action == action;
  const RuleDetail* given = block.detail;
  return exception.match->action == action && given != nullptr && wanted->addresses == given->addresses &&
         wanted->target == given->target && wanted->records == given->records;
}

bool holds_at(const Conditions& conditions, WallTime now) {
  return !(conditions.not_before && now < *conditions.not_before) &&
         !(conditions.not_after && now >= *conditions.not_after);
}

void note_edge(std::optional<WallTime> edge, std::optional<WallTime>& until) {
  if (edge && (!until || *edge < *until)) until = edge;
}

// The next edge of a rule whose other conditions are met brings it in or takes it away.
void note_edges(const Conditions& conditions, WallTime now, std::optional<WallTime>& until) {
  for (const auto& edge : {conditions.not_before, conditions.not_after}) {
    if (edge && *edge > now) note_edge(edge, until);
  }
}

bool is_own_exception(const Candidate& candidate) {
  return candidate.match->exception() &&
         (candidate.list->exceptions == ExceptionScope::own || is_rewrite_exception(candidate));
}

// Of some exceptions of one list that lift the same.
struct Reach {
  std::optional<std::tuple<int, int, int>> of_plain;      // the most specific of all
  std::optional<std::tuple<int, int, int>> of_important;  // of those that are important

  void add(const Candidate& exception) {
    const auto specific = specificity(exception);
    if (!of_plain || *of_plain < specific) of_plain = specific;
    if (exception.match->important() && (!of_important || *of_important < specific)) of_important = specific;
  }
  void add(const Reach& other) {
    of_plain = std::max(of_plain, other.of_plain);  // nothing is less than anything
    of_important = std::max(of_important, other.of_important);
  }
  bool covers(const Candidate& block) const {
    const auto& reach = block.match->important() ? of_important : of_plain;
    return reach && (block.list->order != Order::specific || specificity(block) <= *reach);
  }
};

// What an exception speaks of, in an order: its list, what it lifts there, and for a rewrite with data that data.
enum class Lifted : std::uint8_t { everything, rewrites, rewrites_by_action, this_rewrite };
struct Target {
  const ListDefinition* list;
  Lifted lifted;
  Action action;
  const RuleDetail* data;  // of this_rewrite
};

std::strong_ordering compare_data(const RuleDetail& a, const RuleDetail& b) {
  if (const auto order = a.addresses <=> b.addresses; order != 0) return order;
  if (const auto order = a.target.has_value() <=> b.target.has_value(); order != 0) return order;
  if (a.target) {
    if (const auto order = a.target->canonical_compare(*b.target); order != 0) return order;
  }
  return a.records <=> b.records;
}

bool comes_before(const Target& a, const Target& b) {
  if (a.list != b.list) return std::less<>()(a.list, b.list);
  if (a.lifted != b.lifted) return a.lifted < b.lifted;
  if (a.action != b.action) return a.action < b.action;
  return a.lifted == Lifted::this_rewrite && compare_data(*a.data, *b.data) < 0;
}

Target target_of(const Candidate& exception) {
  const Action action = exception.match->action;
  if (!is_rewrite_exception(exception)) return {exception.list, Lifted::everything, Action::allow, nullptr};
  if (has_data(exception.detail)) return {exception.list, Lifted::this_rewrite, action, exception.detail};
  if (action == Action::answer) return {exception.list, Lifted::rewrites, Action::allow, nullptr};
  return {exception.list, Lifted::rewrites_by_action, action, nullptr};
}

// apply_own_exceptions() of any number: a hostile list may have ten thousand exceptions beside as many rules on one
// name.
void apply_many_exceptions(std::span<Candidate> candidates) {
  struct Lifting {
    Target target;
    Reach reach;
  };
  std::vector<Lifting> liftings;
  for (const Candidate& candidate : candidates) {
    if (is_own_exception(candidate)) liftings.push_back({target_of(candidate), {}});
    if (is_own_exception(candidate)) liftings.back().reach.add(candidate);
  }
  const auto before = [](const Lifting& a, const Lifting& b) { return comes_before(a.target, b.target); };
  std::sort(liftings.begin(), liftings.end(), before);
  std::size_t kept = 0;
  for (const Lifting& lifting : liftings) {
    if (kept > 0 && !before(liftings[kept - 1], lifting)) {
      liftings[kept - 1].reach.add(lifting.reach);
    } else {
      liftings[kept++] = lifting;
    }
  }
  liftings.resize(kept);
  const auto covers = [&](const Target& target, const Candidate& block) {
    const auto found = std::lower_bound(liftings.begin(), liftings.end(), Lifting{target, {}}, before);
    return found != liftings.end() && !comes_before(target, found->target) && found->reach.covers(block);
  };
  for (Candidate& block : candidates) {
    if (block.allow || liftings.empty()) continue;
    const Action action = block.match->action;
    bool lifted = covers({block.list, Lifted::everything, Action::allow, nullptr}, block);
    if (!lifted && action != Action::block && !is_rewrite_exception(block)) {
      lifted = covers({block.list, Lifted::rewrites, Action::allow, nullptr}, block) ||
               covers({block.list, Lifted::rewrites_by_action, action, nullptr}, block) ||
               (has_data(block.detail) && covers({block.list, Lifted::this_rewrite, action, block.detail}, block));
    }
    block.removed = block.removed || lifted;
  }
}

// `@@` scoped to its own list removes that list's blocks before ranks are compared (an important block only where the
// exception is important too; in a list ordered by specificity only what is not more specific than the exception).
void apply_own_exceptions(std::span<Candidate> candidates) {
  if (candidates.size() > kInlineCandidates) return apply_many_exceptions(candidates);
  for (const Candidate& exception : candidates) {
    if (!is_own_exception(exception)) continue;
    for (Candidate& block : candidates) {
      if (block.list != exception.list || block.allow || !lifts(exception, block)) continue;
      if (block.match->important() && !exception.match->important()) continue;
      if (block.list->order == Order::specific && specificity(block) > specificity(exception)) continue;
      block.removed = true;
    }
  }
}

bool takes_part(const Candidate& candidate) {
  const bool own_exception = candidate.match->exception() && candidate.list->exceptions == ExceptionScope::own;
  return !candidate.removed && !own_exception && !is_rewrite_exception(candidate);
}

// Who speaks for each list that has an order of its own; found in two passes, since a zone may have thousands of
// records on one name.
class Speakers {
 public:
  // Where a group has rules, the administrator's others are silent unless they are important.
  void note(const Candidate& candidate) {
    Speaker& speaker = of(*candidate.list);
    speaker.has_group_rules = speaker.has_group_rules || candidate.group_rule;
  }
  void propose(const Candidate& candidate) {
    Speaker& speaker = of(*candidate.list);
    if (speaker.has_group_rules && !candidate.group_rule && !candidate.match->important()) return;
    if (speaker.candidate == nullptr || speaks_before(candidate, *speaker.candidate)) speaker.candidate = &candidate;
  }
  bool speaks(const Candidate& candidate) { return of(*candidate.list).candidate == &candidate; }

 private:
  struct Speaker {
    const ListDefinition* list;
    const Candidate* candidate;
    bool has_group_rules;
  };
  Speaker& of(const ListDefinition& list) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (inline_[i].list == &list) return inline_[i];
    }
    if (count_ < inline_.size()) return inline_[count_++] = {&list, nullptr, false};
    for (Speaker& speaker : more_) {
      if (speaker.list == &list) return speaker;
    }
    return more_.emplace_back(Speaker{&list, nullptr, false});
  }

  std::array<Speaker, 16> inline_;  // filled as far as count_ says
  std::size_t count_ = 0;
  std::vector<Speaker> more_;
};

// The winner among those that take part: the first rank with a match; in it each list that has an order of its own is
// reduced to its own winner first, then those compete.
const Candidate* select(std::span<const Candidate> candidates, bool with_observed) {
  const auto competes = [with_observed](const Candidate& candidate) {
    return takes_part(candidate) && (with_observed || candidate.list->mode != ListMode::observe) &&
           !is_safe_search(candidate.list->id);
  };
  Speakers speakers;
  for (const Candidate& candidate : candidates) {
    if (has_own_order(*candidate.list) && competes(candidate)) speakers.note(candidate);
  }
  for (const Candidate& candidate : candidates) {
    if (has_own_order(*candidate.list) && competes(candidate)) speakers.propose(candidate);
  }
  const Candidate* winner = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!competes(candidate) || (has_own_order(*candidate.list) && !speakers.speaks(candidate))) continue;
    if (winner != nullptr && candidate.rank > winner->rank) continue;
    if (winner == nullptr || candidate.rank < winner->rank || beats_by_kind(candidate, *winner)) winner = &candidate;
  }
  return winner;
}

// A policy's switch, no author's rule: it holds wherever the name is not blocked, unless the administrator himself
// allows the name. An allow list that names a search engine means the engine, not its unfiltered answers.
const Candidate* select_safe_search(std::span<const Candidate> candidates, const Candidate* winner) {
  if (winner != nullptr && (!winner->allow || winner->rank <= kRankLocal)) return nullptr;
  const auto found = std::find_if(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
    return is_safe_search(candidate.list->id) && !candidate.removed;
  });
  return found == candidates.end() ? nullptr : &*found;
}

// Whether an NXDOMAIN would say more than the rule does: RFC 8020 caches take everything below it as absent.
bool must_degrade(const Candidate& winner, const MatchSet& matches, const Policy& policy, const PolicySet& policies) {
  if (winner.list->nxdomain == NameErrors::as_written) return false;
  const Match& match = *winner.match;
  // A rule on the client speaks of every name that it asks for.
  const bool with_below = winner.list->kind == ListKind::rpz && (match.flags & Match::kWithBelow) != 0;
  const bool covers = match.kind == PatternKind::subtree || match.kind == PatternKind::below ||
                      match.kind == PatternKind::client || with_below;
  if (!covers) return true;
  if (winner.detail != nullptr && !winner.detail->conditions.types.empty()) return true;
  if ((match.flags & Match::kManyListsBelow) != 0) return true;
  for (unsigned i = 0; i < match.below_count; ++i) {
    const ListId below{matches.lists_below[match.below_first + i]};
    const ListDefinition* list = policies.find_list(below);
    if (policy.has_list(below) && list != nullptr && list->mode == ListMode::enforce) return true;
  }
  // What lies below was worked out from what the entries say, and one that is overridden may open all the same.
  const Action action = action_of(match, *winner.list);
  const bool says_nxdomain =
      action == Action::nxdomain || (action == Action::block && policy.block.mode == BlockMode::nxdomain);
  return says_nxdomain && std::ranges::any_of(policies.lists, [&](const ListDefinition& list) {
           return list.override_action == Action::allow && list.mode == ListMode::enforce && policy.has_list(list.id);
         });
}

// A list that schedules name for this group speaks only when one of them says so.
bool is_scheduled(const DecideContext& context, ListId list, std::optional<WallTime>& until) {
  bool named = false;
  bool holds = false;
  for (const Schedule& schedule : context.policies.schedules) {
    if (schedule.group != context.group || !schedule.names(list)) continue;
    named = true;
    holds = holds || schedule.holds_at(context.now);
    note_edge(schedule.next_edge(context.now), until);
  }
  return holds || !named;
}

// The pause that holds longest for who asks, since it is the one that decides when filtering goes on.
int find_pause(const DecideContext& context) {
  const std::vector<Pause>& pauses = context.policies.pauses;
  int found = kNoRule;
  for (std::size_t i = 0; i < pauses.size(); ++i) {
    if (!pauses[i].holds_at(context.now)) continue;
    if (!pauses[i].concerns(context.policies.groups[context.group].name, context.client)) continue;
    if (found == kNoRule || pauses[i].until > pauses[static_cast<std::size_t>(found)].until)
      found = static_cast<int>(i);
  }
  return found;
}

bool is_pausable(const ListDefinition& list) {
  return list.pausable && list.basis != Basis::legal;
}

}  // namespace

std::string_view to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::none:
      return "none";
    case Outcome::allowed:
      return "allowed";
    case Outcome::blocked:
      return "blocked";
  }
  return "none";
}

bool applies(const Conditions& conditions, const DecideContext& context) {
  return applies_but_for_time(conditions, context) && holds_at(conditions, context.now);
}

const Match& match_at(const MatchSet& matches, const DecideContext& context, int index) {
  const auto at = static_cast<std::size_t>(index);
  const std::size_t own = matches.matches.size();
  return at < own ? matches.matches[at] : context.client_matches->matches[at - own];
}

Verdict decide(const MatchSet& matches, const DecideContext& context) {
  const Policy& policy = context.policy();
  Verdict verdict;

  std::array<Candidate, kInlineCandidates> inline_candidates;
  std::vector<Candidate> many;
  std::span<Candidate> room = inline_candidates;
  const std::size_t of_client = context.client_matches == nullptr ? 0 : context.client_matches->matches.size();
  const std::size_t total = matches.matches.size() + of_client;
  if (total > kInlineCandidates) {
    many.resize(total);
    room = many;
  }
  std::size_t count = 0;
  bool any_observed = false;
  bool any_safe_search = false;
  for (std::size_t i = 0; i < total; ++i) {
    const Match& match = match_at(matches, context, static_cast<int>(i));
    if (!policy.has_list(match.list_id())) continue;
    const ListDefinition* list = context.policies.find_list(match.list_id());
    if (list == nullptr || list->rank >= context.ranks_before) continue;
    if (context.only_rpz && list->kind != ListKind::rpz) continue;
    if ((match.flags & Match::kNearerName) != 0 && list->wildcards == Wildcards::closest) continue;
    const Action action = action_of(match, *list);
    if (context.clear_list_blocks && list->id >= kFirstDefinedList && blocks(action)) continue;
    if (!context.policies.schedules.empty() && !is_scheduled(context, list->id, verdict.until)) continue;
    const RuleDetail* detail = match.detail == 0 ? nullptr : context.details.detail({match.detail});
    if (match.detail != 0 && detail == nullptr) continue;  // its conditions are unknown: it must not act without them
    if (detail != nullptr) {
      if (!applies_but_for_time(detail->conditions, context)) continue;
      note_edges(detail->conditions, context.now, verdict.until);
      if (!holds_at(detail->conditions, context.now)) continue;
    }
    Candidate& candidate = room[count++];
    candidate = {.index = static_cast<int>(i),
                 .allow = !blocks(action),
                 .group_rule = detail != nullptr && !detail->conditions.groups.empty(),
                 .removed = false,
                 .rank = list->rank,
                 .match = &match,
                 .list = list,
                 .detail = detail};
    any_observed = any_observed || list->mode == ListMode::observe;
    any_safe_search = any_safe_search || is_safe_search(list->id);
  }
  const std::span<Candidate> candidates = room.first(count);
  apply_own_exceptions(candidates);

  const bool by_default = context.is_qname && !context.only_rpz && context.ranks_before == DecideContext::kAllRanks;
  const bool denies = by_default && policy.default_action == DefaultAction::deny;
  const auto choose = [&] {
    const Candidate* chosen = select(candidates, false);
    const Candidate* safe = any_safe_search && context.is_qname ? select_safe_search(candidates, chosen) : nullptr;
    return safe != nullptr ? safe : chosen;
  };
  const Candidate* winner = choose();
  const bool would_block = winner != nullptr ? !winner->allow : denies;
  if (const int pause = would_block ? find_pause(context) : kNoRule; pause != kNoRule) {
    for (Candidate& candidate : candidates) {
      candidate.removed = candidate.removed || (!candidate.allow && is_pausable(*candidate.list));
    }
    winner = choose();
    if (winner != nullptr && winner->allow) winner = nullptr;  // beside what rests it would not have won
    if (winner == nullptr) verdict.pause = pause;
    note_edge(context.policies.pauses[static_cast<std::size_t>(pause)].until, verdict.until);
  }
  if (verdict.pause != kNoRule) {
    verdict.outcome = Outcome::allowed;
    verdict.rank = kRankOverlays;
  } else if (winner != nullptr) {
    verdict.rank = winner->rank;
    verdict.by_rpz = winner->list->kind == ListKind::rpz;
    verdict.outcome = winner->allow ? Outcome::allowed : Outcome::blocked;
    verdict.action = action_of(*winner->match, *winner->list);
    verdict.nxdomain_as_written = winner->list->nxdomain == NameErrors::as_written;
    verdict.winner = winner->index;
    verdict.degrade_nxdomain = !winner->allow && must_degrade(*winner, matches, policy, context.policies);
  } else if (denies) {
    verdict.outcome = Outcome::blocked;
    verdict.action = Action::block;
    verdict.degrade_nxdomain = true;  // an allowed name may lie below
  } else {
    verdict.would_deny = by_default && policy.default_action == DefaultAction::learn;
  }
  if (any_observed) {
    const Candidate* observed = select(candidates, true);
    if (observed != winner && observed != nullptr && !observed->allow) verdict.observed_winner = observed->index;
  }

  // Who lost, nearest to winning first.
  const auto nearer = [](const Candidate& a, const Candidate& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    if (takes_part(a) != takes_part(b)) return takes_part(a);
    if (beats_by_kind(a, b) != beats_by_kind(b, a)) return beats_by_kind(a, b);
    return a.index < b.index;
  };
  const auto lost = std::partition(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.index != verdict.winner && candidate.list->mode != ListMode::observe;
  });
  const auto told = candidates.begin() + std::min<std::ptrdiff_t>(kMaxLosers, lost - candidates.begin());
  std::partial_sort(candidates.begin(), told, lost, nearer);
  for (auto candidate = candidates.begin(); candidate != told; ++candidate)
    verdict.losers[verdict.loser_count++] = candidate->index;
  return verdict;
}

}  // namespace weir
